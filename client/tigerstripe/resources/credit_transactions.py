"""Credit balance transactions: credits added to a grant of billing credits, and used."""

from __future__ import annotations

from tigerstripe.billing import granted
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work


class CreditTransactions(Resource):
    """Credit balance transactions; grants and invoices make them."""

    object = "billing.credit_balance_transaction"
    table = "credit_transactions"
    prefix = "cbtxn_test"
    id_length = 36
    name = "billing credit balance transaction"
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    told: frozenset[str] = frozenset(("created",))
    on_clocks: tuple[str, ...] = ("customer", "credit_grant")
    listed_of: tuple[str, ...] = ("customer",)
    filters: Filters = {"customer": lambda record, wanted: granted.customer_of(record) == wanted}

    def credited(
        self, work: Work, grant: Record, amount: int, kind: str, line: Record | None = None
    ) -> Record:
        """Store that an amount came to a grant."""
        return self._made(work, grant, "credit", amount, kind, line)

    def debited(
        self, work: Work, grant: Record, amount: int, kind: str, line: Record | None = None
    ) -> Record:
        """Store that an amount went from a grant; of two that take the last, one tries again."""
        work.touch(registry.need(granted.GRANT).table, grant["id"])
        return self._made(work, grant, "debit", amount, kind, line)

    def _made(
        self, work: Work, grant: Record, way: str, amount: int, kind: str, line: Record | None
    ) -> Record:
        currency = grant["amount"]["monetary"]["currency"]
        field = "credits_applied" if way == "debit" else "credits_application_invoice_voided"
        of = line and {"invoice": line["invoice"], "invoice_line_item": line["id"]}
        moved = {
            "amount": {"monetary": {"currency": currency, "value": amount}, "type": "monetary"},
            field: of,
            "type": kind,
        }
        effective_at = max(work.now, grant["effective_at"])
        return self.add(work, {
            "credit": None,
            "credit_grant": grant["id"],
            "debit": None,
            way: moved,
            "effective_at": effective_at if kind == "credits_granted" else work.now,
            "test_clock": grant["test_clock"],
            "type": way,
            PRIVATE: {"customer": grant["customer"]},
        })  # fmt: skip

    @operation("GET /v1/billing/credit_balance_summary")
    def summary(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the credits of a customer, of one grant or of those of a scope."""
        customer = registry.need("customer").given(work, params.get("customer") or "", "customer")
        work = work.on_clock(customer["test_clock"])
        sums: dict[str, list[int]] = {}
        for grant in self._grants(work, customer, params["filter"]):
            both = sums.setdefault(grant["amount"]["monetary"]["currency"], [0, 0])
            left = granted.left(work, grant)
            both[0] += left if granted.is_usable(grant, work.now) else 0
            both[1] += left
        return {
            "object": "billing.credit_balance_summary",
            "balances": [
                {"available_balance": _of(there, name), "ledger_balance": _of(all_, name)}
                for name, (there, all_) in sorted(sums.items())
            ],
            "customer": customer["id"],
            "customer_account": None,
            "livemode": False,
        }

    def _grants(self, work: Work, customer: Record, wanted: Params) -> list[Record]:
        """Return the grants that a summary is asked of; raises `Refused`."""
        grants = registry.need(granted.GRANT)
        if wanted["type"] == "credit_grant":
            one = grants.given(work, wanted.get("credit_grant") or "", "filter[credit_grant]")
            return [one] if one["customer"] == customer["id"] else []
        scope = wanted.get("applicability_scope") or {}
        found = work.find_by(grants.table, "customer", customer["id"])
        return [grant for grant in found if _is_of(grant["applicability_config"]["scope"], scope)]


def _is_of(scope: Record, wanted: Params) -> bool:
    """Tell whether a grant's scope is that of a kind of prices, or has one of some prices."""
    if wanted.get("price_type") is not None:
        return bool(scope.get("price_type") == wanted["price_type"])
    ids = {one["id"] for one in wanted.get("prices") or ()}
    return any(one["id"] in ids for one in scope.get("prices") or ())


def _of(value: int, currency: str) -> Record:
    return {"monetary": {"currency": currency, "value": value}, "type": "monetary"}


RESOURCE = CreditTransactions()
