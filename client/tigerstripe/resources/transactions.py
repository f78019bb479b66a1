"""Balance transactions: all movements of money, written by what moves it (`payments.books`)."""

from __future__ import annotations

from tigerstripe.resource import Record, Resource
from tigerstripe.work import Work


class Transactions(Resource):
    """Balance transactions; money is pending until the day on which it is available."""

    object = "balance_transaction"
    table = "balance_transactions"
    paths = ("/v1/balance_transactions",)
    prefix = "txn"
    event = None
    has_metadata = False
    standard = frozenset(("list", "retrieve"))
    computed = frozenset(("status",))
    filters = {"payout": lambda record, wanted: record["source"] == wanted}

    def view(self, work: Work, record: Record) -> Record:
        """Return a transaction as it is at this time."""
        if record["status"] == "pending" and record["available_on"] <= work.now:
            return {**record, "status": "available"}
        return record


RESOURCE = Transactions()
