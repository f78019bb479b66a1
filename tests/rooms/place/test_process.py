"""What a forked child lets go, however it was forked."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import pytest

from tiger.place import process


class Thing:
    def __init__(self) -> None:
        self.left = 0
        process.leaves(self)

    def leave(self) -> None:
        self.left += 1
        raise OSError("it was closed by somebody else")


def in_child(fork: Callable[[], int], work: Callable[[], bool]) -> bool:
    pid = fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("fork", [os.fork, ctypes.PyDLL(None).fork], ids=["os", "C"])
def test_each_child_is_another_process_and_lets_go_once(fork: Callable[[], int]) -> None:
    """However many things fail to."""
    here = process.current()
    things = [Thing(), Thing()]

    def grandchild() -> bool:
        return process.current() == here + 2 and {thing.left for thing in things} == {2}

    def child() -> bool:
        differs = process.current() == process.current() == here + 1
        made = Thing()
        is_left = [thing.left for thing in (*things, made)] == [1, 1, 0]
        return differs and is_left and in_child(fork, grandchild)

    assert in_child(fork, child)
    assert process.current() == here
    assert {thing.left for thing in things} == {0}


def test_resources_that_a_child_makes_first_stay_its_own() -> None:
    def child() -> bool:
        made = Thing()
        process.current()
        return made.left == 0

    assert in_child(ctypes.PyDLL(None).fork, child)


def test_forgotten_objects_are_not_kept() -> None:
    before = len(process.here.things)
    Thing()
    assert len(process.here.things) == before
