"""A child that is forked within a block, by Python or by a program in C, and leaves that block."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.programs import forked_blocks as programs
from tests.support.forks import FORKS
from tiger.place import leases, pins
from tigerd.engine import holders

HOWS = pytest.mark.parametrize("how", FORKS)


@HOWS
def test_only_the_process_that_began_a_block_ends_it(directory: str, run_program, how: str) -> None:
    answer = run_program(programs.leaves_every_block, directory, how)
    assert answer == {
        "sandbox": 1,
        "fork": 2,
        "savepoint": 2,
        "batch": False,
        "snapshot": 1,
        "store": "C",
        "ids": ["B", "C", "first"],
        "commits": 2,
        "namespaces": {"global": 3},
    }


@HOWS
def test_blocks_of_asyncio_too(directory: str, run_program, how: str) -> None:
    answer = run_program(programs.leaves_blocks_of_asyncio, directory, how)
    assert answer == [1, 2, 2, 1, [2, {"global": 2}]]


@HOWS
def test_a_childs_write_to_its_parents_batch_is_refused(
    directory: str, run_program, how: str
) -> None:
    answer = run_program(programs.child_adds_to_batch, directory, how)
    assert answer == [0, ["B"]]


@HOWS
def test_a_child_does_not_hold_what_its_parent_held(
    store, directory: str, start_other_process, wait_until, how: str
) -> None:
    """The parent is killed, the child lives on: what was the parent's goes all the same."""
    other = start_other_process(directory, programs.child_outlives_what_parent_held, how)
    name, child = other.read_line().split()
    try:
        assert name in store.namespaces()
        assert list(Path(directory, pins.FOLDER).iterdir())
        other.process.kill()
        other.process.wait()
        wait_until(lambda: name not in store.namespaces(), what="the clear")
        wait_until(lambda: holders.least_pin(Path(directory)) is None, what="the end of the pin")
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_child_holds_what_it_needs_itself(
    store, directory: str, start_other_process, wait_until
) -> None:
    other = start_other_process(directory, programs.child_holds_its_own)
    parents, childs, child = other.read_line().split()
    try:
        assert {parents, childs} <= store.namespaces().keys()
        other.process.kill()
        wait_until(lambda: parents not in store.namespaces(), what="the clear of the parent's")
        assert store.namespace(childs).coupons.count() == 1
        with holders.looking(Path(directory, leases.FOLDER)) as look:
            assert not any(look.left.values())
    finally:
        os.kill(int(child), signal.SIGKILL)
    wait_until(lambda: childs not in store.namespaces(), what="the clear of the child's")
