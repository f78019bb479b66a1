"""The daemon's own life: signals, and its turns of the processor."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from unittest.mock import patch

import pytest

import tiger
from tests.support.file_system import new_directory
from tests.support.processes import is_stopped, wait_for
from tiger.format import speedups
from tigerd.engine.control import take_lock
from tigerd.service.serve import TURN_NS
from tigerd.service.server import PAUSE_MS, SOON_MS, Server


def slice_of(process: int | str) -> int | None:
    """Return how long the kernel lets turns of a process be, in nanoseconds, if it says so."""
    said = Path(f"/proc/{process}/sched")
    found = re.search(r"slice\s*:\s*(\d+)", said.read_text()) if said.exists() else None
    return found and int(found[1])


def has_choice() -> bool:
    """Tell whether a process has a choice: since Linux 6.12."""
    release = tuple(map(int, os.uname().release.split(".")[:2]))
    return speedups.are_used() and slice_of("self") is not None and release >= (6, 12)


@pytest.mark.skipif(not has_choice(), reason="compiled, and on a Linux that has the choice")
def test_its_turns_are_short_and_it_has_no_other_priority(serve, directory: str) -> None:
    pid = serve(directory).process.pid
    threads = os.listdir(f"/proc/{pid}/task")
    assert {slice_of(f"{pid}/task/{thread}") for thread in threads} == {TURN_NS}
    assert os.sched_getscheduler(pid) == os.sched_getscheduler(0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(serve, directory: str) -> None:
    daemon = serve(directory)
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        daemon.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: is_stopped(daemon.process.pid), "the stop")
        # It finds both when it goes on, the lower number first.
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        daemon.process.send_signal(signal.SIGCONT)
        assert daemon.process.wait(timeout=20) == 128 + signal.SIGTERM
        store.coupons.insert({"id": "B"})  # by the next one
        assert [record["id"] for record in store.coupons] == ["B", "A"]


@pytest.mark.parametrize(("is_more", "pause"), [(False, PAUSE_MS), (True, SOON_MS)])
def test_it_cleans_after_a_short_pause_only_while_there_is_more_to_take_away(
    is_more: bool, pause: int
) -> None:
    with new_directory() as place:
        lock = take_lock(place / "i", make=True)
        server = Server(place / "i", lock, max_record=None, idle_exit_s=0)
        waits: list[int] = []

        def wait(longest_ms: int) -> tuple[bool, bool]:
            waits.append(longest_ms)
            server._stopping = len(waits) == 2
            server.writer.cleaner.has_more = is_more
            return len(waits) == 1, False

        with (
            patch.object(server._arrivals, "wait", wait),
            patch("tigerd.service.server.signal.signal"),
        ):
            server.run()
        assert waits == [PAUSE_MS, pause]
