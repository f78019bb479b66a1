"""The hosted page of an invoice: the actions of its customer there."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import collecting, paying
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.payments import moves, using
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

PAYABLE = ("open", "uncollectible")


def paid(work: Work, id: str, params: Params, *, authenticate: bool | None) -> Record:
    """Return an invoice that its customer tried to pay on its page; `params` say what with.

    They authenticate, or fail to, where the bank asks; None: they have not done so yet. Raises
    `Refused` for an invoice that has nothing to pay, or `Declined`, with what was tried in the
    work.
    """
    invoices = registry.need("invoice")
    invoice = invoices.named(work, {"invoice": id})
    if invoice["status"] not in PAYABLE:
        raise Refused(f"The invoice {id} is {invoice['status']}: there is nothing to pay on it.")
    work = work.on_clock(invoice["test_clock"])
    method = using.named(work, params)
    if method is None:
        raise errors.missing("payment_method")
    if method["customer"] is not None:
        paying.given(work, invoice["customer"], method["id"])
    url = invoice["hosted_invoice_url"]
    invoice, declined = collecting.collected(work, invoice, method, page=url)
    if declined is not None:
        raise declined
    intent = paying.intent_of(work, invoice)
    if authenticate is not None and intent is not None and intent["status"] == "requires_action":
        moves.authenticated(work, intent, succeed=authenticate)
    return using.shown(invoices.named(work, {"invoice": id}))
