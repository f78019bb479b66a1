"""The lines of invoices, as a list of their own; they are parts of their invoice's record."""

from __future__ import annotations

from tigerstripe import listing, registry
from tigerstripe.billing import lines
from tigerstripe.resource import Ids, Params, Record, Resource
from tigerstripe.work import Work


class InvoiceLines(Resource):
    """Lines of invoices."""

    object = "line_item"
    table = ""
    paths = ("/v1/invoices/{invoice}/lines",)
    prefix = "il"
    event = None
    standard = frozenset(("list",))

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of an invoice's lines, in its order."""
        invoice = registry.need("invoice").named(work, {"invoice": ids["invoice"]})
        return listing.cut(lines.all_of(invoice), params, self.name)


RESOURCE = InvoiceLines()
