"""Many processes on one instance: what one writes all read, whatever the daemon does meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.acceptance.programs import elsewhere
from tests.acceptance.programs.elsewhere import read_everything
from tests.support.processes import daemons_of, stopped
from tiger import attaching

RECORDS = [
    {"id": "A", "created": 1, "object": "coupon", "valid": True, "percent_off": 12.5},
    {
        "id": "é 📎",
        "created": 2,
        "metadata": {"deep": [{"er": [None, False, 2**64 - 1, -(2**63)]}]},
    },
    {"id": "B", "created": 3, "text": "\u0000\n\x7f'\"\\", "valid": True},
]


# What one process writes


def test_records_written_in_one_process_are_equal_in_another(
    store, directory: str, in_other_process
) -> None:
    for record in RECORDS:
        store.coupons.insert(record)
    assert in_other_process(directory, read_everything) == read_everything(store)
    assert [store.coupons.get(record["id"]) for record in RECORDS] == RECORDS


def test_a_process_that_read_before_sees_every_later_write_at_once(
    shared_directory: str, shared_store, start_other_process
) -> None:
    """No cache outlives a write: the reader looks right after it was told of each."""
    reader = start_other_process(
        shared_directory, elsewhere.look_at_each_line, namespace=shared_store.current_namespace
    )
    coupons = shared_store.coupons

    def look() -> None:
        reader.write_line("look")
        assert reader.read_line() == "seen"

    look()
    coupons.insert({"id": "A", "n": 1, "valid": True})
    look()
    coupons.patch("A", {"n": 2, "valid": False})
    look()
    coupons.insert({"id": "B", "valid": True})
    look()
    coupons.delete("A")
    look()
    coupons.insert({"id": "A", "n": 3})
    look()
    shared_store.clear_namespace()
    look()
    assert reader.answer() == [
        [None, [], 0],
        [1, ["A"], 1],
        [2, ["A"], 0],
        [2, ["B", "A"], 1],
        [None, ["B"], 1],
        [3, ["A", "B"], 1],
        [None, [], 0],
    ]


def test_many_processes_write_at_once_and_nothing_is_lost(
    shared_directory: str, shared_store, start_other_process
) -> None:
    shared_store.coupons.insert({"id": "sum", "n": 0})
    writers = [
        start_other_process(
            shared_directory,
            elsewhere.insert_and_add,
            number,
            namespace=shared_store.current_namespace,
        )
        for number in range(4)
    ]
    assert [writer.answer() for writer in writers] == [True] * 4
    assert shared_store.coupons.get("sum")["n"] == 200
    assert shared_store.coupons.count() == 201


def test_a_thousand_records_of_one_second_keep_the_order_of_their_inserts(
    shared_directory: str, shared_store, in_other_process
) -> None:
    ids = [f"c{number}" for number in range(1_000)]
    for name in ids:
        shared_store.coupons.insert({"id": name, "created": 1})
    listed = in_other_process(
        shared_directory, elsewhere.listed_ids, namespace=shared_store.current_namespace
    )
    assert listed == ids[::-1]


# A daemon that is stopped, dead, or restarted


def test_reads_work_while_the_daemon_is_stopped(store, directory: str, in_other_process) -> None:
    """Those of a store that was connected before, and of a process that starts only now."""
    store.coupons.insert_many(RECORDS)
    before = read_everything(store)
    with stopped(store.ping()["pid"]):
        assert read_everything(store) == before
        with tiger.connect(directory, autostart=False) as late:
            assert read_everything(late) == before
        assert in_other_process(directory, read_everything, autostart=False) == before
    store.coupons.insert({"id": "after"})
    assert store.coupons.get("after") == {"id": "after"}


def test_reads_work_after_the_daemon_was_killed(
    store, directory: str, in_other_process, wait_until, is_alive
) -> None:
    store.coupons.insert_many(RECORDS)
    before = read_everything(store)
    pid = store.ping()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), what="the daemon's end")
    assert read_everything(store) == before
    assert in_other_process(directory, read_everything, autostart=False) == before


def test_reads_work_after_a_clean_stop(store, directory: str, tigerd) -> None:
    store.coupons.insert_many(RECORDS)
    before = read_everything(store)
    assert tigerd("stop", directory=directory).returncode == 0
    assert read_everything(store) == before
    with tiger.connect(directory, autostart=False) as late:
        assert read_everything(late) == before


def test_a_write_without_autostart_to_a_dead_daemon_raises(
    store, directory: str, wait_until, is_alive
) -> None:
    store.coupons.insert({"id": "A"})
    pid = store.ping()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), what="the daemon's end")
    with tiger.connect(directory, autostart=False) as reading:
        with pytest.raises(tiger.DaemonUnavailable, match="tigerd start"):
            reading.coupons.insert({"id": "B"})
        with pytest.raises(tiger.DaemonUnavailable):
            reading.ping()
        assert reading.coupons.get("A") == {"id": "A"}
        assert reading.coupons.count() == 1


def test_everything_is_there_after_a_kill_and_a_new_daemon(
    store, directory: str, tigerd, wait_until, is_alive
) -> None:
    store.coupons.insert_many(RECORDS)
    store.plans.insert({"id": "gold", "product": "p", "active": True})
    store.namespace("other").coupons.insert({"id": "there"})
    before, commit, pid = read_everything(store), store.ping()["commit"], store.ping()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), what="the daemon's end")
    with tiger.connect(directory) as again:
        assert again.ping()["pid"] != pid
        assert again.ping()["commit"] >= commit
        assert read_everything(again) == before
        assert again.plans.find_by_product("p") == again.plans.find_active() != []
        again.coupons.insert({"id": "after", "created": 9})
        assert again.coupons.list(limit=1).data == [{"id": "after", "created": 9}]
        assert again.namespaces() == {"global": 5, "other": 1}
    assert tigerd("check", directory=directory).returncode == 0


def test_a_store_goes_on_with_the_next_daemon(store, directory: str, tigerd) -> None:
    """It connected to the first one, and nobody told it of the second."""
    store.coupons.insert({"id": "A"})
    assert tigerd("restart", directory=directory).returncode == 0
    store.coupons.insert({"id": "B"})
    assert store.coupons.patch("A", {"n": 1}) == {"id": "A", "n": 1}
    assert [record["id"] for record in store.coupons] == ["B", "A"]


def test_a_daemon_killed_while_it_is_written_to_loses_no_answered_write(
    directory: str, start_other_process, tigerd, wait_until, is_alive
) -> None:
    """The writer tells each write it got an answer to; all of them are there afterwards."""
    with tiger.connect(directory) as store:
        pid = store.ping()["pid"]
    writer = start_other_process(
        directory, elsewhere.insert_until_it_fails, autostart=False, timeout_s=1.0
    )
    for _ in range(200):
        assert writer.read_line()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), what="the daemon's end")
    *numbers, error = writer.rest().split()
    assert json.loads(error) in ("DaemonUnavailable", "OutcomeUnknown")
    answered = int(numbers[-1]) if numbers else 199
    with tiger.connect(directory) as again:
        assert again.coupons.count() in (answered + 1, answered + 2)
        assert [again.coupons.get(f"c{n}")["n"] for n in range(answered + 1)] == list(
            range(answered + 1)
        )
    assert tigerd("check", directory=directory).returncode == 0


# A daemon that is slow


def test_a_write_waits_for_a_daemon_that_is_busy_for_a_while(store) -> None:
    """It is applied once, however often the client asked."""
    store.coupons.insert({"id": "sum", "n": 0})
    before = store.ping()
    going_on = threading.Timer(0.5, os.kill, (before["pid"], signal.SIGCONT))
    os.kill(before["pid"], signal.SIGSTOP)
    going_on.start()
    try:
        assert store.coupons.patch("sum", {"n": 1}) == {"id": "sum", "n": 1}
    finally:
        going_on.join()
    assert store.ping()["commit"] == before["commit"] + 1


def test_a_write_to_a_stopped_daemon_ends_in_time_with_a_clear_error(
    directory: str, store, wait_until
) -> None:
    """Where the error says that nothing was sent, nothing may come of it later."""
    with tiger.connect(directory, timeout_s=0.5) as hasty:
        before = hasty.ping()
        with stopped(before["pid"]):
            begun = time.monotonic()
            with pytest.raises((tiger.OutcomeUnknown, tiger.DaemonUnavailable)) as caught:
                hasty.coupons.insert({"id": "A"})
            assert time.monotonic() - begun < 5
            assert "0.5" in str(caught.value)
            assert "A" not in hasty.coupons
        commit = store.ping()["commit"]
        if caught.type is tiger.DaemonUnavailable:
            assert commit == before["commit"]
        else:
            assert commit <= before["commit"] + 1
        assert hasty.coupons.insert({"id": "A", "n": 2}) == {"id": "A", "n": 2}
        assert hasty.coupons.get("A") == {"id": "A", "n": 2}
        assert hasty.coupons.count() == 1


# Starting and ending


def test_a_daemon_that_is_only_starting_is_waited_for(directory: str, monkeypatch) -> None:
    """It holds its lock before there is an instance to attach to."""
    monkeypatch.setattr(attaching, "_is_running", lambda path: True)
    with tiger.connect(directory) as store:
        assert store.ping()["pid"] > 0
    with pytest.raises(tiger.DaemonUnavailable, match="there is no instance"):
        tiger.connect(f"{directory}/other", autostart=False)


def test_five_processes_that_start_at_once_share_one_daemon(
    directory: str, start_other_process, wait_until
) -> None:
    others = [
        start_other_process(directory, elsewhere.insert_when_told, number) for number in range(5)
    ]
    pids = {int(other.read_line()) for other in others}
    assert len(pids) == 1
    assert {other.answer() for other in others} == pids
    with tiger.connect(directory, autostart=False) as store:
        assert {store.ping()["pid"]} == pids
        assert sorted(record["id"] for record in store.coupons) == ["0", "1", "2", "3", "4"]
    if sys.platform == "linux":
        wait_until(lambda: daemons_of(Path(directory)) == sorted(pids), what="one daemon only")


def test_of_five_daemons_started_at_once_one_serves(directory: str, start_tigerd) -> None:
    """The others say why they do not, and leave the one alone."""
    processes = [start_tigerd("serve", directory=directory) for _ in range(5)]
    ready = [(process, line) for process in processes if (line := process.stdout.readline())]
    assert len(ready) == 1
    [(serving, _)] = ready
    for process in processes:
        if process is not serving:
            assert process.wait(timeout=20) != 0
            log = process.log.read_text()
            assert directory in log
            assert "Traceback" not in log
    with tiger.connect(directory, autostart=False) as store:
        assert store.ping()["pid"] == serving.pid
        store.coupons.insert({"id": "A"})


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_stops_cleanly_on_a_signal(directory: str, serve, sent: signal.Signals) -> None:
    daemon = serve(directory)
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        daemon.process.send_signal(sent)
        assert daemon.process.wait(timeout=20) == 0
        assert "Traceback" not in daemon.log.read_text()
        assert store.coupons.get("A") == {"id": "A"}


def test_the_ready_line_is_one_line_of_json(directory: str, serve) -> None:
    daemon = serve(directory)
    assert set(daemon.ready) >= {"pid", "directory", "socket", "version"}
    assert daemon.ready_line.endswith("}\n")
    assert daemon.ready["pid"] == daemon.process.pid


def idle_option(tigerd: Any) -> str:
    """The option of `tigerd serve` that says how long a daemon without clients stays."""
    options = re.findall(r"--idle[\w-]*", tigerd("serve", "--help", directory=None).stdout)
    assert options, "tigerd serve has no option for its idle exit"
    return options[0]


def test_a_daemon_without_clients_ends_by_itself(directory: str, serve, tigerd) -> None:
    daemon = serve(directory, idle_option(tigerd), "2")
    with tiger.connect(directory, autostart=False) as store:
        store.coupons.insert({"id": "A"})
    assert daemon.process.wait(timeout=30) == 0
    with tiger.connect(directory) as again:
        assert again.coupons.get("A") == {"id": "A"}


def test_a_daemon_with_a_client_stays_though_it_is_silent(directory: str, serve, tigerd) -> None:
    daemon = serve(directory, idle_option(tigerd), "2")
    with tiger.connect(directory, autostart=False) as store:
        store.coupons.insert({"id": "A"})
        with pytest.raises(subprocess.TimeoutExpired):
            daemon.process.wait(timeout=5)
        store.coupons.insert({"id": "B"})


def test_a_daemon_told_never_to_end_stays(directory: str, serve, tigerd) -> None:
    daemon = serve(directory, idle_option(tigerd), "0")
    with tiger.connect(directory, autostart=False) as store:
        store.ping()
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(timeout=2)
