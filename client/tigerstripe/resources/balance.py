"""The balance: the sum of all balance transactions, available and pending."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments import balances
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class Balance(Resource):
    """An account's balance: the sum of its transactions, so it always adds up."""

    object = "balance"
    table = "balance_transactions"
    prefix = ""
    event: str | None = None
    has_metadata = False
    happens_together = True
    standard: frozenset[str] = frozenset()

    @operation("GET /v1/balance")
    def read(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the balance. Cost: the transactions of about two days are read."""
        available, pending = balances.sums(work)
        currencies = sorted({*available, *pending}) or [_currency(work)]
        return {
            "object": self.object,
            "available": [_of(available, name) for name in currencies],
            "livemode": False,
            "pending": [_of(pending, name) for name in currencies],
        }

    def happen(self, work: Work, id: str) -> None:
        """Tell that money of a day is available now; it may be paid out by itself."""
        balances.close(work)
        work.tell("balance.available", self.read(work, {}, {}))
        registry.need("payout").plan(work)


def _currency(work: Work) -> str:
    """Return the currency of an account that has taken no money yet."""
    account = work.scope.account
    own = work.inside(None).get("accounts", account) if account is not None else None
    return str(own["default_currency"]) if own is not None else "usd"


def _of(sums: dict[str, int], currency: str) -> Record:
    amount = sums.get(currency, 0)
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


RESOURCE = Balance()
