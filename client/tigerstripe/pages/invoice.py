"""The hosted page of an invoice, where its customer pays it; its document; and receipts."""

from __future__ import annotations

from tigerstripe.billing import crediting, hosted, lines, paying
from tigerstripe.errors import Refused
from tigerstripe.pages import papers
from tigerstripe.pages.checkout import method_data
from tigerstripe.pages.visit import Form, Page, Visit, not_there, to
from tigerstripe.records import Record
from tigerstripe.work.unit import Work


def invoice(visit: Visit) -> Page:
    """Show an invoice, or pay it with the values that its customer filled in."""
    url = f"https://invoice.stripe.com/i/{visit.name}?s=ap"
    found = visit.find("invoices", "hosted_invoice_url", url)
    if found is None:
        return not_there("invoice")
    if visit.form is None:
        return _shown(visit.look(), found, {}, None)
    params = {"payment_method_data": method_data(visit.form)}
    try:
        visit.act(lambda work: hosted.paid(work, found["id"], params, authenticate=None))
    except Refused as refused:
        there = visit.look().get("invoices", found["id"]) or found
        return _shown(visit.look(), there, visit.form, str(refused), refused.status)
    return to(_next(visit.look(), found))


def _next(work: Work, old: Record) -> str:
    """Return where the button leads a customer: to their bank, if it asks them."""
    intent = paying.intent_of(work, work.get("invoices", old["id"]) or old) or {}
    action = intent.get("next_action") or {}
    return str((action.get("redirect_to_url") or {"url": old["hosted_invoice_url"]})["url"])


def _shown(work: Work, of: Record, form: Form, error: str | None, status: int = 200) -> Page:
    intent = paying.intent_of(work, of) or {}
    if error is None and of["status"] in hosted.PAYABLE:
        error = (intent.get("last_payment_error") or {}).get("message")
    charge = work.get("charges", intent.get("latest_charge") or "") or {}
    is_payable = of["status"] in hosted.PAYABLE
    types = intent.get("payment_method_types", ["card"]) if is_payable else []
    body = papers.invoice(of, lines.all_of(of), types, charge.get("receipt_url"), form, error)
    return Page(body, status)


def document(visit: Visit) -> Page:
    """Show an invoice as it would be printed."""
    url = f"https://pay.stripe.com/invoice/{visit.name}?s=ap"
    found = visit.find("invoices", "invoice_pdf", url)
    return Page(papers.document(found, lines.all_of(found))) if found else not_there("invoice")


def credit_note(visit: Visit) -> Page:
    """Show a credit note as it would be printed."""
    url = f"https://pay.stripe.com/credit_notes/{visit.name}?s=ap"
    found = visit.find("credit_notes", "pdf", url)
    if found is None:
        return not_there("credit note")
    return Page(papers.credit_note(found, crediting.all_of(found)))


def receipt(visit: Visit) -> Page:
    """Show the receipt of a charge, with the lines of the invoice that it paid."""
    url = f"https://pay.stripe.com/receipts/payment/{visit.name}"
    charge = visit.find("charges", "receipt_url", url)
    if charge is None:
        return not_there("receipt")
    work = visit.look()
    id = paying.invoice_of(work, charge["payment_intent"] or "")
    paid = work.get("invoices", id) if id is not None else None
    return Page(papers.receipt(charge, paid, lines.all_of(paid) if paid is not None else []))
