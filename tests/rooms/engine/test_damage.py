"""Bytes that nobody wrote there: the daemon says so, and neither hangs nor stores anywhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from zlib import crc32

import pytest

import tiger
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import put, put_many
from tiger.errors import Damaged
from tiger.format import layout, protocol
from tiger.format.layout import HEAD, HEAD_SIZE, NAMESPACES, OLDER, WORD
from tiger.format.resources import BY_NAME
from tiger.format.version import Version
from tigerd.engine import applying
from tigerd.engine import table as daemon_table
from tigerd.engine.plan import Effect
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Failed
from tigerd.tools.audit import audit
from tigerd.tools.repair import salvage

PLANS = BY_NAME["plans"].number
FIELDS = ("scope", "rest", "begin", "previous", "created", "number")


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon with some plans in namespace a; its own writes go by Python or are compiled."""
    with new_directory() as directory:
        daemon = Daemon(directory)
        items = [{"id": f"p{n}", "product": "q", "created": n} for n in range(100)]
        daemon.do([put_many(PLANS, "a", items)])
        yield daemon


@pytest.fixture(params=["compiled", "python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(daemon_table, "_put", lambda *_: None)
        monkeypatch.setattr(applying, "_write", lambda *_: None)


def rewrite(version: Version, *, body: bytes | None = None, **changes: float) -> None:
    """Let a version say something else, with a sum that is right."""
    chunk, start = version.chunk, version.head * WORD + WORD
    head = dict(zip(FIELDS, HEAD.unpack_from(chunk.map, start), strict=True)) | changes
    body = version.body if body is None else body
    content = HEAD.pack(*head.values()) + version.key + body
    chunk.map[start : start + len(content)] = content
    word = layout.first_word(len(body), len(version.key), crc32(content, layout.SUM_SEED))
    chunk.words[version.head] = word


def plans_of(daemon: Daemon) -> WritableTable:
    return daemon.writer.tables[PLANS]


def version_of(daemon: Daemon, name: str) -> Version:
    table = plans_of(daemon)
    found = table.find(table.namespaces["a"], name.encode())
    assert found is not None
    return found.version


# --- How much of a chunk is used ---

USED = [0, 8, 16, layout.HEADER_WORDS * WORD - 16, 65, 1 << 40, 1 << 63, (1 << 64) - 16]


@pytest.mark.parametrize("used", USED)
def test_an_impossible_number_of_used_bytes_is_damage(daemon: Daemon, used: int, way: None) -> None:
    chunk = plans_of(daemon).space.chunks[1]
    chunk.store(layout.HEADER_STATE, used)
    before = bytes(chunk.map)
    commit = daemon.writer.commit
    for _ in range(2):
        with pytest.raises(Damaged, match=f"says that {used} bytes of {len(before)} are used"):
            daemon.do([put(PLANS, "a", "new")])
    assert bytes(chunk.map) == before
    assert daemon.writer.commit == commit
    with pytest.raises(Damaged, match="tigerd repair"):
        daemon.restart()


@pytest.mark.parametrize("used", USED)
def test_nothing_is_appended_where_it_cannot_be(daemon: Daemon, used: int, way: None) -> None:
    """Also where that is found only after there was room."""
    table = plans_of(daemon)
    effect = Effect(table.resource, "a", b"new")
    effect.write(b"\x80", (b"new", (0.0, 0), []))
    chunk = table.space.chunks[1]
    chunk.store(layout.HEADER_STATE, used)
    before = bytes(chunk.map)
    with pytest.raises(Damaged, match=f"says that {used} bytes"):
        table.put(effect, daemon.writer.commit + 1)
    assert bytes(chunk.map) == before


def test_an_index_without_an_empty_place_is_damage(daemon: Daemon, way: None) -> None:
    index = plans_of(daemon).index.current
    assert index is not None
    for at in range(layout.SLOTS_AT, len(index.words)):
        index.store(at, index.words[at] or 5 << layout.HASH_SHIFT | layout.TOMB + 8)
    with pytest.raises(Failed) as failed:
        daemon.do([put(PLANS, "a", "new")])
    assert "empty place" in str(failed.value.__cause__)


# --- Circles ---


def in_itself(daemon: Daemon, name: str) -> None:
    version = version_of(daemon, name)
    plans_of(daemon).lists.store(version.ref, OLDER, version.ref)


def to_the_beginning(daemon: Daemon, name: str) -> None:
    ref = version_of(daemon, "p99").ref
    plans_of(daemon).lists.store(version_of(daemon, name).ref, OLDER, ref)


@pytest.mark.parametrize("bend", [in_itself, to_the_beginning])
def test_a_list_in_a_circle_under_a_daemon_ends(daemon: Daemon, bend, way: None) -> None:
    """Where a record goes further down in a list, that is walked."""
    bend(daemon, "p20")
    with pytest.raises(Failed) as failed:
        daemon.do([put(PLANS, "a", "old", created=-5)])
    assert "a list that runs in a circle" in str(failed.value.__cause__)
    with tiger.connect(daemon.directory, namespace="a", autostart=False) as store:
        assert len(store.plans.list(limit=50)) == 50
        for read in (lambda: list(store.plans), lambda: store.plans.find_by("name", 1)):
            with pytest.raises(Damaged, match="tigerd check"):
                read()
    daemon.restart()  # looks at no list
    assert any("out of order" in str(finding) for finding in audit(daemon.directory).findings)


def test_a_list_whose_order_says_nothing_ends(daemon: Daemon) -> None:
    for name in ("p20", "p21"):
        rewrite(version_of(daemon, name), created=math.nan)
    table = plans_of(daemon)
    table.lists.store(version_of(daemon, "p20").ref, OLDER, version_of(daemon, "p21").ref)
    with (
        tiger.connect(daemon.directory, namespace="a", autostart=False) as store,
        pytest.raises(Damaged, match="tigerd check"),
    ):
        list(store.plans)


def test_versions_that_follow_each_other_in_a_circle_end(daemon: Daemon) -> None:
    version = version_of(daemon, "p20")
    rewrite(version, begin=1 << 30, previous=version.ref)
    with (
        tiger.connect(daemon.directory, namespace="a", autostart=False) as store,
        pytest.raises(Damaged, match="versions out of order"),
    ):
        store.plans.get("p20")


def test_forks_of_each_other_end(daemon: Daemon) -> None:
    daemon.do([[protocol.FORK, "a", "b"]])
    parent = plans_of(daemon).reader.newest(NAMESPACES, b"a")
    assert parent is not None
    assert HEAD_SIZE % layout.ALIGNMENT == 0  # a name of one letter leaves room for another
    rewrite(parent[3], body=b"b")
    for name in "ab":
        with tiger.connect(daemon.directory, namespace=name, autostart=False) as store:
            for read in (lambda: store.plans.get("p1"), store.plans.list):
                with pytest.raises(Damaged, match="tigerd check"):
                    read()
    with pytest.raises(Damaged, match="no parent before it"):
        daemon.restart()
    assert salvage(daemon.directory).count


@pytest.mark.parametrize("word", [layout.RETIRING, layout.COPYING])
@pytest.mark.parametrize("named", [PLANS << 48 | 1 << 40, 77 << 48 | 1, (1 << 64) - 1])
def test_whatever_recovery_meets_is_damage(daemon: Daemon, word: int, named: int) -> None:
    """An error that no code expects names the remedy."""
    daemon.control.store(layout.COPY, plans_of(daemon).namespaces["a"].ref)
    daemon.control.store(word, named)
    with pytest.raises(Damaged, match="tigerd repair"):
        daemon.restart()


@pytest.mark.parametrize("garbage", [8, 1 << 20, layout.CHUNK_MIN])
def test_an_impossible_number_of_garbage_bytes_is_damage(daemon: Daemon, garbage: int) -> None:
    """Or a chunk would be removed in which something is needed."""
    plans_of(daemon).space.chunks[1].store(layout.CHUNK_GARBAGE, garbage)
    with pytest.raises(Damaged, match=f"says that {garbage} bytes of .* are garbage; run"):
        daemon.restart()


def test_a_ring_of_what_ended_that_says_anything_ends_nothing(daemon: Daemon) -> None:
    for entry, word in enumerate([5, 99 << 48 | 1 << 20, PLANS << 48 | 1 << 40, (1 << 64) - 1]):
        daemon.control.store(layout.ended_at(entry), word)
    daemon.control.store(layout.ENDED, (1 << 64) - 1)
    with suppress(Damaged):
        daemon.restart()
        daemon.clean()
    assert len(audit(daemon.directory).findings) == 0


def test_a_definition_that_is_none_is_found_by_a_repair(daemon: Daemon) -> None:
    daemon.do([[protocol.DEFINE, "gadgets", None, None, ["colour"]]])
    definitions = daemon.writer.tables[0]
    found = definitions.find(definitions.namespaces["tigerd"], b"gadgets")
    assert found is not None
    body = found.version.body
    rewrite(found.version, body=body.replace(b"\xa7indexes", b"\xa7indexed"))
    told = [str(finding) for finding in salvage(daemon.directory).findings]
    assert any("'gadgets': dropped, for it defines no table" in text for text in told)
