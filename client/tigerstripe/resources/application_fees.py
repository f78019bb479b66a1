"""Application fees: the platform's part of payments to its accounts, and its return."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.payments import connect
from tigerstripe.payments.returns import Whole
from tigerstripe.records import Record
from tigerstripe.work.unit import Work


class ApplicationFees(Whole):
    """Application fees; payments make them."""

    object = "application_fee"
    table = "application_fees"
    prefix = "fee"
    name = "application fee"
    has_metadata = False
    part = "fee_refund"
    parts = "refunds"
    flag = "refunded"
    path = "/v1/application_fees/{}"
    owner = "account"
    standard: frozenset[str] = frozenset(("list", "retrieve"))

    def collected(
        self, work: Work, account: str, payment: Record, charge: Record, amount: int
    ) -> Record:
        """Give the platform, in whose view the work is, a fee of an account's payment.

        `charge` is what brought the money: the payment itself, or the platform's own charge.
        """
        id = new_id(self.prefix, 24)
        posted = connect.moved(
            work, id, amount, payment["currency"], "application_fee", "platform_earning",
            at_once=False,
        )  # fmt: skip
        return self.add(work, {
            "id": id,
            "account": account,
            "amount": amount,
            "amount_refunded": 0,
            "application": connect.application(work.inside(account)),
            "balance_transaction": posted,
            "charge": payment["id"],
            "currency": payment["currency"],
            "fee_source": {"charge": payment["id"], "type": "charge"},
            "originating_transaction": charge["id"] if charge is not payment else None,
            "refunded": False,
            "refunds": self.listed(id, []),
        })  # fmt: skip

    def over(self, whole: Record) -> Refused:
        """Return the refusal of a refund where nothing is left."""
        message = f"Application fee {whole['id']} has already been refunded."
        return Refused(message, code="application_fee_already_refunded")

    def too_much(self, amount: str, left: str) -> str:
        """Return the message for a refund that is larger than the rest."""
        return (
            f"Refund amount ({amount}) is greater than unrefunded amount on application fee "
            f"({left})"
        )

    def event_of(self, amount: int) -> str:
        """Return how it is told that so much more is given back."""
        return "refunded" if amount > 0 else "refund.updated"


RESOURCE = ApplicationFees()
