"""Cards: the numbers, tokens and names of the testing page, and how objects show a card.

A card is a dict of plain values (`Card`). Payment methods keep it under `card`; tokens and sources
are the older object `card`. The number itself is private (`PRIVATE`); `testing_cards` says what
follows from it, a decline or a dispute, when that is due.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Declined
from tigerstripe.payments import testing_cards
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

NUMBER_LENGTHS = range(12, 20)
YEARS_AHEAD = 50

DISPLAY_BRANDS = {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}
"""Where `display_brand` is another word than `brand`."""
BRAND_NAMES = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
"""The names of brands in tokens and sources."""
NO_3DS = frozenset(("378282246310005", "3056930009020004", "36227206271667"))
COBRANDED = frozenset(("4000002500001001", "5555552500001001"))
"""Cards of Cartes Bancaires too."""

LIVE_CARD = (
    "Your card was declined. Your request was in test mode, but used a non test card. For a list "
    "of valid test cards, visit: https://stripe.com/docs/testing."
)


def of_params(work: Work, given: Params) -> Record:
    """Return the card that a number, an expiry and a cvc say; raises `Declined` if none can be."""
    for name in ("number", "exp_month", "exp_year"):
        if given.get(name) is None:
            raise errors.missing(f"card[{name}]")
    number = str(given["number"]).replace(" ", "").replace("-", "")
    if not number.isascii() or not number.isdigit() or len(number) not in NUMBER_LENGTHS:
        raise _wrong("invalid_number", "number", "This card number looks invalid")
    if not _has_checksum(number):
        raise _wrong("incorrect_number", "number", "Your card number is incorrect.")
    month, year = _expiry(work, given["exp_month"], given["exp_year"])
    cvc = given.get("cvc")
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise _wrong("invalid_cvc", "cvc", "Your card's security code is invalid.")
    test_card = testing_cards.of_number(number)
    if test_card is None:
        raise _wrong("card_declined", None, LIVE_CARD, decline_code="test_mode_live_card")
    return _card(test_card, month, year, has_cvc=cvc is not None)


def of_name(work: Work, id: str) -> Record | None:
    """Return the card that `pm_card_...` or `tok_...` names: good until this month of next year."""
    test_card = testing_cards.of_name(id)
    if test_card is None:
        return None
    now = today(work)
    return _card(test_card, now.month, now.year + 1, has_cvc=True)


def today(work: Work) -> datetime:
    """Return the day that cards are good or not on: by the account's clock, not by a test clock."""
    return datetime.fromtimestamp(work.on_clock(None).now, timezone.utc)


def test_card_of(number: str) -> testing_cards.KnownCard:
    """Return the testing page's entry of an existing card."""
    found = testing_cards.of_number(number)
    assert found is not None, number
    return found


def check_attach(number: str) -> None:
    """Raise `Declined` if a card cannot be saved to a customer."""
    decline = test_card_of(number).attach
    if decline is not None:
        raise testing_cards.not_attached(decline)


def checked(number: str, checks: Record) -> Record:
    """Return the checks of a card as they are once its bank was asked."""
    failing = test_card_of(number).checks
    answers = {}
    for name, was in checks.items():
        kind = {"address_line1_check": "line1", "address_postal_code_check": "zip"}.get(name, "cvc")
        asked = "fail" if kind in failing else "pass"
        asked = "unavailable" if "unchecked" in failing and kind != "cvc" else asked
        answers[name] = asked if was == "unchecked" else was
    return answers


# --- As objects show it ---


def in_payment_method(card: Record, address: Record | None, given: Params) -> Record:
    """Return the field `card` of a payment method."""
    brand = card["brand"]
    return {
        "brand": brand,
        "checks": _checks(card, address or {}, "line1", "postal_code"),
        "country": card["country"],
        "display_brand": DISPLAY_BRANDS.get(brand, brand),
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": fingerprint(card["number"]),
        "funding": card["funding"],
        "generated_from": None,
        "last4": card["number"][-4:],
        "networks": {
            "available": ["cartes_bancaires", brand] if card["number"] in COBRANDED else [brand],
            "preferred": (given.get("networks") or {}).get("preferred"),
        },
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card["number"] not in NO_3DS},
        "wallet": None,
    }


def as_card(card: Record, given: Params) -> Record:
    """Return the fields of the object `card`, of a token or a source."""
    names = ("city", "country", "line1", "line2", "state", "zip")
    address = {name: given.get(f"address_{name}") for name in names}
    checks = _checks(card, address, "line1", "zip")
    return {
        **{f"address_{name}": value for name, value in address.items()},
        "address_line1_check": checks["address_line1_check"],
        "address_zip_check": checks["address_postal_code_check"],
        "brand": BRAND_NAMES[card["brand"]],
        "country": card["country"],
        "cvc_check": checks["cvc_check"],
        "dynamic_last4": None,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": fingerprint(card["number"]),
        "funding": card["funding"],
        "last4": card["number"][-4:],
        "metadata": {},
        "name": given.get("name"),
        "networks": {"preferred": (given.get("networks") or {}).get("preferred")},
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }


def as_method(card: Record, number: str) -> Record:
    """Return a card of the older way as the payment method that it would be."""
    test_card = test_card_of(number)
    address = dict.fromkeys(("city", "country", "line1", "line2", "state"))
    return {
        "id": card["id"],
        "billing_details": {
            "address": {**address, "postal_code": card["address_zip"]},
            "email": None,
            "name": card["name"],
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": test_card.brand,
            "checks": {
                "address_line1_check": card["address_line1_check"],
                "address_postal_code_check": card["address_zip_check"],
                "cvc_check": card["cvc_check"],
            },
            "country": card["country"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": card["fingerprint"],
            "funding": card["funding"],
            "last4": card["last4"],
            "regulated_status": "unregulated",
            "wallet": None,
        },
        "customer": card["customer"],
        "type": "card",
        PRIVATE: {"number": number},
    }


def fingerprint(number: str) -> str:
    """Return a text that is the same for the same number, and does not reveal it."""
    return hashlib.blake2b(number.encode(), digest_size=8).hexdigest()


def _checks(card: Record, address: Record, line1: str, postal_code: str) -> Record:
    return {
        "address_line1_check": "unchecked" if address.get(line1) else None,
        "address_postal_code_check": "unchecked" if address.get(postal_code) else None,
        "cvc_check": "unchecked" if card["has_cvc"] else None,
    }


# --- What a card is ---


def _card(card: testing_cards.KnownCard, month: int, year: int, *, has_cvc: bool) -> Record:
    return {
        "brand": card.brand,
        "country": card.country,
        "exp_month": month,
        "exp_year": year,
        "funding": card.funding,
        "has_cvc": has_cvc,
        "number": card.number,
    }


def _expiry(work: Work, month: Any, year: Any) -> tuple[int, int]:
    """Return the last month of a card, which may be this one; raises `Declined`."""
    try:
        month, year = int(month), int(year)
    except ValueError:
        raise errors.invalid_integer(f"{month}/{year}", "card[exp_month]") from None
    now = today(work)
    year += 2000 if 0 <= year < 100 else 0
    if not 1 <= month <= 12 or (year == now.year and month < now.month):
        message = "Your card's expiration month is invalid."
        raise _wrong("invalid_expiry_month", "exp_month", message)
    if not now.year <= year <= now.year + YEARS_AHEAD:
        message = "Your card's expiration year is invalid."
        raise _wrong("invalid_expiry_year", "exp_year", message)
    return month, year


def _has_checksum(number: str) -> bool:
    """Tell whether the last digit fits the others by Luhn's rule."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _wrong(code: str, param: str | None, message: str, **more: Any) -> Declined:
    return Declined(message, status=402, type="card_error", code=code, param=param, **more)
