"""The moves of a setup intent: after a confirmation, and when the buyer has decided.

The counterpart of `confirming` for payments. No money moves, and each try is a setup attempt.
"""

from __future__ import annotations

from tigerstripe.errors import INVALID_REQUEST, Declined, Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import actions, bank, charging, hearing, testing_cards, types, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.using import shown
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

OBJECT = "setup_intent"
AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this SetupIntent again."
)


def tried(work: Work, intent: Record, attempt: Attempt) -> tuple[Record, Declined | None]:
    """Ask the bank; return the intent as it is then, and the error if the bank declined."""
    answer = bank.asked_to_set_up(work, attempt)
    if answer.verdict == "declined":
        assert answer.decline is not None
        method = charging.checked(attempt.method)
        error = testing_cards.declined(answer.decline, payment_method=shown(method))
        return _refused(work, intent, attempt._replace(method=method), error)
    mandate = _mandate(work, attempt)
    if answer.verdict == "authenticate":
        return _waits(work, intent, attempt, mandate), None
    return _succeeded(work, intent, attempt, mandate), None


def authenticate(work: Work, intent: Record, *, succeed: bool) -> Record:
    """Let the buyer act, or fail to; raises `Refused` if nothing waits for them."""
    if intent["status"] != "requires_action":
        raise Refused(f"{intent['id']} does not wait for its buyer: it is {intent['status']}.")
    method = work.get("payment_methods", intent["payment_method"])
    assert method is not None, intent
    attempt = Attempt(method, is_authenticated=succeed)
    if succeed:
        return hearing.heard(work, _succeeded(work, intent, attempt, intent["mandate"]))
    code = "setup_intent_authentication_failure"
    error = Declined(
        AUTHENTICATION_FAILED, type=INVALID_REQUEST, code=code, payment_method=shown(method)
    )
    return hearing.heard(work, _refused(work, intent, attempt, error)[0])


def _waits(work: Work, intent: Record, attempt: Attempt, mandate: str | None) -> Record:
    """Let the buyer have something to do first."""
    made = registry.need("setup_attempt").of(work, intent, attempt, "requires_action")
    new = {
        **intent,
        "last_setup_error": None,
        "latest_attempt": made["id"],
        "mandate": mandate,
        "next_action": actions.wanted(work, intent, attempt),
        "status": "requires_action",
        PRIVATE: {"return_url": attempt.return_url},
    }
    return _move(work, new, "requires_action")


def _succeeded(work: Work, intent: Record, attempt: Attempt, mandate: str | None) -> Record:
    method = work.get("payment_methods", attempt.method["id"]) or attempt.method
    is_set_up = intent["usage"] == "off_session" and attempt.is_authenticated
    method = using.used(
        work, method, intent["customer"], is_kept=True, is_set_up=is_set_up, is_spent=False
    )
    attempt = attempt._replace(method=method)
    made = registry.need("setup_attempt").of(work, intent, attempt, "succeeded")
    new = {
        **shown(intent),
        "last_setup_error": None,
        "latest_attempt": made["id"],
        "mandate": mandate,
        "next_action": None,
        "payment_method": method["id"],
        "status": "succeeded",
    }
    return _move(work, new, "succeeded")


def _refused(
    work: Work, intent: Record, attempt: Attempt, error: Declined
) -> tuple[Record, Declined]:
    """Note that a payment method was not set up: the intent needs another one."""
    shown_error = dict(error.error)
    made = registry.need("setup_attempt").of(work, intent, attempt, "failed", shown_error)
    new = {
        **shown(intent),
        "last_setup_error": shown_error,
        "latest_attempt": made["id"],
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    new = _move(work, new, "setup_failed")
    error.error[OBJECT] = shown(new)
    return new, error


def _mandate(work: Work, attempt: Attempt) -> str | None:
    """Return the id of a debit's mandate, made where there is none."""
    method = attempt.method
    if method["type"] not in types.DEBITS:
        return None
    known: str | None = private(method).get("mandate")
    if known is None:
        mandates = registry.need("mandate")
        known = mandates.of_method(work, method, attempt.mandate_data, None)["id"]
        kept = {**private(method), "mandate": known}
        work.put("payment_methods", {**method, PRIVATE: kept})
    return known


def _move(work: Work, new: Record, event: str) -> Record:
    moved: Record = registry.need(OBJECT).move(work, new, event)
    return moved
