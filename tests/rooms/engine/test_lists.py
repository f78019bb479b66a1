"""A place far down a list is found without a walk along all of it, and it is the right one."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.support.daemon import Daemon
from tests.support.model import clear_namespace, delete, put, put_many
from tests.support.seeds import new_random
from tiger.format import layout
from tiger.format.resources import BY_NAME
from tigerd.engine import lists
from tigerd.engine.lists import NEAR, Lists
from tigerd.engine.walks import versions_in
from tigerd.tools.audit import audit

CUSTOMERS = BY_NAME["customers"].number


@pytest.fixture
def walks() -> Iterator[list[int]]:
    """For each walk of at most `NEAR` links, the index of its list."""
    made: list[int] = []
    walk = Lists._walk

    def noting(self: Lists, index: int, *rest: object) -> tuple[int, int]:
        made.append(index)
        return walk(self, index, *rest)  # type: ignore[arg-type]

    with patch.object(Lists, "_walk", noting):
        yield made


def fill(daemon: Daemon, count: int) -> int:
    """Write records, oldest first; return how many a chunk has at most."""
    for begin in range(0, count, 1000):
        made = [{"id": f"{n}", "created": n, "email": "e"} for n in range(begin, begin + 1000)]
        daemon.do([put_many(CUSTOMERS, "a", made)])
    table = daemon.writer.tables[CUSTOMERS]
    number = max(table.space.chunks, key=lambda n: len(table.space.chunks[n].map))
    return sum(1 for _ in versions_in(table, number))


def test_nobody_waits_for_a_walk_along_all_of_a_list(daemon: Daemon, walks: list[int]) -> None:
    """After a start nothing is known of a list: a chunk is walked along at most."""
    count = 10_000
    most = fill(daemon, count)
    assert most < count / 4
    daemon.restart()
    for place in (50, 5000, 9900, 2500):
        walks.clear()
        daemon.do([put(CUSTOMERS, "a", f"at {place}", created=place + 0.5, email="e")])
        for index in (0, 1):
            assert 0 < walks.count(index) * NEAR < most + 3 * NEAR


def test_a_list_is_not_walked_twice_along_the_same_part(daemon: Daemon, walks: list[int]) -> None:
    fill(daemon, 5000)
    for place in range(0, 5000, 10):
        daemon.do([put(CUSTOMERS, "a", f"at {place}", created=place + 0.5, email="e")])
    walks.clear()
    for place in range(0, 5000, 10):
        daemon.do([put(CUSTOMERS, "a", f"and {place}", created=place + 0.6, email="e")])
    assert len(walks) <= 2 * 2 * 500


def test_a_list_keeps_its_order_whatever_is_written_taken_away_and_copied(daemon: Daemon) -> None:
    random = new_random()
    marked = 0
    with patch.object(lists, "NEAR", 4), patch.object(layout, "CHUNK_MIN", 4096):
        for _ in range(1500):
            namespace, identity = random.choice("aab"), f"{random.randrange(300)}"
            match random.randrange(40):
                case 0:
                    daemon.clean(random.randrange(500))
                case 1:
                    daemon.restart()
                case 2:
                    daemon.do([clear_namespace(None, random.choice("bbbba"))])
                case number if number < 15:
                    daemon.do([delete(CUSTOMERS, namespace, identity)])
                case _:
                    email, created = random.choice("ef"), random.randrange(100)
                    values = {"created": created, "email": email, "text": 200 * "x"}
                    daemon.do([put(CUSTOMERS, namespace, identity, **values)])
            if table := daemon.writer.tables.get(CUSTOMERS):
                marked = max([marked, *map(len, table.lists.marks.values())])
    assert marked > 10
    assert not audit(daemon.directory).findings
