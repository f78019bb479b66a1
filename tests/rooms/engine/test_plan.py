"""What a request comes to where its operations meet; and requests that no client of ours sends."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tests.hostile.trials import hello, peer
from tests.support.choke import Killed
from tests.support.daemon import Daemon
from tests.support.model import clear_namespace, define, fork, put, put_many, rollback
from tests.support.processes import instance_directory, serving
from tiger.format import layout, protocol
from tiger.format.record import Record
from tiger.format.resources import BY_NAME, DEFINITIONS, DEFINITIONS_NAMESPACE
from tiger.place.pins import Pin
from tiger.reading.changes import Changes
from tiger.reading.moments import Latest
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads

COUPONS = BY_NAME["coupons"]
PLANS = BY_NAME["plans"]


def contents(daemon: Daemon, namespace: str, resource: Any = COUPONS) -> list[Record]:
    with closing(Reader(daemon.directory)) as reader:
        return list(TableReads(Latest(reader), resource, namespace))


def test_a_clear_in_a_batch_ends_what_the_batch_wrote_before(daemon: Daemon) -> None:
    """Also in tables that nobody has used yet."""
    before, after = put(COUPONS.number, "a", "before"), put(PLANS.number, "a", "after")
    other = put(COUPONS.number, "b", "other")
    daemon.do([before, other, clear_namespace(None, "a"), after])
    assert contents(daemon, "a") == []
    assert contents(daemon, "a", PLANS) == [{"id": "after"}]
    assert contents(daemon, "b") == [{"id": "other"}]


def test_a_table_is_defined_alone(daemon: Daemon) -> None:
    with pytest.raises(tiger.InvalidRequest, match="define has to be a request of its own"):
        daemon.do([define("one"), define("two")])
    daemon.do([define("one")])
    daemon.do([define("two")])
    made = contents(daemon, DEFINITIONS_NAMESPACE, DEFINITIONS)
    assert sorted(definition["number"] for definition in made) == [64, 65]


def test_an_operation_after_a_fork_in_a_request_sees_the_fork(daemon: Daemon) -> None:
    daemon.do([put(COUPONS.number, "a", "one")])
    with pytest.raises(tiger.InvalidRequest, match="fork has to be a request of its own"):
        daemon.do([fork("a", "b"), put(COUPONS.number, "b", "two")])


@pytest.mark.parametrize("is_fork", [False, True])
def test_a_rollback_knows_records_of_one_id_and_commit_apart(daemon: Daemon, is_fork: bool) -> None:
    """A batch put one each into two namespaces, and what is shown now is the other one's."""
    number = COUPONS.number
    daemon.do([put(number, "a", "k", of="a"), put(number, "b", "k", of="b")])
    if is_fork:
        daemon.do([fork("a", "c")])
    place = "c" if is_fork else "a"
    commit = daemon.control.words[layout.COMMIT]
    held = Pin(daemon.directory, commit)
    daemon.do([clear_namespace(None, place)])
    daemon.do([fork("b", place)])
    daemon.do([rollback(place, commit)])
    assert contents(daemon, place) == [{"id": "k", "of": "a"}]
    held.release()


def kill_before_the_commit(daemon: Daemon, step: Any) -> None:
    with patch.object(daemon.writer, "before_commit", side_effect=Killed), pytest.raises(Killed):
        daemon.do(step)
    daemon.restart()


@pytest.mark.parametrize(("told", "lost"), [(layout.RING_MAX - 50, 100), (1, layout.RING_MAX + 9)])
def test_watchers_are_not_told_of_what_was_never_committed(
    daemon: Daemon, told: int, lost: int
) -> None:
    """Nor, in its place in the ring, of what was told long ago."""
    with closing(Reader(daemon.directory)) as reader:
        changes = Changes(reader)
        daemon.do([put_many(COUPONS.number, "a", [{"id": f"told{n}"} for n in range(told)])])
        never = [{"id": f"never{number}"} for number in range(lost)]
        kill_before_the_commit(daemon, [put_many(COUPONS.number, "a", never)])
        daemon.do([put(COUPONS.number, "a", "after")])
        heard = [change.id for change in changes.take()]
    assert heard[-1] == "after"
    assert len(heard) == len(set(heard)) <= told + 1
    assert all(name is not None and not name.startswith("never") for name in heard)


# --- Nothing that comes ends the daemon ---


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: dict[str, list[Any]] = {
    "a record of maps in maps' names": ["put", COUPONS.number, "a", b"\x81" * 300_000],
    "no namespace": ["delete_where", 26, 5, "customer", b"\xa1c"],
    **{
        f"{name}, argument {place}": [name, *[1] * place, nested(1005)]
        for name in ("put", "delete", "rollback", "define", "clear", "fork", "put_many", "patch")
        for place in range(3)
    },
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with instance_directory() as place, serving(place):
        yield place


@pytest.mark.parametrize("operation", ODD.values(), ids=ODD)
def test_an_operation_that_is_none_is_refused(place: Path, operation: list[Any]) -> None:
    with peer(place) as dealer:
        client = secrets.randbits(40)
        slot = hello(dealer, client)
        dealer.send(protocol.pack([protocol.VERSION, client, slot, 1, True, [operation]]))
        assert dealer.poll(10_000), "no answer"
        number, status, _ = protocol.unpack(dealer.recv())
    assert number == 1
    assert status > protocol.ABSENT
