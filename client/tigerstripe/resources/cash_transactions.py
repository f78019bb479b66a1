"""Cash balance transactions: the money that a customer has sent, and its use."""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments import cash
from tigerstripe.payments.amounts import check_positive
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class CashTransactions(Resource):
    """Cash balance transactions of a customer."""

    object = "customer_cash_balance_transaction"
    table = "cash_balance_transactions"
    prefix = "ccsbtxn"
    param: str | None = "transaction"
    parent: str | None = "customer"
    told: frozenset[str] = frozenset(("created",))
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a customer's."""
        registry.need("customer").named(work, ids)
        return super().list(work, ids, params)

    @operation("POST /v1/test_helpers/customers/{customer}/fund_cash_balance")
    def fund(self, work: Work, ids: Ids, params: Params) -> Record:
        """Receive money of a customer, which pays the intents that wait for it."""
        customer = registry.need("customer").named(work, ids)
        check_positive(params["amount"])
        currency = money.currency(params["currency"])
        made: Record = cash.funded(
            work, customer, params["amount"], currency, params.get("reference")
        )
        return made


RESOURCE = CashTransactions()
