"""The moves of a payment intent: after a confirmation, at once and later.

The consequences of an action of the bank, the buyer or time are written in the same work: the
intent, its charge, the transaction in the books, the payment method, and an event for each.
"""

from __future__ import annotations

from tigerstripe.errors import INVALID_REQUEST, Declined, Refused
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import (
    actions,
    bank,
    cash,
    charging,
    connect,
    hearing,
    testing_banks,
    testing_cards,
    types,
    using,
)
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.using import shown
from tigerstripe.records import Record
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import PRIVATE, Work

OBJECT = "payment_intent"
AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def tried(work: Work, intent: Record, attempt: Attempt) -> tuple[Record, Declined | None]:
    """Try to be paid; return the intent as it is then, and the error if the bank declined.

    Whatever comes of it is written in this work, and told of.
    """
    if attempt.method["type"] == cash.TYPE:
        return _of_cash(work, intent, attempt), None
    intent = cash.given_back(work, intent)
    answer = bank.asked(work, attempt)
    if answer.verdict == "declined":
        assert answer.decline is not None
        return _declined(work, intent, attempt, answer.decline)
    if answer.verdict == "authenticate":
        if attempt.fails_on_action:
            return _refused(work, intent, actions.required(shown(attempt.method)), None)
        return _waits(work, intent, attempt), None
    attempt = _with_mandate(work, intent, attempt)
    if answer.verdict == "later":
        return _processes(work, intent, attempt), None
    return _approved(work, intent, attempt), None


def _of_cash(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Pay from the cash of a customer, or wait for it."""
    if cash.asked(work, intent) is not bank.APPROVED:
        return _waits(work, intent, attempt)
    cash.applied(work, intent, cash.needed(intent))
    return _approved(work, intent, attempt)


def _approved(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Take the money, or hold it, of a payment that the bank approved."""
    charges = registry.need("charge")
    holds = "manual" in (intent["capture_method"], attempt.options.get("capture_method"))
    method = _used(work, intent, attempt)
    attempt = attempt._replace(method=method)
    until = work.now + charging.HELD_S if holds else None
    charge = _charge(work, intent, attempt)
    charge.update(charging.approved(charge, attempt, hold_until=until))
    if holds:
        due.schedule(work, OBJECT, intent["id"], work.now + charging.HELD_S)
        charge = charges.add(work, charge)
        work.tell("charge.succeeded", charge)
        new = _moved(intent, charge, status="requires_capture")
        new["amount_capturable"] = intent["amount"]
        return _move(work, new, "amount_capturable_updated")
    is_late = intent["capture_method"] == "automatic_async"
    if is_late:
        charge[PRIVATE] = {"by": work.request_id}
    return _taken(work, intent, charges.add(work, charge), method, is_late=is_late)


def _taken(work: Work, intent: Record, charge: Record, method: Record, *, is_late: bool) -> Record:
    """Put the whole money of a charge into the books, and end its intent.

    Captured late, the charge has its transaction only after all else is told, as recorded.
    """
    charges = registry.need("charge")
    taken = charges.taken(work, charge, method, charge["amount"])
    transaction = taken["balance_transaction"]
    if is_late:
        taken = connect.hidden(taken)
    work.put("charges", taken)
    work.tell("charge.succeeded", taken)
    followed = charges.follow(work, taken, method)
    new = _moved(intent, followed, status="succeeded")
    new.update(amount_received=charge["amount"], review=followed["review"])
    new = _move(work, new, "succeeded")
    if is_late:
        late = {**followed, "balance_transaction": transaction}
        work.put("charges", late)
        work.tell("charge.updated", late, previous_attributes(taken, late))
    return new


def _charge(work: Work, intent: Record, attempt: Attempt) -> Record:
    fields = charging.fields(work, intent, attempt.method, intent["amount"])
    if intent["transfer_data"] is not None:
        fields["transfer_group"] = intent["transfer_group"] or f"group_{intent['id']}"
    return {**fields, "payment_intent": intent["id"], "radar_options": {}}


def _used(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Store the changes that a payment makes to its payment method, and return it."""
    usage = attempt.options.get("setup_future_usage") or intent["setup_future_usage"]
    is_kept = usage in ("on_session", "off_session")
    return using.used(
        work,
        attempt.method,
        intent["customer"],
        is_kept=is_kept,
        is_set_up=usage == "off_session" and attempt.is_authenticated,
    )


def _with_mandate(work: Work, intent: Record, attempt: Attempt) -> Attempt:
    """Return a try with a mandate for its debit; a mandate is created if there is none."""
    method = attempt.method
    if method["type"] not in types.DEBITS or private(method).get("mandate") is not None:
        return attempt
    is_kept = intent["setup_future_usage"] is not None
    mandates = registry.need("mandate")
    amount = None if is_kept else (intent["amount"], intent["currency"])
    mandate = mandates.of_method(work, method, attempt.mandate_data, amount)
    method = {**method, PRIVATE: {**private(method), "mandate": mandate["id"]}}
    work.put("payment_methods", method)
    return attempt._replace(method=method)


def _waits(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Wait for the buyer to act first; how the payment was tried is kept until then."""
    kept = {
        "mandate_data": attempt.mandate_data,
        "return_url": attempt.return_url,
        **{name: value for name, value in private(intent).items() if name == cash.APPLIED},
    }
    new = {
        **intent,
        "last_payment_error": None,
        "next_action": actions.wanted(work, intent, attempt),
        "status": "requires_action",
        PRIVATE: kept,
    }
    return _move(work, new, "requires_action")


# --- Declined ---


def _declined(
    work: Work, intent: Record, attempt: Attempt, decline: str
) -> tuple[Record, Declined]:
    """Note a charge that the bank declined; return the intent after it, and the error."""
    method = charging.checked(attempt.method)
    if method != attempt.method:
        work.put("payment_methods", method)
    attempt = attempt._replace(method=method)
    fields = _charge(work, intent, attempt)
    fields.update(charging.refused(fields, attempt, decline))
    charge = registry.need("charge").add(work, fields)
    work.tell("charge.failed", charge)
    error = testing_cards.declined(decline, charge=charge["id"], payment_method=shown(method))
    return _refused(work, intent, error, charge["id"])


def _refused(
    work: Work, intent: Record, error: Declined, charge: str | None
) -> tuple[Record, Declined]:
    """Note that an intent was not paid: it needs another payment method."""
    new = {
        **shown(intent),
        "last_payment_error": dict(error.error),
        "latest_charge": charge or intent["latest_charge"],
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    new = _move(work, new, "payment_failed")
    error.error["payment_intent"] = shown(new)
    return new, error


# --- Debits, which take days ---


def _processes(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Send a debit on its way."""
    method = _used(work, intent, attempt)
    attempt = attempt._replace(method=method)
    charge = _charge(work, intent, attempt)
    charge.update(charging.pending(charge, attempt))
    charge = registry.need("charge").add(work, charge)
    work.tell("charge.pending", charge)
    outcome = bank.settled(method)
    if outcome.outcome != "never":
        due.schedule(work, OBJECT, intent["id"], work.now + outcome.after_s)
    new = _moved(intent, charge, status="processing")
    return _move(work, new, "processing")


def settle(
    work: Work, intent: Record, *, succeed: bool | None = None, failure: str | None = None
) -> Record:
    """Let a bank pay a debit, or refuse it; by default as its test account has in store."""
    due.cancel(work, intent["id"])
    charge = work.get("charges", intent["latest_charge"])
    method = work.get("payment_methods", intent["payment_method"])
    assert charge is not None, intent
    assert method is not None, intent
    code = failure or bank.settled(method).failure
    if succeed is None or failure is not None:
        succeed = code is None
    if not succeed:
        bounced = _bounced(work, intent, charge, method, code or "account_closed")
        return hearing.heard(work, bounced)
    attempt = Attempt(method)
    paid = {**charge, **charging.approved(charge, attempt), "amount_captured": 0}
    paid = connect.receivable(work, paid)
    return hearing.heard(work, _taken(work, intent, paid, method, is_late=False))


def _bounced(work: Work, intent: Record, charge: Record, method: Record, code: str) -> Record:
    """Note a debit that the bank refused."""
    message = testing_banks.FAILURES.get(code, "The bank refused this payment.")
    outcome = {
        "network_status": "declined_by_network",
        "reason": code,
        "risk_level": "not_assessed",
        "seller_message": message,
        "type": "issuer_declined",
    }
    failed = {"failure_code": code, "failure_message": message, "outcome": outcome}
    new = {**charge, **failed, "amount_captured": 0, "captured": False, "status": "failed"}
    work.put("charges", new)
    work.tell("charge.failed", new)
    method = registry.need("mandate").refused(work, method, code)
    more = {"charge": charge["id"], "payment_method": shown(method)}
    error = Declined(message, type=INVALID_REQUEST, code=code, **more)
    return _refused(work, intent, error, charge["id"])[0]


# --- The buyer ---


def authenticate(work: Work, intent: Record, *, succeed: bool) -> Record:
    """Let the buyer act, or fail to; raises `Refused` if nothing waits for them."""
    if intent["status"] != "requires_action":
        raise Refused(f"{intent['id']} does not wait for its buyer: it is {intent['status']}.")
    method = work.get("payment_methods", intent["payment_method"])
    assert method is not None, intent
    if method["type"] == cash.TYPE:
        raise Refused(
            f"{intent['id']} waits for its customer's money: fund_cash_balance lets it come."
        )
    if not succeed:
        error = Declined(
            AUTHENTICATION_FAILED,
            type=INVALID_REQUEST,
            code="payment_intent_authentication_failure",
            payment_method=shown(method),
        )
        return hearing.heard(work, _refused(work, intent, error, None)[0])
    kept = private(intent)
    attempt = Attempt(
        method,
        is_authenticated=True,
        options=intent["payment_method_options"].get(method["type"]) or {},
        return_url=kept.get("return_url"),
        mandate_data=kept.get("mandate_data"),
    )
    if intent["confirmation_method"] == "manual":
        new = {**intent, "next_action": None, "status": "requires_confirmation"}
        new[PRIVATE] = {**kept, "is_authenticated": True}
        saved: Record = registry.need(OBJECT).save(work, intent, new)
        return saved
    intent = connect.receivable(work, {**intent, "next_action": None})
    return hearing.heard(work, tried(work, intent, attempt)[0])


def _move(work: Work, new: Record, event: str) -> Record:
    moved: Record = registry.need(OBJECT).move(work, new, event)
    return moved


def _moved(intent: Record, charge: Record, *, status: str) -> Record:
    """Return an intent after its bank has accepted the charge."""
    return {
        **shown(intent),
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": charge["payment_method"],
        "status": status,
        "transfer_group": charge["transfer_group"],
    }
