"""Top-ups: money from the account's bank, added to the balance."""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.objects import due
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments import books, testing_banks
from tigerstripe.payments.amounts import check_positive
from tigerstripe.payments.testing_banks import QUICK_S
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

FAILURE = "The bank could not process this top-up."


class Topups(Resource):
    """Top-ups: pending, until the money comes as the clock goes on."""

    object = "topup"
    table = "topups"
    prefix = "tu"
    told: frozenset[str] = frozenset(("created",))
    param: str | None = "topup"
    failures: frozenset[str] = frozenset(testing_banks.FAILURES)
    not_yet: tuple[str, ...] = ("payment_method", "payment_method_options", "source")

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new one, from the account's own bank."""
        check_positive(params["amount"])
        return {
            "amount": params["amount"],
            "balance_transaction": None,
            "currency": money.currency(params["currency"]),
            "description": params.get("description"),
            "expected_availability_date": work.now + QUICK_S,
            "failure_code": None,
            "failure_message": None,
            "initiated_by": "user",
            "metadata": params.get("metadata"),
            "payment_method": None,
            "payment_method_options": None,
            "source": None,
            "statement_descriptor": params.get("statement_descriptor"),
            "status": "pending",
            "transfer_group": params.get("transfer_group"),
        }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Ask the bank for money."""
        made = super().create(work, ids, params)
        due.schedule(work, self.object, made["id"], made["expected_availability_date"])
        return made

    def happen(self, work: Work, id: str) -> None:
        """Let the money come."""
        topup = work.get(self.table, id)
        if topup is not None:
            self.settle(work, topup, succeed=True)

    def settle(
        self, work: Work, topup: Record, *, succeed: bool, failure: str | None = None
    ) -> None:
        """Let the bank give the money, or refuse it."""
        due.cancel(work, topup["id"])
        if not succeed:
            code = failure or "insufficient_funds"
            new = {**topup, "failure_code": code, "failure_message": FAILURE, "status": "failed"}
            self.move(work, new, "failed")
            return
        posted = books.post(
            work,
            topup["id"],
            topup["amount"],
            topup["currency"],
            type="topup",
            category="topup",
            description=topup["description"],
        )
        new = {**topup, "balance_transaction": posted["id"], "status": "succeeded"}
        self.move(work, new, "succeeded")

    @operation("POST /v1/topups/{topup}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Cancel a top-up that is still pending."""
        topup = self.named(work, ids)
        if topup["status"] != "pending":
            raise Refused(f"Topups with a status of {topup['status']} cannot be canceled.")
        due.cancel(work, topup["id"])
        return self.move(work, {**topup, "status": "canceled"}, "canceled")


RESOURCE = Topups()
