"""What is said of the slowest calls, of calls whose causes are known."""

from __future__ import annotations

import gc
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.witness import OWN, Parts, Witness, total

pytestmark = pytest.mark.skipif(not Path(OWN).exists(), reason="the kernel does not tell")

TICK = 4 << 20  # additions: several milliseconds


def witnessed(call: Callable[[object], object], server: int | None = None) -> Parts:
    witness = Witness(server)
    took = witness.time_call(call, [None])
    (parts,) = witness.take_slowest()
    assert parts.took == took
    return parts


def compute(_: object = None) -> int:
    return sum(range(TICK))


def test_a_call_that_computes_ran() -> None:
    parts = witnessed(compute)
    assert parts.ran > parts.slept
    assert parts.collected == 0


def test_a_call_that_waits_slept() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        parts = witnessed(lambda _: process.wait())
    assert parts.slept > parts.ran
    assert parts.cause[0] == "nobody ran: being woken"


def test_a_call_that_waits_for_a_server_tells_what_that_did() -> None:
    code = f"input(); sum(range({TICK})); print(flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as server:
        assert server.stdin
        assert server.stdout

        def ask(_: object) -> None:
            assert server.stdin
            assert server.stdout
            server.stdin.write(b"\n")
            server.stdin.flush()
            server.stdout.readline()

        parts = witnessed(ask, server.pid)
        server.stdin.close()
    assert parts.served > 0
    assert "server" in parts.cause[0]


def test_a_call_beside_another_process_on_its_core_had_none() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        code = "print(flush=True)\nwhile True: pass"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            while not witnessed(compute).queued:  # until the other one had a turn
                pass
            other.kill()
    finally:
        os.sched_setaffinity(0, allowed)


def test_looking_for_garbage_and_page_faults_are_counted() -> None:
    def touch(_: object) -> None:
        gc.collect()
        with mmap.mmap(-1, 1 << 20) as pages:
            for at in range(0, len(pages), mmap.PAGESIZE):
                pages[at] = 1

    parts = witnessed(touch)
    assert 0 < parts.collected <= parts.took
    assert parts.faults > 0


def test_the_cause_is_the_largest_part() -> None:
    waited = Parts(100, 20, 70, 5, 0, 50, 0, 0)
    assert waited.slept == 10
    assert waited.cause == ("no core for the caller", 0.7)
    served = Parts(1000, 100, 0, 0, 0, 850, 100, 2000)
    assert served.causes == {
        "no core for the caller": 0,
        "the caller ran": 100,
        "the caller looked for garbage": 0,
        "no core for the server": 100,
        "the server ran, 2,000 page faults": 800,
        "nobody ran: being woken": 0,
    }
    assert total([waited, served]) == Parts(1100, 120, 70, 5, 0, 900, 100, 2000)


def test_one_call_in_a_hundred_is_told_of() -> None:
    witness = Witness(None)
    for number in range(300):
        witness.time_call(lambda times: sum(range(times)), [number * 100])
    slowest = witness.take_slowest()
    assert len(slowest) == 3
    assert slowest == sorted(slowest, reverse=True)
    assert witness.take_slowest() == []
