"""A year of subscriptions: of an account, and the objects that it makes, by plain batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import count
from typing import Any

from benchmarks.peers.stripe_api import StripeApi, Tigerstripe

BEGINS = 1_800_014_400  # 15 January 2027, noon UTC
ENDS = BEGINS + 365 * 24 * 3600 + 2 * 3600  # when the invoice of the last renewal has been paid
RENEWALS = 12
PRICE = {
    "currency": "usd",
    "unit_amount": 1000,
    "product_data": {"name": "Plan"},
    "recurring": {"interval": "month"},
}
CUSTOMER = {
    "payment_method": "pm_card_visa",
    "invoice_settings": {"default_payment_method": "pm_card_visa"},
}

Commit = dict[str, list[dict[str, Any]]]
"""The records that are written at once, by their tables."""


class Year:
    """A year of an account with so many monthly subscriptions, each time in a new account."""

    def __init__(self, peer: StripeApi, subscriptions: int) -> None:
        """Use the accounts of a peer."""
        assert isinstance(peer, Tigerstripe)
        self._store = peer.account.store
        self._open = type(peer.account)
        self._subscriptions = subscriptions
        self._numbers = count()

    def begin(self) -> None:
        """Make the account, which stands at the beginning of the year."""
        name = f"year-{self._subscriptions}-{next(self._numbers)}"
        self.account = self._open(self._store.namespace(name))
        self.account.freeze(BEGINS)
        v1 = self.account.client().v1
        price = v1.prices.create(PRICE).id
        for _ in range(self._subscriptions):
            customer = v1.customers.create(CUSTOMER).id
            v1.subscriptions.create({"customer": customer, "items": [{"price": price}]})

    def go_by(self) -> None:
        """Let the year pass."""
        self.account.advance(ENDS)

    def check(self) -> None:
        """Make sure that all has been paid that was to be."""
        paid = [i for i in self.account.store.invoices if i["status"] == "paid"]
        assert len(paid) == self._subscriptions * (1 + RENEWALS), len(paid)

    def commits(self) -> list[Commit]:
        """Let the year pass, and return what is new and changed after it by the commits."""
        store = self.account.store
        store.left_out = set()
        before = store.mark()
        self.go_by()
        made: dict[int, Commit] = defaultdict(lambda: defaultdict(list))
        for difference in store.changes(before):
            if difference.after is not None:
                made[difference.commit][difference.table].append(difference.after)
        before.release()
        return [made[number] for number in sorted(made)]


def by_batches(year: Year) -> Callable[[], None]:
    """Return what writes the objects of a year in as many commits, and knows nothing of them."""
    year.begin()
    commits = year.commits()
    year.check()

    def write() -> None:
        for commit in commits:
            with year.account.store.batch() as batch:
                for table, records in commit.items():
                    batch.table(table).insert_many(records)

    return write
