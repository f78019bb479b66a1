"""Reversals: money of a transfer returns to the platform."""

from __future__ import annotations

from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, operation
from tigerstripe.payments import connect
from tigerstripe.payments.returns import Part
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class TransferReversals(Part):
    """Reversals of transfers."""

    object = "transfer_reversal"
    table = "transfer_reversals"
    prefix = "trr"
    name = "reversal"
    whole = parent = "transfer"

    @operation("POST /v1/transfers/{id}/reversals")
    def reverse(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take money of a transfer back; of the application fee the part that belongs to it."""
        made = self.returned(work, ids, params)
        if params.get("refund_application_fee"):
            transfer = registry.need("transfer").named(work, ids)
            amount = made["amount"]
            inside = work.inside(transfer["destination"])
            payment = inside.get("charges", transfer["destination_payment"])
            assert payment is not None, transfer
            before = payment["amount_refunded"] - amount
            connect.fee_given_back(inside, {**payment, "amount_refunded": before}, amount)
        return made

    @operation("GET /v1/transfers/{id}/reversals")
    def of_transfer(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the reversals of a transfer."""
        return self.of_whole(work, ids, params)

    def made(self, work: Work, whole: Record, amount: int, params: Params) -> Record:
        """Store a reversal, with the refund that it is in the account, and both sides' books."""
        id, currency = new_id(self.prefix, 24), whole["currency"]
        back = connect.moved(work, id, amount, currency, "transfer_refund", "transfer_reversal")
        inside = work.inside(whole["destination"])
        payment = whole["destination_payment"]
        refund = registry.need("refund").of_reversal(inside, payment, id, amount)
        return self.add(work, {
            "id": id,
            "amount": amount,
            "balance_transaction": back,
            "currency": currency,
            "destination_payment_refund": refund["id"],
            "metadata": params.get("metadata"),
            "source_refund": params.get("source_refund"),
            "transfer": whole["id"],
        })  # fmt: skip

    def taken_back(self, work: Work, part: Record) -> None:
        """Let the account have its money again: the refund that it had made fails."""
        amount, currency = -part["amount"], part["currency"]
        kind = "transfer_refund"
        connect.moved(work, part["id"], amount, currency, kind, "transfer_reversal")
        transfer = registry.need("transfer").named(work, {"id": part["transfer"]})
        refunds = registry.need("refund")
        inside = work.inside(transfer["destination"])
        refund = refunds.named(inside, {"id": part["destination_payment_refund"]})
        refunds.settle(inside, refund, succeed=False)


RESOURCE = TransferReversals()
