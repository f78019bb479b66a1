"""Reversals: money of a transfer that comes back to the platform."""

from __future__ import annotations

from tigerstripe import metadata, registry
from tigerstripe.ids import new_id
from tigerstripe.payments import connect
from tigerstripe.resource import Ids, Params, Record, Resource, operation
from tigerstripe.work import Work


class Reversals(Resource):
    """Reversals of transfers."""

    object = "transfer_reversal"
    table = "transfer_reversals"
    paths = ("/v1/transfers/{transfer}/reversals", "/v1/transfers/{id}/reversals")
    prefix = "trr"
    name = "reversal"
    event = None
    has_livemode = False
    parent = "transfer"
    standard = frozenset(("retrieve", "update"))

    @operation("POST /v1/transfers/{id}/reversals")
    def reverse(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take money of a transfer back: by default what is left of it."""
        transfers = registry.need("transfer")
        transfer = transfers.named(work, ids)
        amount = params.get("amount")
        if amount is None:
            amount = transfer["amount"] - transfer["amount_reversed"]
        made: Record = transfers.reversed(work, transfer, amount, params)
        if params.get("refund_application_fee"):
            inside = work.inside(transfer["destination"])
            payment = inside.get("charges", transfer["destination_payment"])
            assert payment is not None, transfer
            before = payment["amount_refunded"] - amount
            connect.fee_given_back(inside, {**payment, "amount_refunded": before}, amount)
        return made

    @operation("GET /v1/transfers/{id}/reversals")
    def of_transfer(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the reversals of a transfer."""
        transfer = registry.need("transfer").named(work, ids)
        return self.list(work, {"transfer": transfer["id"]}, params)

    def made(self, work: Work, transfer: Record, amount: int, params: Params) -> Record:
        """Store a reversal, with the refund that it is in the account, and both sides' books."""
        id, currency = new_id(self.prefix, 24), transfer["currency"]
        back = connect.moved(work, id, amount, currency, "transfer_refund", "transfer_reversal")
        inside = work.inside(transfer["destination"])
        payment = transfer["destination_payment"]
        refund = registry.need("refund").of_reversal(inside, payment, id, amount)
        return self.add(work, {
            "id": id,
            "amount": amount,
            "balance_transaction": back,
            "currency": currency,
            "destination_payment_refund": refund["id"],
            "metadata": params.get("metadata"),
            "source_refund": params.get("source_refund"),
            "transfer": transfer["id"],
        })  # fmt: skip

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the metadata of a reversal, in its transfer too."""
        old = self.named(work, ids)
        new = self.save(work, old, {**old, **metadata.merged(old, params)})
        transfers = registry.need("transfer")
        transfers.counted(work, transfers.named(work, {"id": ids["transfer"]}), 0)
        return new


RESOURCE = Reversals()
