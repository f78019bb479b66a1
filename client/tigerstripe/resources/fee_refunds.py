"""Refunds of application fees: a part of a fee that its account gets back."""

from __future__ import annotations

from tigerstripe import metadata, registry
from tigerstripe.ids import new_id
from tigerstripe.payments import connect
from tigerstripe.resource import Ids, Params, Record, Resource, operation
from tigerstripe.work import Work


class FeeRefunds(Resource):
    """Refunds of application fees."""

    object = "fee_refund"
    table = "fee_refunds"
    paths = ("/v1/application_fees/{fee}/refunds", "/v1/application_fees/{id}/refunds")
    prefix = "fr"
    name = "fee refund"
    event = None
    has_livemode = False
    parent = "fee"
    standard = frozenset(("retrieve", "update"))

    @operation("POST /v1/application_fees/{id}/refunds")
    def refund(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give an account a part of a fee back: by default what is left of it."""
        fees = registry.need("application_fee")
        fee = fees.named(work, ids)
        amount = params.get("amount")
        if amount is None:
            amount = fee["amount"] - fee["amount_refunded"]
        made: Record = fees.refunded(work, fee, amount, params)
        return made

    @operation("GET /v1/application_fees/{id}/refunds")
    def of_fee(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the refunds of a fee."""
        fee = registry.need("application_fee").named(work, ids)
        return self.list(work, {"fee": fee["id"]}, params)

    def made(self, work: Work, fee: Record, amount: int, params: Params) -> Record:
        """Store a refund of a fee, and write it into both sides' books."""
        id, currency = new_id(self.prefix, 24), fee["currency"]
        kind = "application_fee_refund"
        out = connect.moved(work, id, -amount, currency, kind, "platform_earning_refund")
        inside = work.inside(fee["account"])
        connect.moved(inside, id, amount, currency, kind, "fee")
        return self.add(work, {
            "id": id,
            "amount": amount,
            "balance_transaction": out,
            "currency": currency,
            "fee": fee["id"],
            "metadata": params.get("metadata"),
        })  # fmt: skip

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the metadata of a refund, in its fee too."""
        old = self.named(work, ids)
        new = self.save(work, old, {**old, **metadata.merged(old, params)})
        fees = registry.need("application_fee")
        fees.counted(work, fees.named(work, {"id": ids["fee"]}), 0)
        return new


RESOURCE = FeeRefunds()
