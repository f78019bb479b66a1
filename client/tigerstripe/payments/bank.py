"""The bank: its answer when it is asked for money, or whether a card may be set up.

Cards answer at once, as the table of `testing_cards` says. Bank debits answer days later, as that
of `testing_banks` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tigerstripe.objects.resource import private
from tigerstripe.payments import cards, testing_banks
from tigerstripe.payments.testing_cards import KnownCard
from tigerstripe.payments.types import DEBITS, ELSEWHERE
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

BY_WEB: Record = {
    "type": "online",
    "online": {"ip_address": "192.0.2.1", "user_agent": "tigerstripe"},
}
"""How the buyer of a page accepts the mandate of a debit."""


class Attempt(NamedTuple):
    """One try of a payment or a setup: the payment method, and the circumstances."""

    method: Record
    """The payment method."""
    off_session: bool = False
    """Whether the buyer is absent, and cannot authenticate."""
    is_authenticated: bool = False
    """Whether the buyer has authenticated."""
    options: Mapping[str, Any] = MappingProxyType({})
    """The intent's options for the type of the method."""
    return_url: str | None = None
    uses_sdk: bool = False
    fails_on_action: bool = False
    mandate_data: Record | None = None

    @property
    def wants_3ds(self) -> bool:
        """Whether the merchant asks every card that supports it for authentication."""
        return self.options.get("request_three_d_secure") in ("any", "challenge")


class Answer(NamedTuple):
    """The answer of a bank."""

    verdict: str
    """`approved`, `declined`, `authenticate`, or `later`: a debit is on its way."""
    decline: str | None = None
    """The reason of a decline, one of `testing_cards.DECLINES`."""


APPROVED = Answer("approved")
AUTHENTICATE = Answer("authenticate")
LATER = Answer("later")


def asked(work: Work, attempt: Attempt) -> Answer:
    """Return the bank's answer to a charge; a decline is decided here."""
    if work.decline is not None:
        code, work.decline = work.decline, None
        return Answer("declined", code)
    method = attempt.method
    number = private(method).get("number")
    if number is not None:
        return _of_card(work, attempt, cards.test_card_of(number))
    is_done = attempt.is_authenticated
    if method["type"] in DEBITS:
        return LATER if is_done or is_verified(method) else AUTHENTICATE
    return APPROVED if is_done or method["type"] not in ELSEWHERE else AUTHENTICATE


def _of_card(work: Work, attempt: Attempt, card: KnownCard) -> Answer:
    if has_expired(work, attempt.method["card"]):
        return Answer("declined", "expired_card")
    if card.charge is None:
        return APPROVED
    if not card.charge.startswith("authenticate"):
        return Answer("declined", card.charge)
    is_set_up = card.setup is None or bool(private(attempt.method).get("is_set_up"))
    return _authentication(card.charge, attempt, is_set_up)


def _authentication(rule: str, attempt: Attempt, is_set_up: bool) -> Answer:
    """Return the answer for a card with 3D Secure, by the rule of the card."""
    kind, _, then = rule.partition("_then_")
    outcome = Answer("declined", then) if then else APPROVED
    if kind == "authenticate_optional":
        if not attempt.wants_3ds or attempt.off_session or attempt.is_authenticated:
            return APPROVED
        return outcome if then else AUTHENTICATE
    if not (attempt.off_session or attempt.is_authenticated):
        return AUTHENTICATE
    may = is_set_up and (kind == "authenticate_unless_set_up" or bool(then))
    if attempt.is_authenticated or may:
        return outcome
    return Answer("declined", "authentication_required")


def asked_to_set_up(work: Work, attempt: Attempt) -> Answer:
    """Return the bank's answer to the setup of a payment method for later payments."""
    method = attempt.method
    number = private(method).get("number")
    if number is None:
        return APPROVED if attempt.is_authenticated or is_verified(method) else AUTHENTICATE
    if has_expired(work, method["card"]):
        return Answer("declined", "expired_card")
    card = cards.test_card_of(number)
    if card.attach is not None:
        return Answer("declined", card.attach)
    needs = card.setup == "authenticate" or (attempt.wants_3ds and card.charge is not None)
    return AUTHENTICATE if needs and not attempt.is_authenticated else APPROVED


def has_expired(work: Work, card: Record) -> bool:
    """Tell whether the last month of a card has passed."""
    now = cards.today(work)
    return bool((card["exp_year"], card["exp_month"]) < (now.year, now.month))


def is_verified(method: Record) -> bool:
    """Tell whether a bank account is verified as the buyer's; only US accounts need that."""
    return method["type"] != "us_bank_account" or bool(private(method).get("is_verified"))


def settled(method: Record) -> testing_banks.KnownBank:
    """Return the outcome of a debit of a payment method."""
    return testing_banks.of_number(private(method).get("account"))


def follows(method: Record) -> str | None:
    """Return what follows a successful payment, as `testing_cards` names it; None: nothing."""
    number = private(method).get("number")
    if number is not None:
        return cards.test_card_of(number).later
    return "dispute_fraudulent" if settled(method).outcome == "dispute" else None


def risk(method: Record) -> str:
    """Return the level of risk of a payment method."""
    number = private(method).get("number")
    if number is None:
        return "not_assessed"
    name = cards.test_card_of(number).name
    return {"riskLevelElevated": "elevated", "riskLevelHighest": "highest"}.get(name, "normal")
