"""Money that customers have sent by bank transfer, and the intents that it pays for.

A customer's cash is the sum of its transactions. An intent takes the amount that it still needs. If
that is not there yet, the buyer is told where to send it, and the intent is paid when it arrives.
"""

from __future__ import annotations

from typing import Any

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.payments.bank import APPROVED, AUTHENTICATE, Answer
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

TYPE = "customer_balance"
"""The type of payment methods that stands for a customer's cash."""
APPLIED = "applied"
"""The field of an intent's private part with the cash that it has taken."""
WAITS = "display_bank_transfer_instructions"
"""The next action of an intent that waits for its money."""
NETWORKS: dict[str, dict[str, tuple[str, ...]]] = {
    "eu_bank_transfer": {"iban": ("sepa",)},
    "gb_bank_transfer": {"sort_code": ("bacs", "fps")},
    "jp_bank_transfer": {"zengin": ("zengin",)},
    "mx_bank_transfer": {"spei": ("spei",)},
    "us_bank_transfer": {"aba": ("ach", "domestic_wire_us"), "swift": ("swift",)},
}
"""By type of transfer: the types of addresses that money is sent to, and by which networks."""
_OF_GB = ("account_number_last4", "sender_name", "sort_code")
_OF_CURRENCY: dict[str, tuple[str, Record | None]] = {
    "eur": ("eu_bank_transfer", dict.fromkeys(("bic", "iban_last4", "sender_name"))),
    "gbp": ("gb_bank_transfer", dict.fromkeys(_OF_GB)),
    "jpy": ("jp_bank_transfer", dict.fromkeys(("sender_bank", "sender_branch", "sender_name"))),
    "mxn": ("mx_bank_transfer", None),
    "usd": ("us_bank_transfer", {"network": "ach", "sender_name": None}),
}
"""By currency: the type of transfer, and the fields about its sender."""
_ADDRESSES: dict[str, Record] = {
    "aba": {
        "account_number": "11119990123456",
        "account_type": "checking",
        "bank_name": "US Test Bank",
        "routing_number": "999999999",
    },
    "iban": {"bic": "TESTDEFFXXX", "country": "DE", "iban": "DE00000000000000000001"},
    "sort_code": {"account_number": "00012345", "sort_code": "000000"},
    "spei": {"bank_code": "646", "bank_name": "Test Bank", "clabe": "646180111812345678"},
    "swift": {
        "account_number": "11119990123456",
        "account_type": "checking",
        "bank_name": "US Test Bank",
        "swift_code": "TESTUS99XXX",
    },
    "zengin": {
        "account_number": "0001234",
        "account_type": "futsu",
        "bank_code": "0000",
        "bank_name": "Test Bank",
        "branch_code": "000",
        "branch_name": "Test Branch",
    },
}
"""The addresses for transfers, by type; the numbers belong to no bank."""


def balances(work: Work, customer: str) -> dict[str, int]:
    """Return the cash of a customer, by currency.

    A work that looks is worked out again if the customer's cash changes meanwhile.
    """
    work.get("customers", customer)
    found: dict[str, int] = {}
    for one in work.find_by("cash_balance_transactions", "customer", customer):
        found[one["currency"]] = found.get(one["currency"], 0) + one["net_amount"]
    return found


def waits(intent: Record) -> bool:
    """Tell whether an intent waits for its customer's money."""
    return (intent["next_action"] or {}).get("type") == WAITS


def needed(intent: Record) -> int:
    """Return how much an intent still needs."""
    return int(intent["amount"] - private(intent).get(APPLIED, 0))


def asked(work: Work, intent: Record) -> Answer:
    """Return whether a customer's cash pays for an intent.

    Raises `Refused` for one without a customer, and for one that is to be held: cash cannot be.
    """
    if intent["customer"] is None:
        raise Refused(
            "You must provide a customer when paying with customer_balance.", param="customer"
        )
    if intent["capture_method"] == "manual":
        raise Refused(
            "A payment with customer_balance cannot be captured later: set capture_method to "
            "automatic.",
            param="capture_method",
        )
    there = balances(work, intent["customer"]).get(intent["currency"], 0)
    return APPROVED if there >= needed(intent) else AUTHENTICATE


def applied(work: Work, intent: Record, amount: int) -> None:
    """Take an amount of a customer's cash for an intent; less than 0: give it back."""
    kind = "applied_to_payment" if amount > 0 else "unapplied_from_payment"
    _moved(work, intent["customer"], intent["currency"], -amount, kind, payment_intent=intent["id"])


def given_back(work: Work, intent: Record) -> Record:
    """Give back the cash of an intent that is paid in another way, or not at all."""
    kept = private(intent)
    if not kept.get(APPLIED):
        return intent
    applied(work, intent, -kept[APPLIED])
    return {**intent, PRIVATE: {name: v for name, v in kept.items() if name != APPLIED}}


def transfer_of(currency: str) -> str:
    """Return the type of transfer of a currency; raises `Refused` for one that cannot be sent."""
    return _transfer_of(currency)[0]


def _transfer_of(currency: str) -> tuple[str, Record | None]:
    if currency not in _OF_CURRENCY:
        raise Refused(
            f"The currency {currency} cannot be sent by bank transfer; use one of these: "
            f"{', '.join(_OF_CURRENCY)}.",
            param="currency",
        )
    return _OF_CURRENCY[currency]


def funded(work: Work, customer: Record, amount: int, currency: str, reference: str | None) -> Any:
    """Receive money of a customer, and pay intents that wait for it; return its transaction."""
    kind, sent = _transfer_of(currency)
    transfer = {"reference": reference, "type": kind, **({kind: sent} if sent else {})}
    made = _moved(work, customer["id"], currency, amount, "funded", bank_transfer=transfer)
    shown = registry.need("customer").cash_of(work, customer)
    work.tell("cash_balance.funds_available", shown)
    if shown["settings"]["reconciliation_mode"] == "automatic":
        _reconcile(work, customer["id"], currency)
    return made


def _reconcile(work: Work, customer: str, currency: str) -> None:
    """Pay the intents that wait for a customer's money, oldest first, the last one in part."""
    intents = registry.need("payment_intent")
    for found in reversed(work.find_by(intents.table, "customer", customer)):
        intent = work.get(intents.table, found["id"]) or found
        if not waits(intent) or intent["currency"] != currency:
            continue
        there = balances(work, customer).get(currency, 0)
        if there <= 0:
            return
        intents.apply_cash(work, intent, min(there, needed(intent)))


def _moved(
    work: Work, customer: str, currency: str, amount: int, kind: str, **details: Any
) -> Record:
    ending = balances(work, customer).get(currency, 0) + amount
    made: Record = registry.need("customer_cash_balance_transaction").add(work, {
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "ending_balance": ending,
        "net_amount": amount,
        "type": kind,
        kind: details,
    })  # fmt: skip
    work.touch("customers", customer)  # a request that looked meanwhile looks again
    return made


def addresses(kind: str) -> list[Record]:
    """Return the address of a type of transfer."""
    somewhere = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    holder = {
        "account_holder_address": somewhere,
        "account_holder_name": "Jane Doe",
        "bank_address": somewhere,
    }
    return [
        {address: {**holder, **_ADDRESSES[address]}, "supported_networks": [*by], "type": address}
        for address, by in NETWORKS[kind].items()
    ]


def instructions(intent: Record) -> Record:
    """Return where the buyer of an intent has to send how much, as recorded."""
    options = intent["payment_method_options"].get(TYPE) or {}
    kind = (options.get("bank_transfer") or {}).get("type")
    kind = kind or transfer_of(intent["currency"])
    return {
        WAITS: {
            "amount_remaining": needed(intent),
            "currency": intent["currency"],
            "financial_addresses": addresses(kind),
            "hosted_instructions_url": f"https://payments.stripe.com/bank_transfers/{letters(24)}",
            "reference": letters(12).upper(),
            "type": kind,
        },
        "type": WAITS,
    }


def partly(work: Work, intent: Record, amount: int) -> Record:
    """Return an intent after it took a part of the needed amount from its customer's cash."""
    applied(work, intent, amount)
    total = intent["amount"] - needed(intent) + amount
    return _told({**intent, PRIVATE: {**private(intent), APPLIED: total}})


def changed(work: Work, old: Record, new: Record) -> Record:
    """Return an intent after a change of its customer, its currency or its amount.

    With another customer or currency it gives its cash back, and must be confirmed again. With
    another amount it waits for the rest of that; raises `Refused` if it has taken as much already.
    """
    taken = private(old).get(APPLIED, 0)
    if (new["currency"], new["customer"]) != (old["currency"], old["customer"]):
        if taken:
            new = {**new, PRIVATE: private(given_back(work, old))}
        again = {"next_action": None, "status": "requires_confirmation"}
        return {**new, **again} if waits(new) else new
    if needed(new) <= 0:
        shown = [money.shown(n, new["currency"]) for n in (new["amount"], taken)]
        raise Refused(
            f"The amount ({shown[0]}) must be more than what this PaymentIntent has taken of its "
            f"customer's cash already ({shown[1]}). Cancel it to give that back.",
            param="amount",
        )
    return _told(new) if waits(new) and needed(new) != needed(old) else new


def _told(intent: Record) -> Record:
    """Return an intent with the next action that tells the buyer the amount still to be sent."""
    told = {**intent["next_action"][WAITS], "amount_remaining": needed(intent)}
    return {**intent, "next_action": {WAITS: told, "type": WAITS}}
