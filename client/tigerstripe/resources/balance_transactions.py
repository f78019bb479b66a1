"""Balance transactions: all movements of money, written where it moves (`payments.books`)."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class BalanceTransactions(Resource):
    """Balance transactions; money is pending until the day on which it is available."""

    object = "balance_transaction"
    table = "balance_transactions"
    prefix = "txn"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    computed: frozenset[str] = frozenset(("status",))
    filters: Filters = {"payout": lambda record, taken: record["id"] in taken}

    def view(self, work: Work, record: Record) -> Record:
        """Return a transaction as it is at this time."""
        if record["status"] == "pending" and record["available_on"] <= work.now:
            return {**record, "status": "available"}
        return record

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of them; of a payout those that it took along, and its own."""
        if params.get("payout") is not None:
            taken = registry.need("payout").taken_along(work, params["payout"])
            params = {**params, "payout": taken}
        return super().list(work, ids, params)


RESOURCE = BalanceTransactions()
