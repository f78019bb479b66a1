"""Transactions of customers' balances: each changes one, and keeps the balance after it."""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.resources.customers import RESOURCE as CUSTOMERS
from tigerstripe.work.unit import Work


class CustomerBalanceTransactions(Resource):
    """Transactions of customers' balances."""

    object = "customer_balance_transaction"
    table = "customer_balance_transactions"
    prefix = "cbtxn"
    parent: str | None = "customer"
    param: str | None = "transaction"
    event: str | None = None  # the event is the customer's

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a customer's balance by an amount."""
        customer = self._customer(work, ids)
        currency = money.currency(params["currency"])
        if customer["currency"] not in (None, currency):
            raise Refused(
                f"The customer's currency is {customer['currency']}, and cannot be {currency}.",
                param="currency",
            )
        work = work.on_clock(customer["test_clock"])
        before = {**customer, "currency": currency}
        made = self.adjust(work, before, params["amount"], "adjustment", params)
        CUSTOMERS.save(work, customer, {**before, "balance": made["ending_balance"]})
        return made

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a customer's transactions."""
        self._customer(work, ids)
        return super().list(work, ids, params)

    def adjust(
        self, work: Work, customer: Record, amount: int, type: str, params: Params | None = None
    ) -> Record:
        """Note a change of a customer's balance; its `ending_balance` is the caller's to store.

        `params` has what it is for: an `invoice`, a `credit_note`, a `description`.
        """
        params = params or {}
        return self.add(work, {
            "amount": amount,
            "checkout_session": None,
            "credit_note": params.get("credit_note"),
            "currency": customer["currency"] or "usd",
            "customer": customer["id"],
            "customer_account": None,
            "description": params.get("description"),
            "ending_balance": customer["balance"] + amount,
            "invoice": params.get("invoice"),
            "metadata": params.get("metadata"),
            "type": type,
        })  # fmt: skip

    def _customer(self, work: Work, ids: Ids) -> Record:
        customer = work.get(CUSTOMERS.table, ids["customer"])
        if customer is None:
            raise CUSTOMERS.missing(ids["customer"], "customer", in_path=True)
        return customer


RESOURCE = CustomerBalanceTransactions()
