"""Payment methods other than cards: the fields under their type's name."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Obj
from tigerstripe.facts.table import facts
from tigerstripe.ids import new_id
from tigerstripe.payments.cards import fingerprint
from tigerstripe.records import Params, Record

BANK = "STRIPE TEST BANK"
IBAN_CODES = {"AT": (5, 0), "BE": (3, 0), "DE": (8, 0), "ES": (4, 4), "FR": (5, 5), "NL": (4, 0)}
"""The lengths of the bank's and the branch's code in an IBAN, behind its first four letters."""
IBAN_LENGTHS = range(15, 35)
BICS = {
    "abn_amro": "ABNANL2A",
    "asn_bank": "ASNBNL21",
    "bunq": "BUNQNL2A",
    "ing": "INGBNL2A",
    "knab": "KNABNL2H",
    "n26": "NTSBDEB1",
    "rabobank": "RABONL2U",
    "regiobank": "RBRBNL21",
    "revolut": "REVOLT21",
    "sns_bank": "SNSBNL2A",
    "triodos_bank": "TRIONL2U",
    "van_lanschot": "FVLBNL22",
}
"""Of banks of iDEAL."""


def section(kind: str, given: Params) -> Record:
    """Return the field of a type: all that the table of facts has of it, as far as it was given."""
    of_type = facts().fields("payment_method").fields[kind].kind
    names = of_type.fields if isinstance(of_type, Obj) else {}
    shown = {name: given.get(name) for name in names}
    if kind == "sepa_debit":
        shown.update(_of_iban(given["iban"]))
    elif kind == "us_bank_account":
        shown.update(_of_us(given))
    elif kind == "fpx":
        shown["account_holder_type"] = given.get("account_holder_type") or "individual"
    elif kind == "ideal":
        shown["bic"] = BICS.get(given.get("bank") or "")
    elif kind == "boleto":
        shown["fingerprint"] = fingerprint(given["tax_id"])
    number = given.get("account_number") or given.get("iban")
    if number is not None:
        there = {"bank_name": BANK, "fingerprint": fingerprint(number), "last4": number[-4:]}
        shown.update({name: value for name, value in there.items() if name in names})
    return dict(sorted(shown.items()))


def _of_us(given: Params) -> Record:
    if given.get("financial_connections_account") is None:
        for name in ("routing_number", "account_number"):
            if given.get(name) is None:
                raise errors.missing(f"us_bank_account[{name}]")
    return {
        "account_holder_type": given.get("account_holder_type") or "individual",
        "account_type": given.get("account_type") or "checking",
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "status_details": {},
    }


def _of_iban(iban: str) -> Record:
    """Return the fields of an IBAN; raises `Refused` if it is not valid."""
    text = iban.replace(" ", "").upper()
    moved = text[4:] + text[:4]
    is_sound = text.isascii() and text.isalnum() and text[:2].isalpha()
    if (
        not is_sound
        or len(text) not in IBAN_LENGTHS
        or int("".join(str(int(letter, 36)) for letter in moved)) % 97 != 1
    ):
        message = "The IBAN you provided is invalid."
        raise Refused(message, code="invalid_bank_account_iban", param="sepa_debit[iban]")
    bank, branch = IBAN_CODES.get(text[:2], (0, 0))
    return {
        "bank_code": text[4 : 4 + bank] or None,
        "branch_code": text[4 + bank : 4 + bank + branch],
        "country": text[:2],
        "generated_from": {"charge": None, "setup_attempt": None},
    }


def as_object(given: Params) -> Record:
    """Return the object `bank_account` of a token."""
    currency = given.get("currency") or ("usd" if given["country"] == "US" else "eur")
    fields = {
        "account_holder_name": given.get("account_holder_name"),
        "account_holder_type": given.get("account_holder_type"),
        "account_type": given.get("account_type"),
        "bank_name": BANK,
        "country": given["country"],
        "currency": money.currency(currency, "bank_account[currency]"),
        "fingerprint": fingerprint(given["account_number"]),
        "last4": given["account_number"][-4:],
        "routing_number": given.get("routing_number"),
        "status": "new",
    }
    return {"id": new_id("ba", 24), "object": "bank_account", **fields}
