"""Charges: the fields that show the payment and the answer of the bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tigerstripe.ids import letters, new_id
from tigerstripe.objects.resource import private
from tigerstripe.payments import bank, cards, connect, testing_cards
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.testing_cards import Decline
from tigerstripe.payments.types import DEBITS
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
NOBODY: Record = {"address": dict.fromkeys(ADDRESS), "email": None, "name": None, "phone": None}
"""The billing details of a payment that nobody was billed for."""

HELD_S = 7 * 24 * 3600
"""How long money that is not captured is held, as recorded."""

OF_INTENT = (
    "application_fee_amount", "description", "on_behalf_of", "receipt_email", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip
"""Fields that a charge has from its intent."""

RETURNED = "The bank returned the decline code `{}`."
DECLINED_PLAINLY = "The bank did not return any further details with this decline."
BLOCKED = "Stripe blocked this payment as too risky."
NULLS = (
    "application_fee", "balance_transaction", "dispute", "failure_balance_transaction",
    "failure_code", "failure_message", "order", "outcome", "payment_intent", "receipt_number",
    "receipt_url", "review", "source", "source_transfer",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


def fields(work: Work, of: Record, method: Record, amount: int) -> Record:
    """Return the fields of a charge before the answer; `of` has the fields in `OF_INTENT`.

    `captured` and all that is of the answer is the caller's: `approved`, `refused`, `pending`.
    """
    is_card = method["type"] == "card"
    return {
        **dict.fromkeys(NULLS),
        "id": new_id("ch" if is_card else "py", 24),
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": connect.application(work),
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": _descriptor(of) if is_card else None,
        "captured": False,
        "currency": of["currency"],
        "customer": of["customer"],
        "destination": (of["transfer_data"] or {}).get("destination"),
        "disputed": False,
        "fraud_details": {},
        "metadata": of["metadata"],
        "paid": False,
        "payment_method": method["id"],
        "refunded": False,
        **{name: of[name] for name in OF_INTENT},
        "transfer_data": connect.of_charge(of["transfer_data"]),
    }


def _descriptor(of: Record) -> str:
    suffix = of["statement_descriptor_suffix"]
    return (of["statement_descriptor"] or "Stripe") + (f"* {suffix}" if suffix else "")


def approved(charge: Record, attempt: Attempt, *, hold_until: int | None = None) -> Record:
    """Return the fields of an approved charge, whose money is held until a time, or captured."""
    level = bank.risk(attempt.method)
    is_card = attempt.method["type"] == "card"
    return {
        "outcome": {
            **_codes(None),
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": level,
            **({"risk_score": _score(charge["id"], level)} if is_card else {}),
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_method_details": _details(attempt, charge["amount"], hold_until=hold_until),
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{letters(40)}",
        "status": "succeeded",
    }


def refused(charge: Record, attempt: Attempt, decline_code: str) -> Record:
    """Return the fields of a declined charge."""
    decline = testing_cards.DECLINES[decline_code]
    level = bank.risk(attempt.method)
    is_blocked = level == "highest"
    plain = decline_code == "generic_decline"
    message = DECLINED_PLAINLY if plain else RETURNED.format(decline_code)
    return {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": {
            **_codes(decline),
            "network_status": "not_sent_to_network" if is_blocked else "declined_by_network",
            "reason": "highest_risk_level" if is_blocked else decline_code,
            "risk_level": level,
            "risk_score": _score(charge["id"], level),
            "seller_message": BLOCKED if is_blocked else message,
            "type": "blocked" if is_blocked else "issuer_declined",
        },
        "payment_method_details": _details(attempt, charge["amount"], is_authorized=False),
        "status": "failed",
    }


def pending(charge: Record, attempt: Attempt) -> Record:
    """Return the fields of a charge with a pending debit."""
    return {
        "amount_captured": charge["amount"],
        "captured": True,
        "payment_method_details": _details(attempt, charge["amount"]),
        "status": "pending",
    }


def _codes(decline: Decline | None) -> Record:
    return {
        "advice_code": decline.advice if decline else None,
        "network_advice_code": decline.network_advice if decline else None,
        "network_decline_code": decline.network_decline if decline else None,
    }


def _score(id: str, level: str) -> int:
    """Return a number that is by chance, but always the same of one charge."""
    low, high = {"normal": (0, 64), "elevated": (65, 74)}.get(level, (75, 99))
    return low + sum(id.encode()) % (high - low + 1)


def _details(
    attempt: Attempt, amount: int, *, hold_until: int | None = None, is_authorized: bool = True
) -> Record:
    kind = attempt.method["type"]
    if kind != "card":
        return dict(sorted({kind: _of_bank(attempt.method), "type": kind}.items()))
    card, options = attempt.method["card"], attempt.options
    details = {
        "amount_authorized": amount if is_authorized else None,
        "authorization_code": letters(6).upper() if is_authorized else None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "electronic_commerce_indicator": "07",
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": _feature(options, "request_incremental_authorization"),
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": _feature(options, "request_multicapture"),
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": str(int(card["fingerprint"], 16))[:15],
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": _three_d_secure() if attempt.is_authenticated else None,
        "transaction_link_id": None,
        "wallet": card["wallet"],
    }
    if hold_until is not None:
        details["capture_before"] = hold_until
    return {"card": dict(sorted(details.items())), "type": "card"}


def _feature(options: Mapping[str, Any], name: str) -> Record:
    """Return whether a feature of a card is available: it is, if it was requested."""
    is_there = options.get(name) == "if_available"
    return {"status": "available" if is_there else "unavailable"}


def _three_d_secure() -> Record:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": new_id("", 36),
        "version": "2.2.0",
    }


_NOT_SHOWN = ("financial_connections_account", "networks", "status_details", "generated_from")


def _of_bank(method: Record) -> Record:
    shown = method.get(method["type"]) or {}
    details = {name: value for name, value in shown.items() if name not in _NOT_SHOWN}
    mandate = private(method).get("mandate")
    if method["type"] in DEBITS:
        details["mandate"] = mandate
    if method["type"] == "us_bank_account":
        details["payment_reference"] = None
    return dict(sorted(details.items()))


def checked(method: Record) -> Record:
    """Return a payment method as it is once its bank was asked: a card's checks are made."""
    number = private(method).get("number")
    if number is None:
        return method
    card = method["card"]
    checks = cards.checked(number, card["checks"])
    return method if checks == card["checks"] else {**method, "card": {**card, "checks": checks}}


def shipping(given: Record | None) -> Record | None:
    """Return where something is sent, as charges and intents show it."""
    if given is None:
        return None
    address = given.get("address") or {}
    names = ("carrier", "name", "phone", "tracking_number")
    return {
        "address": {name: address.get(name) for name in ADDRESS},
        **{name: given.get(name) for name in names},
    }
