"""The changes that customers may make in the portal, as its configuration allows.

A change is for a whole subscription, so one with several items cannot be changed there. If it makes
the subscription cheaper, it may have to wait for the end of the period, in a schedule.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import cycles, items, pausing
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

WORDS = {
    "customer_update": "This customer cannot be updated because the customer update",
    "payment_method_update": "Payment methods cannot be updated because the payment method update",
    "subscription_cancel": "This subscription cannot be canceled because the subscription cancel",
    "subscription_pause": "This subscription cannot be paused because the subscription pause",
    "subscription_update": "This subscription cannot be updated because the subscription update",
}
"""The words of messages about features that a configuration lacks; the last is the live API's."""
DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
"""About how long an interval is, to tell which of two is shorter."""


# --- What is allowed ---


def check_enabled(features: Record, name: str) -> None:
    """Raise `Refused` for a feature that a configuration has not."""
    if not features[name]["enabled"]:
        raise Refused(f"{WORDS[name]} feature in the portal configuration is disabled.")


def own(work: Work, customer: str, id: str, param: str | None = None) -> Record:
    """Return a customer's subscription that is not over; raises `Refused`."""
    found = work.get("subscriptions", id)
    if found is None or found["customer"] != customer:
        raise errors.no_such("subscription", id, param)
    if found["status"] in cycles.OVER:
        raise Refused(f"The subscription {id} is {found['status']}.", param=param)
    return found


def check_changeable(subscription: Record) -> None:
    """Raise `Refused` for a subscription that is not changed in the portal at all."""
    if len(subscription["items"]["data"]) != 1 or subscription["schedule"] is not None:
        raise Refused(
            f"The subscription {subscription['id']} has several items, or a schedule: it cannot be "
            f"changed in the portal.",
            param="subscription",
        )


def can_pause(features: Record, subscription: Record) -> bool:
    """Tell whether a customer may pause a subscription, as it is."""
    is_enabled = bool(features["subscription_pause"]["enabled"])
    return is_enabled and subscription["status"] in pausing.PAUSABLE


def offers(work: Work, features: Record, subscription: Record) -> list[Record]:
    """Return the prices to which a subscription may be changed, its own among them.

    None for one that cannot be changed in the portal.
    """
    feature, data = features["subscription_update"], subscription["items"]["data"]
    if not feature["enabled"] or len(data) != 1 or subscription["schedule"] is not None:
        return []
    allowed = feature["default_allowed_updates"]
    ids = [id for product in feature["products"] or () for id in product["prices"]]
    prices = [work.get("prices", id) for id in ids] if "price" in allowed else []
    current = data[0]["price"]
    usable = [
        price
        for price in prices
        if price is not None
        and price["active"]
        and price["currency"] == current["currency"]
        and price["id"] != current["id"]
    ]
    return [current, *usable]


def adjustable(features: Record, product: str) -> Record | None:
    """Return the range in which the quantity of a product may be changed, or None."""
    feature = features["subscription_update"]
    if "quantity" not in feature["default_allowed_updates"]:
        return None
    listed = (one for one in feature["products"] or () if one["product"] == product)
    limits: Record = next(listed, {"adjustable_quantity": {"enabled": False}})[
        "adjustable_quantity"
    ]
    return limits if limits["enabled"] else None


# --- Done ---


def canceled(work: Work, features: Record, id: str, said: Params) -> Record:
    """Return a subscription that its customer canceled: now, or at the end of its period.

    `said` is why: `feedback` and `comment`.
    """
    check_enabled(features, "subscription_cancel")
    how = features["subscription_cancel"]
    reasons = how["cancellation_reason"]
    feedback = said.get("feedback")
    if feedback is not None and feedback not in (reasons["options"] if reasons["enabled"] else ()):
        raise Refused(f"The portal configuration does not ask for this reason: {feedback}.")
    subscriptions = registry.need("subscription")
    if how["mode"] == "at_period_end":
        params = {"cancel_at_period_end": True, "cancellation_details": said}
        ended: Record = subscriptions.update(work, {"id": id}, params)
        return ended
    behavior = how["proration_behavior"]
    params = {
        "cancellation_details": said,
        "invoice_now": behavior == "always_invoice",
        "prorate": behavior != "none",
    }
    gone: Record = subscriptions.cancel(work, {"id": id}, params)
    return gone


def kept(work: Work, features: Record, id: str) -> Record:
    """Return a subscription that is not to end with its period after all."""
    check_enabled(features, "subscription_cancel")
    params = {"cancel_at_period_end": False}
    going_on: Record = registry.need("subscription").update(work, {"id": id}, params)
    return going_on


def paused(work: Work, features: Record, id: str) -> Record:
    """Return a subscription that its customer paused until they resume it."""
    check_enabled(features, "subscription_pause")
    waiting: Record = registry.need("subscription").pause(work, {"subscription": id}, {})
    return waiting


def resumed(work: Work, features: Record, id: str) -> Record:
    """Return a subscription that its customer lets go on."""
    check_enabled(features, "subscription_pause")
    going_on: Record = registry.need("subscription").resume(work, {"subscription": id}, {})
    return going_on


def changed(work: Work, features: Record, subscription: Record, wanted: Params) -> Record:
    """Return a subscription with another `price` or `quantity`, or with `discounts`.

    Raises `Refused` for what the configuration does not allow, and where what is due at once is not
    paid.
    """
    item = check_change(work, features, subscription, wanted)
    feature, discounts = features["subscription_update"], wanted.get("discounts")
    subscriptions = registry.need("subscription")
    if _waits(work, feature, subscription, item):
        return _scheduled(work, subscription, item, discounts)
    params: Params = {
        "items": [item],
        "payment_behavior": "error_if_incomplete",
        "proration_behavior": feature["proration_behavior"],
    }
    if feature["billing_cycle_anchor"] == "now":
        params["billing_cycle_anchor"] = "now"
    is_trial = subscription["status"] == "trialing"
    if is_trial and feature["trial_update_behavior"] == "end_trial":
        params["trial_end"] = "now"
    if discounts:
        params["discounts"] = discounts
    new: Record = subscriptions.update(work, {"id": subscription["id"]}, params)
    return new


def check_change(work: Work, features: Record, subscription: Record, wanted: Params) -> Params:
    """Return the item that a change asks for, as a parameter of an update; raises `Refused`."""
    check_enabled(features, "subscription_update")
    check_changeable(subscription)
    possible = offers(work, features, subscription)
    [old] = subscription["items"]["data"]
    id = wanted.get("price") or old["price"]["id"]
    price = next((one for one in possible if one["id"] == id), None)
    if price is None:
        raise Refused(
            f"The price {id} is not among those to which the portal configuration lets "
            f"subscriptions be changed.",
            param="price",
        )
    quantity = wanted.get("quantity") or old["quantity"]
    limits = adjustable(features, price["product"])
    if quantity != old["quantity"]:
        _check_quantity(quantity, limits)
    is_same = (id, quantity) == (old["price"]["id"], old["quantity"])
    if is_same and not wanted.get("discounts"):
        raise Refused(
            "This subscription cannot be updated because there are no changes to confirm."
        )
    if (
        wanted.get("discounts")
        and "promotion_code" not in (features["subscription_update"]["default_allowed_updates"])
    ):
        raise Refused("The portal configuration does not let promotion codes be used.")
    item: Params = {"id": old["id"], "price": id}
    return item if items.is_metered(price) else {**item, "quantity": quantity or 1}


def _check_quantity(quantity: int, limits: Record | None) -> None:
    if limits is None:
        raise Refused(
            "The portal configuration does not let this quantity be changed.", param="quantity"
        )
    least, most = limits["minimum"], limits["maximum"]
    if quantity < least or (most is not None and quantity > most):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        raise Refused(f"The quantity may be {bounds}, and not {quantity}.", param="quantity")


# --- At the end of the period ---


def _waits(work: Work, feature: Record, subscription: Record, item: Params) -> bool:
    """Tell whether a change is one that a configuration puts off to the period's end."""
    [old] = subscription["items"]["data"]
    price = registry.need("price").given(work, item["price"], "price")
    new = {**old, "price": price, "quantity": item.get("quantity")}
    currency = subscription["currency"]
    is_met = {
        "decreasing_item_amount": lambda: (
            items.cost(work, new, currency) < items.cost(work, old, currency)
        ),
        "shortening_interval": lambda: _days(price) < _days(old["price"]),
    }
    conditions = feature["schedule_at_period_end"]["conditions"]
    return any(is_met[condition["type"]]() for condition in conditions)


def _days(price: Record) -> int:
    recurring = price["recurring"]
    return int(DAYS[recurring["interval"]] * recurring["interval_count"])


def _scheduled(
    work: Work, subscription: Record, item: Params, discounts: list[Params] | None
) -> Record:
    """Let a schedule change a subscription at the end of its period; return the subscription."""
    schedules = registry.need("subscription_schedule")
    made = schedules.create(work, {}, {"from_subscription": subscription["id"]})
    [now] = made["phases"]
    current = [
        {name: one[name] for name in ("price", "quantity") if one.get(name) is not None}
        for one in now["items"]
    ]
    then: Params = {
        "items": [{name: value for name, value in item.items() if name != "id"}],
        "iterations": 1,
        "proration_behavior": "none",
    }
    if discounts:
        then["discounts"] = discounts
    first = {"items": current, "start_date": now["start_date"], "end_date": now["end_date"]}
    schedules.update(work, {"schedule": made["id"]}, {"phases": [first, then]})
    found = work.get("subscriptions", subscription["id"])
    assert found is not None, subscription
    return found
