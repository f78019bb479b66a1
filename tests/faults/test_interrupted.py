"""A signal that ends a write half way: nothing of it is taken for the next one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tiger
from tests.faults.storm import check
from tests.support.processes import instance_directory, kill, serving, stop

AFTER_S = 0.2


class Interrupted(Exception):
    pass


@contextmanager
def interrupting() -> Iterator[None]:
    """Raise `Interrupted` in a moment, as Ctrl-C raises KeyboardInterrupt."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, AFTER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("size", [10, 3_000_000], ids=["sent", "half-sent"])
def test_an_interrupted_write_leaves_the_store_usable(size: int) -> None:
    with instance_directory() as place, serving(place) as daemon, tiger.connect(place) as store:
        store.coupons.insert({"id": "before"})
        stop([daemon])
        many = [{"id": f"m{n}", "text": "x" * (size // 10)} for n in range(10)]
        try:
            with interrupting(), pytest.raises(Interrupted):
                store.coupons.insert_many(many)
        finally:
            kill([daemon], signal.SIGCONT)
        assert store.coupons.insert({"id": "after"}) == store.coupons.get("after")
        # What was sent was applied, all of it and once; what was not, not at all.
        assert store.coupons.count() == (2 if size > 10 else 12)
        assert store.ping()["pid"] == daemon
        check(place)


def test_a_child_that_interrupts_nothing_of_its_parents() -> None:
    """Both write on connections of their own, after the fork of a process that had one."""
    with instance_directory() as place, serving(place), tiger.connect(place) as store:
        store.coupons.insert({"id": "before"})
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for number in range(200):
                    store.coupons.insert({"id": f"child{number}"})
                status = 0
            finally:
                os._exit(status)
        for number in range(200):
            store.coupons.insert({"id": f"parent{number}"})
        assert os.waitpid(child, 0)[1] == 0
        assert store.coupons.count() == 401
        check(place)
