"""watch, top and the ring of changes behind them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.support.terminal import at_terminal
from tiger.format import layout
from tiger.reading.changes import Change, Changes
from tiger.reading.reader import Reader
from tigerd.cli.counters import read_counters

YES, NO, USAGE, UNREACHABLE, MISMATCH, TIMED_OUT = range(6)


@pytest.fixture
def changes(store, directory: str) -> Changes:
    """The changes of the instance of `store`."""
    return Changes(Reader(Path(directory)))


def test_each_change_is_told_once_in_order(store, changes: Changes) -> None:
    store.coupons.insert({"id": "é"})
    store.namespace("other").plans.insert_many([{"id": "a"}, {"id": "b"}])
    store.coupons.update({"id": "é", "n": 1})
    store.coupons.delete("é")
    assert changes.take() == [
        Change(1, "created", "coupons", "global", "é"),
        Change(2, "created", "plans", "other", "a"),
        Change(2, "created", "plans", "other", "b"),
        Change(3, "updated", "coupons", "global", "é"),
        Change(4, "deleted", "coupons", "global", "é"),
    ]
    assert changes.take() == []
    store.clear_namespace("other")
    assert changes.take() == [Change(5, "cleared", "plans", "other", None)]


def test_earlier_changes_are_not_shown(store, directory: str) -> None:
    store.coupons.insert({"id": "A"})
    changes = Changes(Reader(Path(directory)))
    store.coupons.insert({"id": "B"})
    assert [change.id for change in changes.take()] == ["B"]


def test_a_namespace_that_is_gone_again_is_named(store, changes: Changes) -> None:
    for _ in range(200):
        with store.sandbox("short") as test:
            test.coupons.insert({"id": "A"})
            test.coupons.delete("A")
    found = changes.take()
    assert len(found) == 600
    assert all(change.namespace and change.namespace.startswith("short-") for change in found)


def test_a_table_defined_meanwhile_is_named(store, changes: Changes) -> None:
    store.define("parcels").insert({"id": "A"})
    assert [change.table for change in changes.take()] == ["tigerd_definitions", "parcels"]


def test_a_change_does_not_count_before_its_commit(store, changes: Changes) -> None:
    """Whatever the ring says: the daemon may be killed before the commit."""
    words = changes._words
    store.coupons.insert({"id": "A"})
    [real] = changes.take()
    ahead = {**dict(enumerate(words)), layout.CHANGES: 2}
    ahead[layout.ring_at(1)] = real.commit + 1
    changes._words = ahead  # type: ignore[assignment]
    assert changes.take() == []
    ahead[layout.ring_at(1) + 1] = ahead[layout.ring_at(0) + 1]
    ahead[layout.COMMIT] += 1
    assert changes.take() == [real._replace(commit=real.commit + 1)]


def test_a_reader_that_is_lapped_counts_what_it_missed(store, changes: Changes) -> None:
    written = layout.RING_MAX + 100
    store.coupons.insert_many({"id": f"c{n}"} for n in range(written))
    found = changes.take()
    assert changes.missed > 0
    assert changes.missed + len(found) == written
    assert found[-1].id == f"c{written - 1}"
    store.coupons.insert({"id": "next"})
    assert [change.id for change in changes.take()] == ["next"]


def test_waiting_ends_at_the_deadline_and_burns_no_processor(changes: Changes) -> None:
    begun, burnt = time.monotonic(), time.process_time()
    assert changes.wait(time.monotonic() + 1.0) == []
    assert 1.0 <= time.monotonic() - begun < 3
    assert time.process_time() - burnt < 0.3


def test_waiting_ends_when_the_instance_is_removed(
    tigerd, store, directory: str, changes: Changes
) -> None:
    tigerd("stop", directory=directory)
    shutil.rmtree(directory)
    with pytest.raises(tiger.InstanceError, match="removed"):
        changes.wait(time.monotonic() + 20)


# watch


def written_until(write: Callable[[], Any], process: Any) -> None:
    """Write again and again until a process has ended: nobody knows when it has begun."""
    deadline = time.monotonic() + 20
    while process.poll() is None:
        assert time.monotonic() < deadline
        write()
        time.sleep(0.01)


def test_watch_ends_after_so_many_changes(start_tigerd, store, directory: str) -> None:
    watching = start_tigerd("watch", "--count", "3", directory=directory)
    written_until(lambda: store.coupons.insert({"id": "a b"}), watching)
    assert watching.wait() == YES
    lines = [line.rstrip("\n").split("\t") for line in watching.stdout]
    assert [line[2:] for line in lines] == [["coupons", "global", "a b"]] * 3
    assert {line[1] for line in lines} <= {"created", "updated"}
    assert lines[-1][1] == "updated"
    first = int(lines[0][0])
    assert [int(line[0]) for line in lines] == [first, first + 1, first + 2]


def test_watch_goes_on_over_a_restart(start_tigerd, tigerd, store, directory: str) -> None:
    watching = start_tigerd("watch", "--json", directory=directory)
    while not select_line(watching):
        store.coupons.insert({"id": "before"})
    tigerd("restart", directory=directory)
    store.coupons.insert({"id": "after"})
    ids = (json.loads(line)["id"] for line in watching.stdout)
    assert next(identity for identity in ids if identity != "before") == "after"


def select_line(process: Any) -> bool:
    import select

    return bool(select.select([process.stdout], [], [], 0.01)[0])


def test_watch_tells_only_what_is_asked_for(start_tigerd, store, directory: str) -> None:
    options = ["--table", "webhook_endpoints", "--what", "updated", "--namespace", "mine"]
    watching = start_tigerd("watch", "--count", "3", *options, directory=directory)

    def write() -> None:
        for place in (store, store.namespace("mine")):
            for table in (place.coupons, place.webhooks):
                table.insert({"id": "passing"})
                table.update({"id": "passing"})
                table.delete("passing")

    written_until(write, watching)
    assert watching.wait() == YES
    lines = [line.rstrip("\n").split("\t") for line in watching.stdout]
    assert [line[1:] for line in lines] == [["updated", "webhooks", "mine", "passing"]] * 3


def test_watch_names_a_table_that_is_not_there(tigerd, shared_store, shared_directory) -> None:
    """It may be defined later, or be a slip."""
    words = "--table cuopons --table webhook_endpoints --timeout 0"
    done = tigerd("watch", *words.split(), directory=shared_directory)
    assert done.returncode == YES
    assert done.stderr.count("there is no table") == 1
    assert "there is no table 'cuopons' yet" in done.stderr


def test_a_write_over_what_a_fork_inherits_is_an_update(store, changes: Changes) -> None:
    store.coupons.insert({"id": "A"})
    with store.fork() as child:
        child.coupons.update({"id": "A", "n": 1})
        child.coupons.delete("A")
        child.coupons.insert({"id": "A"})
        with child.batch() as batch:
            batch.coupons.delete("A")
            batch.coupons.insert({"id": "A"})
            batch.coupons.insert({"id": "B"})
    told = [(change.what, change.id) for change in changes.take() if change.id]
    assert told == [
        ("created", "A"), ("updated", "A"), ("deleted", "A"), ("created", "A"), ("updated", "A"),
        ("created", "B"),
    ]  # fmt: skip


def test_watch_ends_in_time(tigerd, store, directory: str) -> None:
    assert tigerd("watch", "--timeout", "0.1", directory=directory).returncode == YES
    completed = tigerd("watch", "--timeout", "0.1", "--count", "2", directory=directory)
    assert completed.returncode == TIMED_OUT
    assert "2 of 2" in completed.stderr


def test_watch_of_a_dead_instance_says_so(tigerd, store, directory: str) -> None:
    tigerd("stop", directory=directory)
    completed = tigerd("watch", "--timeout", "0.1", directory=directory)
    assert completed.returncode == YES
    assert "no daemon runs" in completed.stderr
    nowhere = tigerd("watch", "--timeout", "0.1", directory=f"{directory}/absent")
    assert nowhere.returncode == UNREACHABLE
    assert "tigerd start" in nowhere.stderr


# top


@pytest.mark.parametrize("command", [["top", "--once"], ["tables"], ["count"]])
def test_a_narrow_terminal_cuts_no_number(store, directory: str, command: list[str]) -> None:
    table = store.customer_balance_transactions
    table.insert_many({"id": f"x{n}"} for n in range(1234))
    counted = read_counters(Reader(Path(directory))).tables[0]
    _, shown = at_terminal(*command, "--dir", directory, columns=40)
    lines = shown.splitlines()
    assert all(len(re.sub(r"\x1b\[\d*m", "", line)) <= 40 for line in lines)
    if command[0] == "top":
        for number in (counted.records, counted.bytes, counted.needed):
            assert str(number) in shown
    assert table.table_name in shown
    assert "…" not in shown


def test_top_counts_all_namespaces(tigerd, store, directory: str) -> None:
    store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
    store.namespace("other").coupons.insert({"id": "A"})
    store.namespace("gone").coupons.insert({"id": "A"})
    store.clear_namespace("gone")
    os.kill(store.ping()["pid"], signal.SIGKILL)
    counted = json.loads(tigerd("top", "--json", directory=directory).stdout)
    assert (counted["commit"], counted["commands"]) == (4, 4)
    assert set(counted["tables"]) == {"coupons"}
    assert counted["tables"]["coupons"]["records"] == 3
    assert counted["tables"]["coupons"]["namespaces"] == 2
    shown = tigerd("top", "--once", directory=directory)
    assert shown.stdout.split("\t")[:3] == ["coupons", "2", "3"]


def test_top_draws_a_directory_whose_name_looks_like_markup(directory: str) -> None:
    place = os.path.join(directory, "[red]x[")
    os.mkdir(place, 0o700)
    with tiger.connect(place) as store:
        store.coupons.insert({"id": "A"})
        code, shown = at_terminal("top", "--dir", place, interrupted_at="coupons")
    assert code == 130
    assert place in shown


def test_top_without_an_interval_is_refused(tigerd, shared_directory) -> None:
    completed = tigerd("top", "--interval", "0", directory=shared_directory)
    assert completed.returncode == 2
    assert "--interval: use more than 0 seconds" in completed.stderr
