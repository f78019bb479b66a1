"""Ranges of `created` in `list`, `count` and `wait_for`: what is in them, and what they cost."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tiger
from tiger.format.version import Version
from tiger.reading import table_reader

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def ids(records: Any) -> str:
    return "".join(record["id"] for record in records)


@pytest.fixture
def payouts(shared_store) -> Any:
    for created, letter in enumerate("abcdefg"):
        shared_store.payouts.insert({"id": letter, "created": created})
    return shared_store.payouts


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({"gte": 3}, "gfed"),
        ({"gt": 3}, "gfe"),
        ({"lt": 3}, "cba"),
        ({"lte": 3}, "dcba"),
        ({"gte": 2, "lt": 5}, "edc"),
        ({"gt": 2, "lte": 5}, "fed"),
        ({"gte": 3, "lte": 3}, "d"),
        ({"gt": 3, "gte": 5, "lt": 7, "lte": 5}, "f"),
        ({"gt": 3, "lt": 3}, ""),
        ({"gte": 5, "lt": 2}, ""),
        ({"gte": 2.5, "lt": 4.5}, "ed"),
        ({"gte": -(2**63), "lte": 2**64 - 1}, "gfedcba"),
        ({"gt": 1e300}, ""),
    ],
)
def test_a_range_gives_what_is_within_its_bounds(payouts, bounds: Any, found: str) -> None:
    assert ids(payouts.list(created=bounds)) == found
    assert payouts.count(created=bounds) == len(found)
    assert ids(payouts.list(created=bounds, limit=2).auto_paging_iter()) == found


def test_a_record_without_a_number_in_created_is_in_no_range(payouts) -> None:
    """In lists it stands as one of 0, but an equality would not find it either."""
    for name, record in {"w": {}, "x": {"created": None}, "y": {"created": "1"}}.items():
        payouts.insert({"id": name, **record})
    payouts.insert({"id": "z", "created": False})
    assert ids(payouts.list(created={"lte": 1})) == "ba"
    assert payouts.count(created={"gte": -5}) == 7


def test_neighbours_that_one_double_stands_for_are_told_apart(payouts) -> None:
    now_ns = 1_700_000_000_000_000_000
    for number in range(4):
        payouts.insert({"id": f"n{number}", "created": now_ns + number})
    assert ids(payouts.list(created={"gt": now_ns, "lte": now_ns + 2})) == "n2n1"


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({}, "range of created is empty.*gte"),
        ({"from": 3}, "'from'.*gt, gte, lt and lte"),
        ({3: 3}, "has 3.*gte"),
        ({"gte": "3"}, "'gte': '3'.*number"),
        ({"gte": None}, "'gte': None.*number"),
        ({"gte": True}, "'gte': True.*number"),
        ({"gte": math.nan}, "nan.*number"),
        ({"gte": math.inf}, "inf.*number"),
        ({"lt": 10**400}, "'lt': 1000.*64 bits"),
        ({"gte": [3]}, r"'gte': \[3\].*number"),
    ],
)
def test_a_range_that_is_none_is_refused(payouts, bounds: Any, words: str) -> None:
    for call in (payouts.list, payouts.count, payouts.wait_for):
        with pytest.raises(tiger.InvalidRequest, match=f"(?s){words}"):
            call(created=bounds)


def test_wait_for_takes_a_range_too(payouts) -> None:
    assert payouts.wait_for(created={"lt": 3})["id"] == "c"
    with pytest.raises(tiger.TimedOut, match=r"created=\{'gt': 9\}"):
        payouts.wait_for(created={"gt": 9}, timeout_s=0)


# Against a model: forks, filters, cursors, both ways, in namespaces that are long enough to seek in


def fill(table: Any, choices: random.Random, start: int, count: int) -> None:
    table.insert_many(
        {
            "id": f"p{number}",
            "status": choices.choice(["paid", "failed", "pending"]),
            "even": number % 2 == 0,
            **({"created": choices.randrange(-40, 200)} if choices.random() < 0.9 else {}),
        }
        for number in range(start, start + count)
    )


@pytest.fixture(scope="module")
def long(shared_connection) -> Iterator[Any]:
    """Payouts of a fork that has overwritten, hidden and added some; 1,200 in all."""
    choices = random.Random(27)
    with shared_connection.sandbox() as parent:
        parent.customers.insert_many({"id": f"c{number}"} for number in range(500))
        fill(parent.payouts, choices, 0, 900)
        with parent.fork() as child:
            fill(child.payouts, choices, 600, 600)
            for number in range(0, 600, 7):
                child.payouts.delete(f"p{number}")
            yield child.payouts


def matches(record: dict[str, Any], bounds: dict[str, Any], filters: dict[str, Any]) -> bool:
    created = record.get("created")
    return (
        created is not None
        and all(COMPARE[name](created, value) for name, value in bounds.items())
        and all(record[name] == value for name, value in filters.items())
    )


@pytest.mark.parametrize("seed", range(6))
def test_any_range_gives_what_a_scan_would(long, seed: int) -> None:
    choices = random.Random(seed)
    everything = list(long)
    for _ in range(25):
        names = choices.sample(list(COMPARE), choices.randrange(1, 3))
        bounds = {name: choices.randrange(-50, 210) for name in names}
        filters = choices.choice([{}, {"status": "paid"}, {"even": True}])
        wanted = [r for r in everything if matches(r, bounds, filters)]
        asked = {"created": bounds, **filters}
        assert long.count(**asked) == len(wanted), asked
        assert list(long.list(limit=100, **asked).auto_paging_iter()) == wanted, asked

        at = choices.randrange(len(everything))
        cursor = everything[at]["id"]
        after = [r for r in everything[at + 1 :] if matches(r, bounds, filters)]
        page = long.list(7, starting_after=cursor, **asked)
        assert page.data == after[:7], (asked, cursor)
        assert page.has_more is (len(after) > 7)
        before = [r for r in everything[:at] if matches(r, bounds, filters)]
        page = long.list(7, ending_before=cursor, **asked)
        assert page.data == before[-7:], (asked, cursor)
        assert page.has_more is (len(before) > 7)


# Cost


@pytest.mark.parametrize("filters", [{}, {"status": "paid"}], ids=["alone", "with an index"])
def test_a_range_is_found_without_a_scan(
    shared_store, monkeypatch: pytest.MonkeyPatch, filters: Any
) -> None:
    """Of 20,000 records, some hundreds are looked at, wherever the range is."""
    payouts = shared_store.payouts
    for start in range(0, 20_000, 5_000):
        payouts.insert_many(
            {"id": f"p{n}", "created": n, "status": "paid"} for n in range(start, start + 5_000)
        )
    payouts.get("p0")
    looks = 0

    class Counted(Version):
        def __init__(self, *arguments: Any) -> None:
            nonlocal looks
            looks += 1
            super().__init__(*arguments)

    monkeypatch.setattr(table_reader, "Version", Counted)
    for at in range(1_000, 20_000, 1_000):
        page = payouts.list(created={"lt": at, "gte": at - 300}, **filters)
        assert [record["created"] for record in page] == list(range(at - 1, at - 11, -1))
        page = payouts.list(created={"gte": at}, ending_before=f"p{at + 5}", limit=1, **filters)
        assert page.data[0]["created"] == at + 6
        page = payouts.list(created={"gte": at}, ending_before="p0", limit=1, **filters)
        assert page.data[0]["created"] == at
    assert looks / (3 * 19) < 1_000
