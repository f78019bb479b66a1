"""The last bill of each item of a subscription, from which a credit is calculated.

It is in the private part of the subscription. `debits` has, by item, the amount and the time of its
last line or proration. `used` has, by item, the discounts within that amount: in classic mode a
credit includes them, although they may be used up.
"""

from __future__ import annotations

from tigerstripe.billing import discounts, items, lines
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

DEBITS = "debits"
USED = "used"


def debit_of(subscription: Record, item: str) -> Record | None:
    """Return the last bill of an item, or None if there is none.

    It has the `amount` after discounts, the `price`, the `quantity`, `start` and `end`, and what it
    is on: an `invoice` and a `line`, or an invoice `item` that may wait.
    """
    found: Record | None = private(subscription).get(DEBITS, {}).get(item)
    return found


def used_of(subscription: Record, item: str) -> tuple[list[str], list[str]] | None:
    """Return the ids of the discounts that an item was billed with last: its own, and those of all.

    None if it never was.
    """
    found = private(subscription).get(USED, {}).get(item)
    return None if found is None else (found["own"], found["all"])


def with_discounts(subscription: Record, ids: list[str]) -> Record:
    """Return a subscription with other discounts; credits go by them from now on."""
    used = {id: {**one, "all": ids} for id, one in private(subscription).get(USED, {}).items()}
    return {**subscription, "discounts": ids, PRIVATE: {**private(subscription), USED: used}}


def with_prorations(subscription: Record, made: list[Record]) -> Record:
    """Return a subscription that has noted prorations: a credit reverses a bill, once."""
    debits = dict(private(subscription).get(DEBITS, {}))
    used = dict(private(subscription).get(USED, {}))
    for item in made:
        of = item["parent"]["subscription_details"]["subscription_item"]
        if "used" in private(item):
            debits[of] = {**_terms(item, item["amount"]), "item": item["id"]}
            used[of] = private(item)["used"]
        else:
            debits.pop(of, None)
    return {**subscription, PRIVATE: {**private(subscription), DEBITS: debits, USED: used}}


def on_invoice(work: Work, subscription: Record, invoice: Record) -> Record:
    """Return a subscription that knows of its invoice, without the discounts that it used up."""
    debits = dict(private(subscription).get(DEBITS, {}))
    used = dict(private(subscription).get(USED, {}))
    took: set[str] = set()
    for line in lines.all_of(invoice):
        off = line["discount_amounts"]
        took.update(one["discount"] for one in off)
        details = (line["parent"] or {}).get("subscription_item_details")
        if details is None or details["proration"] or line["quantity"] is None:
            continue  # the trial of what is metered has no quantity, and no price
        id = details["subscription_item"]
        net = line["amount"] - sum(one["amount"] for one in off)
        debits[id] = {**_terms(line, net), "invoice": invoice["id"], "line": line["id"]}
        used[id] = {"own": line["discounts"], "all": invoice["discounts"]}
    data = [_without(work, item, took) for item in subscription["items"]["data"]]
    return {
        **subscription,
        "discounts": discounts.left(work, subscription["discounts"], took),
        "items": items.listed(subscription["id"], data),
        PRIVATE: {**private(subscription), DEBITS: debits, USED: used},
    }


def kept(subscription: Record) -> Record:
    """Return the parts of a subscription's private part that this module keeps."""
    return {name: v for name, v in private(subscription).items() if name in (DEBITS, USED)}


def _terms(line: Record, amount: int) -> Record:
    return {
        "amount": amount,
        "end": line["period"]["end"],
        "price": line["pricing"]["price_details"]["price"],
        "quantity": line["quantity"],
        "start": line["period"]["start"],
    }


def _without(work: Work, item: Record, took: set[str]) -> Record:
    if not item["discounts"]:
        return item
    return {**item, "discounts": discounts.left(work, item["discounts"], took)}
