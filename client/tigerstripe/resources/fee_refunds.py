"""Refunds of application fees: a part of a fee that its account gets back."""

from __future__ import annotations

from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, operation
from tigerstripe.payments import connect
from tigerstripe.payments.returns import Part
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

KIND = "application_fee_refund"


class FeeRefunds(Part):
    """Refunds of application fees."""

    object = "fee_refund"
    table = "fee_refunds"
    prefix = "fr"
    name = "fee refund"
    whole = "application_fee"
    parent: str = "fee"

    @operation("POST /v1/application_fees/{id}/refunds")
    def refund(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give an account a part of a fee back."""
        return self.returned(work, ids, params)

    @operation("GET /v1/application_fees/{id}/refunds")
    def of_fee(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the refunds of a fee."""
        return self.of_whole(work, ids, params)

    def made(self, work: Work, whole: Record, amount: int, params: Params) -> Record:
        """Store a refund of a fee, and write it into both sides' books."""
        id = new_id(self.prefix, 24)
        return self.add(work, {
            "id": id,
            "amount": amount,
            "balance_transaction": _moved(work, id, whole, amount),
            "currency": whole["currency"],
            "fee": whole["id"],
            "metadata": params.get("metadata"),
        })  # fmt: skip

    def taken_back(self, work: Work, part: Record) -> None:
        """Let the platform have its fee again."""
        fee = registry.need(self.whole).named(work, {"id": part["fee"]})
        _moved(work, part["id"], fee, -part["amount"])


def _moved(work: Work, id: str, fee: Record, amount: int) -> str:
    """Move a part of a fee to its account; return the id of the platform's transaction."""
    currency = fee["currency"]
    out = connect.moved(work, id, -amount, currency, KIND, "platform_earning_refund")
    connect.moved(work.inside(fee["account"]), id, amount, currency, KIND, "fee")
    return out


RESOURCE = FeeRefunds()
