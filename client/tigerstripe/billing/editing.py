"""The items of a subscription as a request changes them: added, changed, and removed."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import items, terms
from tigerstripe.errors import Refused
from tigerstripe.objects import metadata, registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

BOTH = "Received both items and quantity parameters. Please pass in only one."


def with_items(work: Work, old: Record, params: Params) -> Record:
    """Return a subscription with the items that a request asks for; raises `Refused`."""
    given = params.get("items")
    if given is not None and params.get("quantity") is not None:
        raise Refused(BOTH)
    named = {name: params[name] for name in ("plan", "quantity") if params.get(name) is not None}
    if given is None and named:
        data = old["items"]["data"]
        if len(data) != 1:
            raise Refused(
                "You cannot update a subscription with multiple plans by `plan` or `quantity`: "
                "update its items instead."
            )
        given = [{"id": data[0]["id"], **named}]
    if given is None:
        return old
    data = list(old["items"]["data"])
    for place, wanted in enumerate(given):
        data = _with(work, old, data, wanted, f"items[{place}]")
    if not data:
        raise Refused(
            "A subscription must have at least one active plan. Cancel the subscription instead.",
            param="items",
        )
    new = {**old, "items": items.listed(old["id"], data), **terms.of_one(data)}
    items.check_together(new, data)
    return new


def _with(
    work: Work, subscription: Record, data: list[Record], wanted: Params, at: str
) -> list[Record]:
    """Return the items after one of those that a request asks for."""
    id = wanted.get("id")
    if id is None:
        first = data[0] if data else None
        period = (
            (first["current_period_start"], first["current_period_end"])
            if first
            else (work.now, work.now)
        )
        return [*data, items.made(work, subscription, wanted, at, period)]
    place = next((n for n, item in enumerate(data) if item["id"] == id), None)
    if place is None:
        raise errors.no_such("subscription_item", id, f"{at}[id]")
    if wanted.get("deleted"):
        return data[:place] + data[place + 1 :]
    item = changed_item(work, subscription, data[place], wanted, at)
    return [*data[:place], item, *data[place + 1 :]]


def changed_item(work: Work, subscription: Record, item: Record, wanted: Params, at: str) -> Record:
    """Return an item as a request changes it; raises `Refused`."""
    new = dict(item)
    if any(wanted.get(name) is not None for name in ("plan", "price", "price_data")):
        price = items.price_of(work, wanted, at, subscription["currency"])
        new.update(items.priced(price))
    else:
        price = items.whole_price(work, item)
    new["quantity"] = items.quantity_of(price, wanted, at, item["quantity"])
    if "metadata" in wanted:
        new["metadata"] = metadata.merged(item, wanted)["metadata"]
    if "tax_rates" in wanted:
        rates = registry.need("tax_rate")
        ids = wanted["tax_rates"] or ()
        param = f"{at}[tax_rates]" if at else "tax_rates"
        new["tax_rates"] = [rates.given(work, id, f"{param}[{n}]") for n, id in enumerate(ids)]
    if "discounts" in wanted:
        new["discounts"] = items.discounted(work, subscription, item["id"], wanted, at)
    if "billing_thresholds" in wanted:
        new["billing_thresholds"] = wanted["billing_thresholds"]
    return new
