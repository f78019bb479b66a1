"""What nobody can see any more goes, in steps that are small, and room that was made is used."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tests.support.daemon import CLIENT, Daemon
from tests.support.file_system import bytes_below
from tests.support.model import clear_namespace, delete, put, put_many
from tests.support.scenarios import CUSTOMERS, EMPTYING, GARBAGE, INVOICES, WIDE
from tiger.format import layout
from tiger.format.record import Record
from tiger.format.resources import BY_NAME
from tiger.place.pins import Pin
from tigerd.engine import segments
from tigerd.engine.applying import Applying
from tigerd.engine.cleaner import STEPS, Cleaner
from tigerd.engine.lists import NEAR
from tigerd.engine.writer import Writer
from tigerd.service.slots import Slots

COUPONS = BY_NAME["coupons"].number
BYTES_MAX = 256
"""That a coupon without fields takes, with what belongs to it."""


def records(count: int) -> list[Record]:
    return [{"id": f"c{number}"} for number in range(count)]


def needed(daemon: Daemon, number: int = COUPONS) -> int:
    return sum(daemon.writer.tables[number].space.needed.values())


def do_and_clean(daemon: Daemon, step: Any) -> None:
    """Do what a daemon does that has no time: clean only where that is due."""
    daemon.do(step)
    if daemon.writer.cleaner.is_due():
        daemon.writer.cleaner.turn()


def test_a_write_after_a_large_clear_does_not_wait_for_its_removal(
    daemon: Daemon,
) -> None:
    daemon.do([put_many(COUPONS, "large", records(5000))])
    daemon.clean()
    daemon.do([clear_namespace(None, "large")])
    taken = []
    while needed(daemon) > 1000 * BYTES_MAX:
        before = needed(daemon)
        do_and_clean(daemon, [put(COUPONS, "other", "one")])
        taken.append(before - needed(daemon))
    assert max(taken) <= STEPS * BYTES_MAX
    assert len(taken) < 5000, "it never ends"


def test_a_daemon_that_is_never_idle_keeps_up(daemon: Daemon) -> None:
    sizes = []
    for _ in range(60):
        do_and_clean(daemon, [put_many(COUPONS, "a", records(2000))])
        sizes.append(daemon.writer.tables[COUPONS].space.size)
    assert max(sizes[30:]) < 1.5 * max(sizes[:30])


def test_the_history_for_rollbacks_is_trimmed_though_the_daemon_is_never_idle(
    daemon: Daemon,
) -> None:
    for number in range(20):
        do_and_clean(daemon, [put_many(COUPONS, f"{number}", records(1000))])
    known = [list(daemon.writer.history.since(0, f"{number}")) for number in range(20)]
    assert sum(map(len, known)) <= 1000


def test_lists_of_values_that_are_gone_are_forgotten(daemon: Daemon) -> None:
    deep = range(NEAR + 2)  # each is the oldest: its place is found from a mark on at last
    for number in deep:
        daemon.do([put(CUSTOMERS, "a", f"{number}", created=-number, email="e")])
    marks = daemon.writer.tables[CUSTOMERS].lists.marks
    assert {index for _, index, _ in marks} == {0, 1}
    daemon.do([delete(CUSTOMERS, "a", f"{number}") for number in deep])
    daemon.clean()
    assert {index for _, index, _ in marks} == {0}


def test_a_clear_leaves_what_takes_long_to_the_cleaner(daemon: Daemon) -> None:
    """The marks of a long list are many: they are let go one by one."""
    for number in range(12 * NEAR):
        daemon.do([put(CUSTOMERS, "a", f"{number}", created=-number)])
    (marks,) = daemon.writer.tables[CUSTOMERS].lists.marks.values()
    daemon.do([clear_namespace(None, "a")])
    before = len(marks)
    assert before > 10
    daemon.clean(5)
    assert before - 10 < len(marks) < before
    daemon.clean()
    assert not marks
    assert not daemon.writer.tables[CUSTOMERS].lists.marks


def test_a_chunk_is_emptied_once_though_a_reader_keeps_it(daemon: Daemon) -> None:
    for step in GARBAGE:
        daemon.do(step)
    daemon.clean(EMPTYING)
    held = Pin(daemon.directory, daemon.writer.commit)
    daemon.do([put(COUPONS, "a", "one")])
    chunks = daemon.writer.tables[CUSTOMERS].space.chunks
    before = set(chunks)
    daemon.clean()
    assert before <= set(chunks)
    assert len(chunks) <= len(before) + 1
    held.release()
    daemon.clean()
    assert len(chunks) < len(before)


def test_after_a_recovery_what_ended_first_goes_first(daemon: Daemon) -> None:
    """Whatever its table: what a pin still holds does not keep the rest."""
    for number in (CUSTOMERS, INVOICES):
        daemon.do([put(number, "a", "one", text=WIDE)])
    daemon.do([delete(INVOICES, "a", "one")])
    held = Pin(daemon.directory, daemon.control.words[layout.COMMIT])
    daemon.do([delete(CUSTOMERS, "a", "one")])
    daemon.restart()
    daemon.clean()
    assert needed(daemon, INVOICES) < len(WIDE) < needed(daemon, CUSTOMERS)
    held.release()


def test_clients_that_were_quiet_longest_make_room_also_after_a_restart(daemon: Daemon) -> None:
    slots = Slots(daemon.control)  # which has the daemon's client in its first slot
    for client in range(1, layout.CLIENTS_MAX):
        slots.open(client)
    daemon.do([put(CUSTOMERS, "a", "one")])
    slots = Slots(daemon.control)
    slots.open(5000)
    assert slots.is_open(CLIENT, daemon.slot), "the one that asked last made room"


# --- Where there is no room ---


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`limited(n)`: from now on there is memory for n more segments."""
    left = [0]
    allocate = segments._allocate

    def allocate_some(descriptor: int, size: int) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "full")
        left[0] -= 1
        allocate(descriptor, size)

    def limit(count: int) -> None:
        left[0] = count
        monkeypatch.setattr(segments, "_allocate", allocate_some)

    return limit


def wide(count: int) -> list[Record]:
    return [{"id": f"w{number}", "text": WIDE} for number in range(count)]


def test_a_namespace_of_which_a_part_was_taken_away_makes_room(
    daemon: Daemon, limited: Callable[[int], None]
) -> None:
    daemon.do([put_many(CUSTOMERS, "a", wide(50))])
    daemon.do([clear_namespace(None, "a")])
    limited(0)
    daemon.clean(3)
    assert daemon.writer.cleaner.catch_up()
    assert needed(daemon, CUSTOMERS) == 0
    assert not daemon.writer.cleaner.catch_up()


def test_a_refused_request_keeps_no_room(daemon: Daemon, limited: Callable[[int], None]) -> None:
    for number in (CUSTOMERS, COUPONS):
        daemon.do([put(number, "a", "one")])
    sizes = [table.space.size for table in daemon.writer.tables.values()]
    limited(3)
    with pytest.raises(tiger.StoreFull):
        daemon.do([put_many(CUSTOMERS, "a", wide(15)), put_many(COUPONS, "a", wide(50))])
    assert [table.space.size for table in daemon.writer.tables.values()] == sizes
    assert len(list(daemon.directory.glob("tables/*/chunk.*"))) == 2


def test_too_few_descriptors_refuse_a_request_and_leave_nothing(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.do([put(CUSTOMERS, "a", "one")])

    def none_free(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(segments.mmap, "mmap", none_free)
        with pytest.raises(tiger.InstanceError, match="Too many open files"):
            daemon.do([put_many(CUSTOMERS, "a", wide(50))])
    assert len(list(daemon.directory.glob("tables/customers/*"))) == 2  # an index and a chunk
    daemon.do([put_many(CUSTOMERS, "a", wide(50))])


def test_one_large_request_makes_few_segments(daemon: Daemon) -> None:
    daemon.do([put_many(CUSTOMERS, "a", wide(1000))])
    assert len(daemon.writer.tables[CUSTOMERS].space.chunks) < 10


# --- A daemon that has nothing else to do ---


def test_memory_of_a_snapshot_is_freed_though_nobody_writes(
    directory: str, serve: Any, wait_until: Callable[..., Any]
) -> None:
    serve(directory)
    size = partial(bytes_below, Path(directory, "tables", "customers"))
    with closing(tiger.connect(directory, autostart=False)) as store:
        store.customers.insert_many(wide(100))
        with store.snapshot():
            store.customers.clear()
            store.customers.insert({"id": "one"})
            before = size()
            words, beats = store._reader.words, set[int]()
            wait_until(lambda: beats.add(words[layout.HEARTBEAT]) or len(beats) > 3, timeout_s=20)
        wait_until(lambda: size() < before // 2, timeout_s=20, what="the memory")


def test_a_failure_while_room_is_made_is_recovered_from_and_told_as_no_room(daemon: Daemon) -> None:
    daemon.do([put(COUPONS, "global", "A")])
    applying = Applying(daemon.directory, daemon.control)
    before = applying.writer
    with (
        patch.object(Writer, "_reserve", side_effect=tiger.StoreFull("full")),
        patch.object(Cleaner, "catch_up", side_effect=RuntimeError("a fault that is built in")),
        pytest.raises(tiger.StoreFull, match="full"),
    ):
        applying.apply([put(COUPONS, "global", "B")], None)
    assert applying.writer is not before
    applying.apply([put(COUPONS, "global", "C")], None)
    assert applying.writer.commit == 2


def test_memory_of_a_reader_is_freed_between_writes_that_come_every_few_milliseconds(
    daemon: Daemon,
) -> None:
    pin = Pin(daemon.directory, daemon.writer.commit)
    daemon.do([put_many(COUPONS, "a", records(1000))])
    daemon.do([put_many(COUPONS, "a", records(1000))])
    daemon.clean()
    cleaner = daemon.writer.cleaner
    assert not cleaner.has_more, "a reader holds it"
    pin.release()
    asked = [0, 0]
    while cleaner.is_waiting:
        do_and_clean(daemon, [put(COUPONS, "b", "x")])
        asked[cleaner.has_more] += 1
        if cleaner.has_more:
            cleaner.turn()  # as after `SOON_MS` without a request
    assert not cleaner.has_more
    assert asked[0] <= 32, "writes until it is seen that the reader has gone"
    assert asked[1] <= 3 * 1000 // STEPS
