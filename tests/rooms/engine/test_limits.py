"""What numbers of the format can hold: at each limit a request is refused, and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

import tiger
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import clear_namespace, define, delete, put, put_many
from tiger.errors import Damaged, InvalidRequest, StoreFull
from tiger.format import layout, protocol
from tiger.format.layout import LIMITS, Limit
from tiger.format.resources import BY_NAME, DEFINITIONS, DEFINITIONS_NAMESPACE
from tiger.reading.namespace import definitions
from tigerd.engine.segments import WritableSegment
from tigerd.tools.audit import audit
from tigerd.tools.repair import rebuild, salvage

PLANS = BY_NAME["plans"].number
FORMAT = Path(__file__).parents[3] / "docs" / "format.md"

At = Callable[[Daemon, pytest.MonkeyPatch], None]


def at_word(at: int, limit: Limit) -> At:
    """Let a word of the control segment be at its limit."""
    return lambda daemon, _: daemon.control.store(at, limit.most)


def at_last(word: int, limit: Limit) -> At:
    return at_word(layout.entry_at(PLANS, word), limit)


def at_generations(_: Daemon, patch: pytest.MonkeyPatch) -> None:
    """Let the first generation of an index be the last: a segment's name and head say which."""
    patch.setattr(layout, "GENERATIONS", layout.GENERATIONS._replace(most=1))


def at_records(daemon: Daemon, _: pytest.MonkeyPatch) -> None:
    daemon.writer.tables[PLANS].namespaces["a"].records = layout.COUNT_MAX


BIG = [put(PLANS, "a", "big", text="x" * 200_000)]
MANY = [put_many(PLANS, "a", [{"id": f"n{number}"} for number in range(600)])]
CASES: dict[str, tuple[Limit, At, list[Any]]] = {
    "commits": (layout.COMMITS, at_word(layout.COMMIT, layout.COMMITS), [put(PLANS, "a", "new")]),
    "commits, a clear": (
        layout.COMMITS,
        at_word(layout.COMMIT, layout.COMMITS),
        [clear_namespace(PLANS, "a")],
    ),
    "chunks": (layout.CHUNKS, at_last(layout.TABLE_LAST_CHUNK, layout.CHUNKS), BIG),
    "generations": (layout.GENERATIONS, at_generations, MANY),
    "scopes": (
        layout.SCOPES,
        at_last(layout.TABLE_LAST_NAMESPACE, layout.SCOPES),
        [put(PLANS, "new", "A")],
    ),
    "scopes, a fork": (
        layout.SCOPES,
        at_last(layout.TABLE_LAST_NAMESPACE, layout.SCOPES),
        [[protocol.FORK, "a", "child"]],
    ),
    "records": (layout.RECORDS, at_records, [put(PLANS, "a", "new")]),
}


def state_of(daemon: Daemon) -> tuple[list[int], dict[str, bytes]]:
    """Return what decides what is there; numbers that were given, and not used, may be lost."""
    words = list(daemon.control.words)
    for word in (layout.TABLE_LAST_CHUNK, layout.TABLE_DROPPED):
        words[layout.entry_at(PLANS, word)] = 0
    files = {
        str(path): path.read_bytes() for path in sorted(daemon.directory.glob("tables/plans/*"))
    }
    return words, files


@pytest.mark.parametrize("case", CASES)
def test_at_a_limit_a_request_is_refused_and_changes_nothing(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, reach, step = CASES[case]
    with new_directory() as directory:
        daemon = Daemon(directory)
        daemon.do([put(PLANS, "a", "A", product="p")])
        reach(daemon, monkeypatch)
        before = state_of(daemon)
        told = f"{limit.what} would be needed, the limit is [0-9,]+, and nothing was changed: "
        with pytest.raises(StoreFull, match=told):
            daemon.do(step)
        assert state_of(daemon) == before
        if limit is not layout.COMMITS:
            daemon.do([delete(PLANS, "a", "A")])
            assert not audit(directory).findings or limit is layout.RECORDS


def test_a_request_below_the_limits_is_done() -> None:
    """The last number of each kind is given."""
    with new_directory() as directory:
        daemon = Daemon(directory)
        daemon.do([put(PLANS, "a", "A", product="p")])
        for word, limit in (
            (layout.TABLE_LAST_CHUNK, layout.CHUNKS),
            (layout.TABLE_LAST_NAMESPACE, layout.SCOPES),
        ):
            daemon.control.store(layout.entry_at(PLANS, word), limit.most - 1)
        daemon.control.store(layout.entry_at(PLANS, layout.TABLE_LAST_NUMBER), layout.WORD_MAX - 2)
        daemon.control.store(layout.COMMIT, layout.COMMITS.most - 1)
        daemon.do([put(PLANS, "b", "B", text="x" * 200_000), put(PLANS, "b", "C", product="p")])
        assert daemon.writer.commit == layout.COMMITS.most
        assert layout.CHUNKS.most in daemon.writer.tables[PLANS].space.chunks
        assert not audit(directory).findings
        daemon.restart()
        with tiger.connect(directory, namespace="b", autostart=False) as store:
            assert {content["id"] for content in store.plans} == {"B", "C"}
            assert store.plans.find_by_product("p")[0]["id"] == "C"


def test_counters_that_only_tell_begin_again_after_their_last(store: tiger.Store) -> None:
    control = WritableSegment(store.directory / "control", layout.CONTROL)
    for word in (layout.COMMANDS, layout.CHANGES):
        control.store(word, layout.WORD_MAX)
    daemon = store.ping()["pid"]
    store.coupons.insert({"id": "A"})
    store.coupons.insert({"id": "B"})
    assert store.ping()["pid"] == daemon
    control.close()


def test_a_daemon_at_a_limit_lives_and_says_so(store: tiger.Store) -> None:
    store.coupons.insert({"id": "A"})
    daemon = store.ping()["pid"]
    control = WritableSegment(store.directory / "control", layout.CONTROL)
    commit = control.words[layout.COMMIT]
    control.store(layout.COMMIT, layout.COMMITS.most)
    for _ in range(2):
        with pytest.raises(StoreFull, match="the limit is 1,099,511,627,775"):
            store.coupons.insert({"id": "B"})
    assert store.coupons.get("B", None) is None
    control.store(layout.COMMIT, commit)
    assert store.coupons.insert({"id": "C"}) == {"id": "C"}
    assert store.ping()["pid"] == daemon
    control.close()


def test_the_document_has_every_limit() -> None:
    rows = dict(re.findall(r"^\| (.+?) \| (2\^\d+ - 1) \|$", FORMAT.read_text(), re.MULTILINE))
    powers = {limit.what: f"2^{(limit.most + 1).bit_length() - 1} - 1" for limit in LIMITS}
    assert rows == powers


# --- Numbers of tables ---


def forget_definition(daemon: Daemon, name: str) -> None:
    """Lose the definition of a table, as a repair of damage does."""
    table = daemon.writer.tables[DEFINITIONS.number]
    found = table.find(table.namespaces[DEFINITIONS_NAMESPACE], name.encode())
    assert found is not None
    commit = daemon.writer.commit + 1
    table.end(found, commit)
    table.count(DEFINITIONS_NAMESPACE, -1, commit)
    daemon.control.store(layout.COMMIT, commit)


def numbers_of(daemon: Daemon) -> dict[str, int]:
    with tiger.connect(daemon.directory, autostart=False) as store:
        return {content["id"]: content["number"] for content in definitions(store._moment)}


@pytest.mark.parametrize("lost", ["one", "two", "three"])
@pytest.mark.parametrize("is_used", [False, True])
def test_a_number_that_is_in_use_is_not_given_again(lost: str, is_used: bool) -> None:
    """Though a definition was lost to damage, and the instance was repaired."""
    with new_directory() as directory:
        daemon = Daemon(directory)
        for name in ("one", "two", "three"):
            daemon.do([define(name)])
        before = numbers_of(daemon)
        if is_used:
            daemon.do([put(number, "a", "A") for number in before.values()])
        forget_definition(daemon, lost)
        if is_used:
            with pytest.raises(Damaged, match="its definition is lost; run `tigerd check`"):
                daemon.restart()
        rebuild(directory, salvage(directory))
        daemon.restart()
        daemon.do([define("four")])
        after = numbers_of(daemon)
        assert len(set(after.values())) == 3
        daemon.do([put(number, "a", "B") for number in after.values()])
        with tiger.connect(directory, namespace="a", autostart=False) as store:
            kept = sorted(before.keys() - {lost})
            wanted = {name: {"A", "B"} if is_used else {"B"} for name in kept} | {"four": {"B"}}
            found = {name: {content["id"] for content in store.table(name)} for name in wanted}
            assert found == wanted


def test_more_tables_than_there_are_numbers_are_refused() -> None:
    with new_directory() as directory:
        daemon = Daemon(directory)
        for number in range(192):
            daemon.do([define(f"t{number}")])
        with pytest.raises(InvalidRequest, match="192 tables are defined, the maximum"):
            daemon.do([define("more")])
        forget_definition(daemon, "t7")
        daemon.do([define("more")])
        assert sorted(numbers_of(daemon).values()) == list(range(64, 256))


@pytest.mark.parametrize(
    "word", [layout.TABLE_LAST_CHUNK, layout.TABLE_LAST_NAMESPACE, layout.TABLE_LAST_NUMBER]
)
def test_a_counter_that_damage_made_less_gives_no_number_again(word: int) -> None:
    with new_directory() as directory:
        daemon = Daemon(directory)
        daemon.do([put(PLANS, "a", "A", text="x" * 200_000)])
        daemon.do([put(PLANS, "b", "B", text="x" * 200_000)])
        at = layout.entry_at(PLANS, word)
        last = daemon.control.words[at]
        daemon.control.store(at, 0)
        daemon.restart()
        assert daemon.control.words[at] == last
        daemon.do([put(PLANS, "c", "C", text="x" * 200_000)])
        assert not audit(directory).findings
        with tiger.connect(directory, autostart=False) as store:
            for name in "abc":
                (content,) = store.namespace(name).plans
                assert msgpack.packb(content)
