"""The operations on lines of invoices; the lines are parts of their invoice's record.

A line that a request adds to a draft is drawn from an invoice item. Lines of a subscription have no
invoice item.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import amounts, discounts, lines, pending
from tigerstripe.errors import Refused
from tigerstripe.objects import listing, metadata, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

Content = list[Record]

OWN = ("amount", "description", "discountable", "metadata", "period", "quantity")
"""Parameters that are fields of a line without an invoice item."""


class InvoiceLines(Resource):
    """Lines of invoices."""

    object = "line_item"
    table = ""
    prefix = "il"
    name = "line_item"
    event: str | None = None
    standard: frozenset[str] = frozenset(("list",))
    not_yet: tuple[str, ...] = (
        "lines[][quantity_decimal]", "lines[][tax_amounts]", "quantity_decimal", "tax_amounts",
    )  # fmt: skip

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of an invoice's lines, in its order."""
        invoice = registry.need("invoice").named(work, {"invoice": ids["invoice"]})
        return listing.cut(lines.all_of(invoice), params, self.name)

    # --- Changed, on a draft ---

    @operation("POST /v1/invoices/{invoice}/lines/{line_item_id}")
    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a line of a draft."""
        work, draft = self._draft(work, ids)
        line = self._named(draft, ids["line_item_id"], "line_item_id", in_path=True)
        self._change(work, draft, line, params)
        return self._named(self._again(work, draft), line["id"], None)

    @operation("POST /v1/invoices/{invoice}/add_lines")
    def add_lines(self, work: Work, ids: Ids, params: Params) -> Record:
        """Put lines on a draft: new ones, or of items that wait."""
        work, draft = self._draft(work, ids)
        items = registry.need("invoiceitem")
        for place, wanted in enumerate(params["lines"]):
            of = {"currency": draft["currency"], **wanted, "customer": draft["customer"]}
            try:
                if wanted.get("invoice_item") is not None:
                    self._take(work, draft, wanted["invoice_item"])
                else:
                    items.add(work, items.new(work, {**of, "invoice": draft["id"]}))
            except Refused as refused:
                raise errors.under(refused, f"lines[{place}]") from None
        return self._noted(work, draft, params)

    def _take(self, work: Work, draft: Record, id: str) -> None:
        """Put an item that waits on a draft; raises `Refused` if it is another's, or taken."""
        items = registry.need("invoiceitem")
        item = items.given(work, id, "invoice_item")
        if item["customer"] != draft["customer"] or item["invoice"] is not None:
            raise Refused(
                f"The invoice item {id} is not one that waits for the next invoice of the customer "
                f"{draft['customer']}.",
                param="invoice_item",
            )
        items.put_on(work, item, draft["id"])

    @operation("POST /v1/invoices/{invoice}/update_lines")
    def update_lines(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change lines of a draft."""
        work, draft = self._draft(work, ids)
        for place, wanted in enumerate(params["lines"]):
            at = f"lines[{place}]"
            draft = self._again(work, draft)
            line = self._named(draft, wanted.pop("id"), f"{at}[id]")
            try:
                self._change(work, draft, line, wanted)
            except Refused as refused:
                raise errors.under(refused, at) from None
        return self._noted(work, draft, params)

    @operation("POST /v1/invoices/{invoice}/remove_lines")
    def remove_lines(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take lines off a draft; their items are deleted, or wait for the next invoice."""
        work, draft = self._draft(work, ids)
        items = registry.need("invoiceitem")
        for place, wanted in enumerate(params["lines"]):
            draft = self._again(work, draft)
            line = self._named(draft, wanted["id"], f"lines[{place}][id]")
            item = work.get(items.table, pending.item_of(line) or "")
            if item is None:
                if wanted["behavior"] == "unassign":
                    raise Refused(
                        f"The line {line['id']} is of no invoice item that could wait: delete it.",
                        param=f"lines[{place}][behavior]",
                    )
                self._without(work, draft, line)
            elif wanted["behavior"] == "delete":
                items.drop(work, item)
            else:
                self._without(work, draft, line)
                work.put(items.table, {**item, "invoice": None})
        return self._noted(work, draft, params)

    # --- Its parts ---

    def _draft(self, work: Work, ids: Ids) -> tuple[Work, Record]:
        """Return the draft that the path names, by its customer's clock; raises `Refused`."""
        invoices = registry.need("invoice")
        invoice = invoices.named(work, {"invoice": ids["invoice"]})
        if invoice["status"] != "draft":
            raise Refused(
                f"You can only change the lines of a draft: this invoice is {invoice['status']}.",
                code="invoice_not_editable",
            )
        return work.on_clock(invoice["test_clock"]), invoice

    def _again(self, work: Work, draft: Record) -> Record:
        """Return a draft as this work has written it."""
        return work.get("invoices", draft["id"]) or draft

    def _named(self, draft: Record, id: str, param: str | None, *, in_path: bool = False) -> Record:
        found = next((line for line in lines.all_of(draft) if line["id"] == id), None)
        if found is None:
            raise errors.no_such(self.name, id, param, in_path=in_path)
        return found

    def _change(self, work: Work, draft: Record, line: Record, wanted: Params) -> None:
        """Change the invoice item of a line, or a subscription's line itself."""
        items = registry.need("invoiceitem")
        item = work.get(items.table, pending.item_of(line) or "")
        if item is not None:
            changes = metadata.merged(item, wanted)
            items.save(work, item, items.change(work, item, changes))
            return
        given = metadata.merged(line, wanted)
        new = {**line, **{name: given[name] for name in OWN if given.get(name) is not None}}
        if "amount" not in wanted and wanted.get("quantity") is not None:
            unit = line["amount"] // (line["quantity"] or 1)
            new["amount"] = unit * wanted["quantity"]
        new.update(quantity_decimal=str(new["quantity"]), subtotal=new["amount"])
        if "discounts" in wanted:
            new["discounts"] = discounts.all_redeemed(
                work, wanted["discounts"], "discounts", draft["customer"], draft["currency"]
            )
        rates = lines.rates_of(draft)
        if "tax_rates" in wanted:
            whole = registry.need("tax_rate").all_given(work, wanted["tax_rates"], "tax_rates")
            rates = {**rates, line["id"]: [rate["id"] for rate in whole]}
        changed = [new if one["id"] == line["id"] else one for one in lines.all_of(draft)]
        self._redrawn(work, draft, changed, rates)

    def _without(self, work: Work, draft: Record, line: Record) -> None:
        kept = [one for one in lines.all_of(draft) if one["id"] != line["id"]]
        self._redrawn(work, draft, kept, lines.rates_of(draft))

    def _redrawn(self, work: Work, draft: Record, content: Content, rates: Record) -> None:
        new = amounts.priced(work, lines.with_lines(draft, content, rates))
        registry.need("invoice").save(work, draft, new)

    def _noted(self, work: Work, draft: Record, params: Params) -> Record:
        """Return a draft after its changes, with the metadata that came with them."""
        draft = self._again(work, draft)
        if "invoice_metadata" not in params:
            return draft
        noted = metadata.merged(draft, {"metadata": params["invoice_metadata"]})
        saved: Record = registry.need("invoice").save(work, draft, {**draft, **noted})
        return saved


RESOURCE = InvoiceLines()
