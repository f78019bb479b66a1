"""A reader beside writers: it reads at random, and fails at the first thing no store may show.

Plans carry a checksum; a coupon and an event of one id are always written as equals, by a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import tiger
from tests.support.checksums import PRODUCTS, Record, checksum


class Reader:
    """Reads by every kind of read, also while there is no daemon."""

    def __init__(
        self, store: tiger.Store, random: Random, any_name: Callable[[], str], shared: str = ""
    ) -> None:
        """Read plans of any name; `shared` is a coupon whose count never goes back."""
        self.store, self.random, self.any_name, self.shared = store, random, any_name, shared
        self.done: Counter[str] = Counter()
        self.counts: dict[str, int] = {}

    def run(self, is_over: Callable[[], bool]) -> Counter[str]:
        """Read until it is over, and then once more of each kind; return how many."""
        weights: dict[Callable[[], None], int] = {
            self.get: 40, self.peek: 40, self.page: 6, self.filter: 4, self.find: 4, self.pairs: 8,
            self.all: 1,
        }  # fmt: skip
        while not is_over():
            for kind in self.random.choices([*weights], [*weights.values()], k=20):
                kind()
                self.done[kind.__name__] += 1
        for kind in weights:
            kind()
        return self.done

    def check(self, record: Record) -> Record:
        assert record["checksum"] == checksum(record), f"torn: {record}"
        return record

    def check_all(self, records: list[Record]) -> list[Record]:
        """Whole records, newest first, none twice."""
        for record in records:
            self.check(record)
        created = [record["created"] for record in records]
        assert created == sorted(created, reverse=True), f"out of order: {created}"
        names = [record["id"] for record in records]
        assert len(set(names)) == len(names), f"doubled: {names}"
        return records

    def count(self, record: Record) -> None:
        assert record["n"] >= self.counts.get(record["id"], 0), "lost: a count went back"
        self.counts[record["id"]] = record["n"]

    def get(self) -> None:
        name = self.any_name()
        record = self.store.plans.get(name, None)
        assert record is None or self.check(record)["id"] == name
        if self.shared:
            self.count(self.store.coupons.get(self.shared))

    def peek(self) -> None:
        name = self.any_name()
        try:
            seen = self.store.plans.peek(name)
        except tiger.NotFound:
            self.done["missed"] += 1
        else:
            assert self.check(dict(seen))["id"] == name

    def page(self) -> None:
        limit = self.random.choice([1, 5, 10, 50])
        page = self.store.plans.list(limit=limit)
        assert len(self.check_all(page.data)) <= limit
        if page.data:
            cursor = self.random.choice(page.data)["id"]
            direction = self.random.choice(["starting_after", "ending_before"])
            try:
                page = self.store.plans.list(limit=limit, **{direction: cursor})
            except tiger.InvalidCursor:
                self.done["deleted cursors"] += 1
                return
            assert cursor not in {record["id"] for record in self.check_all(page.data)}

    def filter(self) -> None:
        product = self.random.choice(PRODUCTS)
        page = self.store.plans.list(limit=20, product=product, active=True)
        for record in self.check_all(page.data):
            assert (record["product"], record["active"]) == (product, True)

    def find(self) -> None:
        product = self.random.choice(PRODUCTS)
        for record in self.check_all(self.store.plans.find_by_product(product)):
            assert record["product"] == product
        for record in self.check_all(self.store.plans.find_active()):
            assert record["active"] is True

    def pairs(self) -> None:
        """All of a batch or nothing of it, and never an older one than before."""
        with self.store.snapshot() as view:
            coupons = {record["id"]: record for record in view.coupons}
            events = {record["id"]: record for record in view.events}
        coupons.pop(self.shared, None)
        assert coupons == events, f"torn: half a batch: {coupons} {events}"
        for record in events.values():
            self.count(self.check(record))

    def all(self) -> None:
        """Every kind of read of one snapshot agrees with the others."""
        with self.store.snapshot() as view:
            plans = view.plans
            everything = self.check_all(list(plans))
            paged = list(plans.list(limit=self.random.choice([7, 30])).auto_paging_iter())
            assert paged == everything
            assert plans.count() == len(everything)
            for product in PRODUCTS:
                matching = [record for record in everything if record["product"] == product]
                assert plans.find_by_product(product) == matching
            assert plans.find_active() == [record for record in everything if record["active"]]
            for record in self.random.sample(everything, min(5, len(everything))):
                assert plans.get(record["id"]) == record
