"""Credit notes: they reduce a finalized invoice, before or after it is paid.

    issued -> void, as long as its invoice is open

A note first reduces the amount that remains to be paid (`pre_payment_amount`). The rest gives back
a part of the payment (`post_payment_amount`): by refunds, onto the customer's balance, or outside
of Stripe.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import collecting, crediting, paying
from tigerstripe.errors import Refused
from tigerstripe.ids import letters, new_id
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

FINALIZED = ("open", "paid", "uncollectible")
AFTER = ("refund_amount", "credit_amount", "out_of_band_amount")
"""Parameters that say where the refunded part of the payment goes."""


class CreditNotes(Resource):
    """Credit notes."""

    object = "credit_note"
    table = "credit_notes"
    prefix = "cn"
    not_yet: tuple[str, ...] = ("refunds[][payment_record_refund]", "shipping_cost")
    listed_of: tuple[str, ...] = ("customer", "invoice")

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Issue a credit note, and change its invoice by it."""
        invoice = self._invoice(work, params)
        return self._issued(work.on_clock(invoice["test_clock"]), invoice, params)

    @operation("GET /v1/credit_notes/preview")
    def preview(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the credit note that would be issued, and issue none."""
        return self.create(work.aside(), {}, params)

    @operation("GET /v1/credit_notes/preview/lines")
    def preview_lines(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the lines of the credit note that would be issued."""
        return listing.cut(crediting.all_of(self.preview(work, {}, params)), params, "line item")

    @operation("GET /v1/credit_notes/{credit_note}/lines")
    def lines(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a credit note's lines, in its order."""
        return listing.cut(crediting.all_of(self.named(work, ids)), params, "line item")

    @operation("POST /v1/credit_notes/{id}/void")
    def void(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take back a credit note: its invoice asks for all again."""
        note = self.named(work, ids)
        invoice = registry.need("invoice").given(work, note["invoice"], "invoice")
        work = work.on_clock(invoice["test_clock"])
        if note["status"] == "void":
            raise Refused(f"The credit note {note['id']} is void already.")
        if note["post_payment_amount"] or invoice["status"] not in ("open", "uncollectible"):
            raise Refused(
                f"Only a credit note of an invoice that waits to be paid can be voided: the "
                f"invoice of {note['id']} is {invoice['status']}."
            )
        collecting.credited(work, invoice, -note["pre_payment_amount"], 0)
        return self.move(work, {**note, "status": "void", "voided_at": work.now}, "voided")

    # --- Issued ---

    def _invoice(self, work: Work, params: Params) -> Record:
        invoice: Record = registry.need("invoice").given(work, params["invoice"], "invoice")
        if invoice["status"] not in FINALIZED:
            raise Refused(
                f"A credit note is for an invoice that is open or paid: {invoice['id']} is "
                f"{invoice['status']}.",
                param="invoice",
            )
        return invoice

    def _issued(self, work: Work, invoice: Record, params: Params) -> Record:
        id = new_id(self.prefix, self.id_length)
        notes = self._notes(work, invoice)
        lines = self._lines(work, invoice, notes, params)
        counted = crediting.totals(work, invoice, lines)
        linked = self._linked(work, invoice, notes, params.get("refunds") or [])
        before, after = _divided(invoice, counted["total"], linked, params)
        transaction = self._to_balance(work, invoice, id, params.get("credit_amount"))
        refunds = [*linked, *self._refunded(work, invoice, params.get("refund_amount"))]
        kinds = {(True, False): "pre_payment", (False, True): "post_payment"}
        note = self.add(work, {
            "id": id,
            **counted,
            "amount_shipping": 0,
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "customer_account": None,
            "customer_balance_transaction": transaction,
            "effective_at": params.get("effective_at") or work.now,
            "invoice": invoice["id"],
            "lines": _shown(id, lines),
            "memo": params.get("memo"),
            "metadata": params.get("metadata"),
            "number": f"{invoice['number']}-CN-{len(notes) + 1:02}",
            "out_of_band_amount": params.get("out_of_band_amount"),
            "pdf": f"https://pay.stripe.com/credit_notes/acct_0/test_{letters(60)}/pdf?s=ap",
            "post_payment_amount": after,
            "pre_payment_amount": before,
            "reason": params.get("reason"),
            "refunds": refunds,
            "shipping_cost": None,
            "status": "issued",
            "type": kinds.get((bool(before), bool(after)), "mixed"),
            "voided_at": None,
            PRIVATE: {"more_lines": lines[listing.LIMIT :]},
        })  # fmt: skip
        collecting.credited(work, invoice, before, after)
        return note

    def _notes(self, work: Work, invoice: Record) -> list[Record]:
        """Return all credit notes of an invoice; those who issue one write the invoice too."""
        return work.find_by(self.table, "invoice", invoice["id"])

    def _lines(
        self, work: Work, invoice: Record, notes: list[Record], params: Params
    ) -> list[Record]:
        amount, given = params.get("amount"), params.get("lines")
        if given:
            issued = (note for note in notes if note["status"] == "issued")
            before = [line for note in issued for line in crediting.all_of(note)]
            lines = crediting.lines(work, invoice, before, given)
            total = crediting.totals(work, invoice, lines)["total"]
            if amount not in (None, total):
                raise Refused(
                    f"The amount, {amount}, has to be what the lines add up to: {total}.",
                    param="amount",
                )
            return lines
        if amount is None:
            raise Refused("One of these parameters has to be given: amount, lines.")
        return [crediting.of_amount(work, invoice, amount)]

    # --- What is given back ---

    def _to_balance(self, work: Work, invoice: Record, note: str, amount: int | None) -> str | None:
        """Put an amount onto the customer's balance, and return the transaction's id."""
        if not amount:
            return None
        customers = registry.need("customer")
        customer = customers.given(work, invoice["customer"], "customer")
        of = {"credit_note": note, "invoice": invoice["id"]}
        transactions = registry.need("customer_balance_transaction")
        made: Record = transactions.adjust(work, customer, -amount, "credit_note", of)
        customers.save(work, customer, {**customer, "balance": made["ending_balance"]})
        return str(made["id"])

    def _refunded(self, work: Work, invoice: Record, amount: int | None) -> list[Record]:
        """Refund an amount, if any, of an invoice's charge; return that as a note has it."""
        if not amount:
            return []
        intent = paying.intent_of(work, invoice)
        if intent is None or intent["status"] != "succeeded":
            raise Refused(
                f"The invoice {invoice['id']} was paid without a charge: nothing of it can be "
                f"refunded. Use credit_amount or out_of_band_amount.",
                param="refund_amount",
            )
        wanted = {"payment_intent": intent["id"], "amount": amount}
        try:
            refund = registry.need("refund").create(work, {}, wanted)
        except Refused as refused:
            refused.error["param"] = "refund_amount"
            raise
        return [_of_refund(refund["id"], amount)]

    def _linked(
        self, work: Work, invoice: Record, notes: list[Record], given: list[Params]
    ) -> list[Record]:
        """Return the refunds that a request names, made before, as a note has them."""
        intent = paying.intent_of(work, invoice) or {"id": None}
        found: list[Record] = []
        for place, wanted in enumerate(given):
            at = f"refunds[{place}][{{}}]"
            if wanted.get("refund") is None:
                raise errors.missing(at.format("refund"))
            refund = registry.need("refund").given(work, wanted["refund"], at.format("refund"))
            if refund["payment_intent"] != intent["id"]:
                raise Refused(
                    f"The refund {refund['id']} is not of the payment of this invoice.",
                    param=at.format("refund"),
                )
            linked = [*found, *(one for note in notes for one in note["refunds"])]
            used = [one["amount_refunded"] for one in linked if one["refund"] == refund["id"]]
            left = refund["amount"] - sum(used)
            amount = wanted.get("amount_refunded", left)
            if not 0 < amount <= left:
                raise Refused(
                    f"The refund {refund['id']} has {left} that no credit note is for, and not "
                    f"{amount}.",
                    param=at.format("amount_refunded"),
                )
            found.append(_of_refund(refund["id"], amount))
        return found


def _divided(invoice: Record, total: int, linked: list[Record], params: Params) -> tuple[int, int]:
    """Return the parts of a note: of the amount that remains to be paid, and of the payment.

    Raises `Refused` for more than is left of the invoice, and where the parameters do not say of
    all that was paid where it goes.
    """
    if total <= 0:
        raise Refused(f"A credit note is of an amount above 0: this one comes to {total}.")
    noted = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    left = invoice["total"] - sum(invoice[name] for name in noted)
    if total > left:
        raise Refused(
            f"The credit note comes to {total}, which is more than is left of the invoice: {left}.",
            param="amount" if params.get("amount") is not None else "lines",
        )
    remaining = 0 if invoice["status"] == "paid" else invoice["amount_remaining"]
    before = min(total, remaining)
    for name in AFTER:
        if (params.get(name) or 0) < 0:
            raise errors.too_small(name, 0)
    said = sum(params.get(name) or 0 for name in AFTER)
    said += sum(one["amount_refunded"] for one in linked)
    if said != total - before:
        raise Refused(
            f"The sum of refund_amount, refunds, credit_amount and out_of_band_amount, {said}, has "
            f"to be what the credit note gives back of what was paid: {total - before}."
        )
    return before, total - before


def _of_refund(id: str, amount: int) -> Record:
    return {
        "amount_refunded": amount,
        "payment_record_refund": None,
        "refund": id,
        "type": "refund",
    }


def _shown(id: str, lines: list[Record]) -> Record:
    return {
        "object": "list",
        "data": lines[: listing.LIMIT],
        "has_more": len(lines) > listing.LIMIT,
        "url": f"/v1/credit_notes/{id}/lines",
    }


RESOURCE = CreditNotes()
