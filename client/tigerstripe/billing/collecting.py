"""The collection of an invoice: finalized, tried, paid or not; given up or voided.

    draft -> open -> paid | void | uncollectible

Each payment is a payment intent of the invoice, and the invoice is told of its outcome (`heard`).
The consequences for a subscription are in `standing`.
"""

from __future__ import annotations

from tigerstripe.billing import amounts, dunning, granted, paying, reminders
from tigerstripe.errors import Declined
from tigerstripe.ids import letters
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import hearing
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

OBJECT = "invoice"
DAY_S = 24 * 3600


# --- Finalized ---


def finalized(work: Work, invoice: Record, by: Record | None = None) -> Record:
    """Return a draft as it is once its amounts are fixed: open, or paid where nothing is due.

    `by` is the payment intent that is to pay it, if there is one already.
    """
    customer = _customer(work, invoice)
    credited = granted.applied(work, invoice)
    if credited is not None:
        invoice = amounts.priced(work, credited)
    balance = amounts.balance_of(customer, invoice["currency"])
    return _fixed(work, {**invoice, "starting_balance": balance}, customer, by)


def receipted(work: Work, invoice: Record, by: Record | None) -> Record:
    """Return a draft as the receipt of an earlier payment, without the customer's balance."""
    invoice = _fixed(work, {**invoice, "starting_balance": 0}, _customer(work, invoice), by)
    return invoice if by is None else _after(work, invoice, by)


def _fixed(work: Work, invoice: Record, customer: Record, by: Record | None) -> Record:
    invoice = amounts.with_balance(invoice)
    invoice = _numbered(work, invoice, customer)
    account, secret = "acct_0", letters(60)
    invoice.update(
        attempted=invoice["attempted"],
        automatically_finalizes_at=None,
        effective_at=invoice["effective_at"] or work.now,
        hosted_invoice_url=f"https://invoice.stripe.com/i/{account}/test_{secret}?s=ap",
        invoice_pdf=f"https://pay.stripe.com/invoice/{account}/test_{secret}/pdf?s=ap",
        status="open",
    )
    if invoice["rendering"] is not None:
        invoice["rendering"] = {**invoice["rendering"], "pdf": {"page_size": "letter"}}
    if invoice["due_date"] is None and invoice["collection_method"] == "send_invoice":
        invoice["due_date"] = work.now + (private(invoice).get("days_until_due") or 0) * DAY_S
    invoice = _at(work, invoice, "finalized_at")
    due.cancel(work, invoice["id"])
    if not invoice["amount_due"]:
        invoice = _move(work, {**invoice, "attempted": True}, "finalized")
        return paid(work, invoice)
    invoice = paying.with_intent(work, invoice) if by is None else paying.by(work, invoice, by)
    return _move(work, invoice, "finalized")


def _numbered(work: Work, invoice: Record, customer: Record) -> Record:
    """Return an invoice with its number and the balance that it leaves; store the customer's."""
    number = invoice["number"]
    sequence = customer["next_invoice_sequence"]
    if number is None:
        number = f"{customer['invoice_prefix']}-{sequence:04d}"
        sequence += 1
    ending = amounts.balanced(invoice)[1]
    counted = {**customer, "next_invoice_sequence": sequence}
    work.put("customers", counted)  # nobody is told of a number
    new = {**counted, "currency": customer["currency"] or invoice["currency"]}
    if new["currency"] != invoice["currency"]:
        ending = 0  # the balance has no part in it, so too small a rest is dropped
    change = ending - invoice["starting_balance"]
    if change:
        kind = "applied_to_invoice"
        if invoice["total"] > 0 and change > 0 and ending > 0:
            kind = "invoice_too_small"
        elif invoice["total"] < 0:
            kind = "invoice_too_large"
        _change_balance(work, new, change, kind, invoice)
        new["balance"] += change
    registry.need("customer").save(work, counted, new)
    return {**invoice, "ending_balance": ending, "number": number}


def _change_balance(work: Work, customer: Record, amount: int, kind: str, invoice: Record) -> None:
    transactions = registry.need("customer_balance_transaction")
    transactions.adjust(work, customer, amount, kind, {"invoice": invoice["id"]})


# --- Asked for ---


def collected(
    work: Work,
    invoice: Record,
    method: Record | None = None,
    *,
    off_session: bool = False,
    page: str | None = None,
) -> tuple[Record, Declined | None]:
    """Try to be paid for an open invoice; return it after that, and the error of a decline.

    `method` is what pays it, by default what its customer pays with; `page` is the address of the
    page on which they pay it. Raises `Refused` where there is nothing to pay with.
    """
    invoice, intent, declined = paying.tried(
        work, invoice, method, off_session=off_session, page=page
    )
    return _after(work, invoice, intent), declined


def advanced(work: Work, invoice: Record) -> Record:
    """Return an invoice after its time has come: another try of its payment, or its due date."""
    if invoice["status"] != "open" or not invoice["auto_advance"]:
        return invoice
    if invoice["collection_method"] == "send_invoice":
        if invoice["due_date"] > work.now:
            reminders.wait_for_due(work, invoice)
        else:
            work.tell("invoice.overdue", invoice)
            _follows(work, invoice, "overdue")
        return invoice
    if paying.method_of(work, invoice) is None:
        return failed(work, invoice, None)
    return collected(work, invoice, off_session=True)[0]


def heard(work: Work, id: str, intent: Record) -> None:
    """Continue with an invoice after the later outcome of its payment."""
    invoice = work.get("invoices", id)
    if invoice is not None and invoice["status"] in ("open", "uncollectible"):
        work = work.on_clock(invoice["test_clock"])
        hearing.heard(work, _after(work, invoice, intent))


def _after(work: Work, invoice: Record, intent: Record) -> Record:
    """Return an invoice as the state of its payment leaves it, with all that follows."""
    status = intent["status"]
    if status == "succeeded":
        return paid(work, {**invoice, "attempt_count": _count(work, invoice)}, intent)
    if status == "processing":
        saved = _save(work, invoice, {**invoice, "attempted": True})
        _follows(work, saved, "processing")
        return saved
    if status == "requires_action":
        return _move(work, {**invoice, "attempted": True}, "payment_action_required")
    if status == "requires_payment_method":
        return failed(work, invoice, intent)
    return invoice


def failed(work: Work, invoice: Record, intent: Record | None) -> Record:
    """Return an invoice whose payment failed; it is tried again when the table says so.

    A try by hand after the first one changes nothing of that.
    """
    tried = {**invoice, "attempt_count": _count(work, invoice), "attempted": True}
    is_counted = tried["attempt_count"] > invoice["attempt_count"]
    if is_counted:
        again = dunning.next_attempt(work, invoice)
        tried["next_payment_attempt"] = again
        if again is not None:
            due.schedule(work, OBJECT, invoice["id"], again)
    saved = _save(work, invoice, tried)
    work.tell("invoice.payment_failed", saved)
    error = (intent or {}).get("last_payment_error") or {}
    if error.get("code") == "authentication_required":
        work.tell("invoice.payment_action_required", saved)
    if is_counted:
        _follows(work, saved, "failed")
    return saved


def _count(work: Work, invoice: Record) -> int:
    """Return the tries of an invoice after one more; after the first only those of time count."""
    count: int = invoice["attempt_count"]
    at = invoice["next_payment_attempt"]
    return count + (count == 0 or (at is not None and at <= work.now))


def paid(work: Work, invoice: Record, intent: Record | None = None) -> Record:
    """Return an invoice that is paid; no intent where nothing was due, or it was paid elsewhere."""
    received = intent["amount_received"] if intent is not None else 0
    invoice = {
        **invoice,
        "amount_paid": invoice["amount_paid"] + received,
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
    }
    due.cancel(work, invoice["id"])
    invoice = _at(work, invoice, "paid_at")
    if intent is not None:
        paying.was_paid(work, invoice, intent)
    work.put("invoices", invoice)
    work.tell("invoice.paid", invoice)
    work.tell("invoice.payment_succeeded", invoice)
    _follows(work, invoice, "paid")
    return invoice


def paid_elsewhere(work: Work, invoice: Record) -> Record:
    """Return an invoice that was paid without Stripe."""
    paying.cancel(work, invoice)
    return paid(work, {**invoice, "amount_paid": invoice["amount_due"]})


# --- Credited ---


def credited(work: Work, invoice: Record, before: int, after: int) -> Record:
    """Return an invoice as a credit note leaves it; paid, if nothing is left to pay.

    `before` is what the note takes of what is still due, `after` what it gives back of what was
    paid; both are negative once the note is void. Raises `Refused` while a bank has the payment.
    """
    new = {
        **invoice,
        "amount_due": invoice["amount_due"] - before,
        "amount_remaining": invoice["amount_remaining"] - before,
    }
    new["pre_payment_credit_notes_amount"] += before
    new["post_payment_credit_notes_amount"] += after
    if before:
        paying.ask_for(work, new)
    saved = _save(work, invoice, new)
    is_settled = before and not saved["amount_remaining"] and saved["status"] != "paid"
    return paid(work, saved) if is_settled else saved


# --- Given up ---


def stopped(work: Work, invoice: Record) -> Record:
    """Return an invoice that does not go on by itself any more."""
    due.cancel(work, invoice["id"])
    still = {
        **invoice,
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    return _save(work, invoice, still)


def voided(work: Work, invoice: Record) -> Record:
    """Return an invoice as void; the customer's balance gets back the part that it paid."""
    paying.cancel(work, invoice)
    due.cancel(work, invoice["id"])
    granted.given_back(work, invoice)
    customer = _customer(work, invoice)
    back = invoice["starting_balance"] - (invoice["ending_balance"] or 0)
    if back:
        _change_balance(work, customer, back, "unapplied_from_invoice", invoice)
        new = {**customer, "balance": customer["balance"] + back}
        registry.need("customer").save(work, customer, new)
    invoice = {**invoice, "auto_advance": False, "next_payment_attempt": None, "status": "void"}
    invoice = _move(work, _at(work, invoice, "voided_at"), "voided")
    _follows(work, invoice, "voided")
    return invoice


def uncollectible(work: Work, invoice: Record) -> Record:
    """Return an invoice that nobody expects to be paid any more."""
    due.cancel(work, invoice["id"])
    invoice = {
        **invoice, "auto_advance": False, "next_payment_attempt": None, "status": "uncollectible",
    }  # fmt: skip
    invoice = _move(work, _at(work, invoice, "marked_uncollectible_at"), "marked_uncollectible")
    _follows(work, invoice, "uncollectible")
    return invoice


# --- Its parts ---


def _follows(work: Work, invoice: Record, what: str) -> None:
    """Let a subscription go on as its invoice did."""
    id = subscription_of(invoice)
    if id is not None:
        registry.need("subscription").follow(work, id, invoice, what)


def subscription_of(invoice: Record) -> str | None:
    """Return the id of the subscription that an invoice is of, or None."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def _customer(work: Work, invoice: Record) -> Record:
    customer: Record = registry.need("customer").given(work, invoice["customer"], "customer")
    return customer


def _at(work: Work, invoice: Record, name: str) -> Record:
    return {**invoice, "status_transitions": {**invoice["status_transitions"], name: work.now}}


def _move(work: Work, invoice: Record, event: str) -> Record:
    moved: Record = registry.need(OBJECT).move(work, invoice, event)
    return moved


def _save(work: Work, old: Record, new: Record) -> Record:
    saved: Record = registry.need(OBJECT).save(work, old, new)
    return saved
