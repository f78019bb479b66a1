"""Application fees: what a platform gets of payments to its accounts, and what it gives back."""

from __future__ import annotations

from tigerstripe import listing, money, registry
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.payments import connect
from tigerstripe.payments.amounts import check_positive
from tigerstripe.resource import Params, Record, Resource
from tigerstripe.work import Work


class ApplicationFees(Resource):
    """Application fees; payments make them."""

    object = "application_fee"
    table = "application_fees"
    paths = ("/v1/application_fees",)
    prefix = "fee"
    name = "application fee"
    has_metadata = False
    standard = frozenset(("list", "retrieve"))

    def collected(
        self, work: Work, account: str, payment: Record, charge: Record, amount: int
    ) -> Record:
        """Let the platform, whose work this is, have a fee of an account's payment.

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
            "refunds": _refunds(id, []),
        })  # fmt: skip

    def refunded(self, work: Work, fee: Record, amount: int, params: Params) -> Record:
        """Give an account a part of a fee back; return the refund. Raises `Refused`."""
        left = fee["amount"] - fee["amount_refunded"]
        if left <= 0:
            message = f"Application fee {fee['id']} has already been refunded."
            raise Refused(message, code="application_fee_already_refunded")
        check_positive(amount)
        if amount > left:
            shown = [money.shown(n, fee["currency"]) for n in (amount, left)]
            raise Refused(
                f"Refund amount ({shown[0]}) is greater than unrefunded amount on application fee "
                f"({shown[1]})",
                param="amount",
            )
        made: Record = registry.need("fee_refund").made(work, fee, amount, params)
        self.counted(work, fee, amount)
        return made

    def counted(self, work: Work, fee: Record, amount: int) -> None:
        """Store a fee with its refunds as they are now, so much of it more."""
        found = work.find_by("fee_refunds", "fee", fee["id"])
        total = fee["amount_refunded"] + amount
        new = {
            **fee,
            "amount_refunded": total,
            "refunded": total == fee["amount"],
            "refunds": _refunds(fee["id"], found),
        }
        self.save(work, fee, new, "refunded" if amount else "refund.updated")


def _refunds(id: str, found: list[Record]) -> Record:
    data = found[: listing.LIMIT]
    return {
        **listing.listed(data, len(found) > len(data)),
        "total_count": len(found),
        "url": f"/v1/application_fees/{id}/refunds",
    }


RESOURCE = ApplicationFees()
