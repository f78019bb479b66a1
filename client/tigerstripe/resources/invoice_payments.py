"""Invoice payments: each payment of an invoice, with its state."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing.paying import TABLE, invoice_of
from tigerstripe.objects import listing
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class InvoicePayments(Resource):
    """Invoice payments."""

    object = "invoice_payment"
    table = TABLE
    prefix = "inpay"
    param: str | None = "invoice_payment"
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    listed_of: tuple[str, ...] = ("invoice",)

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of them; those of a payment intent are of one invoice."""
        wanted = params.pop("payment", None)
        if wanted is None:
            return super().list(work, ids, params)
        id = wanted.get("payment_intent")
        if id is None:
            raise errors.missing("payment[payment_intent]")
        invoice = invoice_of(work, id)  # of an id that names nothing there is none, as recorded
        found = [
            one
            for one in (work.find_by(self.table, "invoice", invoice) if invoice else ())
            if one["payment"]["payment_intent"] == id
            and params.get("status") in (None, one["status"])
            and params.get("invoice") in (None, one["invoice"])
        ]
        return listing.cut(found, params, self.name)


RESOURCE = InvoicePayments()
