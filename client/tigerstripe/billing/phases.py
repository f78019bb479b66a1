"""The phases of a schedule: the terms of a subscription from one time to another.

Phases follow one another without a gap: each begins where the one before it ends.
"""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.billing import items, paying, periods, terms
from tigerstripe.errors import Refused
from tigerstripe.objects import metadata, registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

MAX = 10
"""How many phases a schedule may have that are still to come."""
USUAL = {"end": {"type": "phase_end"}, "start": {"type": "phase_start"}}
"""The default period of items that a phase adds to its first invoice."""
PLAIN = (
    "application_fee_percent", "billing_cycle_anchor", "billing_thresholds", "collection_method",
    "description", "on_behalf_of", "transfer_data",
)  # fmt: skip


def all_of(
    work: Work, customer: Record, mode: Record, given: list[Params], start: int
) -> list[Record]:
    """Return the phases that parameters ask for, from a time on; raises `Refused`.

    `mode` is the billing mode of their subscription.
    """
    if not given:
        raise errors.missing("phases")
    if len(given) > MAX:
        raise errors.too_many("phases", MAX)
    made: list[Record] = []
    for place, phase in enumerate(given):
        at = f"phases[{place}]"
        begins = _start(work, phase, at, made[-1]["end_date"] if made else start, is_first=not made)
        currency = {"currency": made[0]["currency"]} if made else {}
        made.append(_phase(work, customer, mode, {**currency, **phase}, at, begins))
    return made


def _start(work: Work, phase: Params, at: str, expected: int, *, is_first: bool) -> int:
    """Return when a phase begins; raises `Refused` for one that leaves a gap, or overlaps."""
    named = phase.get("start_date")
    begins = work.now if named == "now" else named
    if begins is None or begins == expected:
        return expected
    if is_first:
        raise Refused(
            f"You can not modify the start date of the current phase: it began at {expected}.",
            param=f"{at}[start_date]",
        )
    raise Refused(
        f"The phases of a schedule follow one another: {at} has to start at {expected}, where the "
        f"phase before it ends, not at {begins}.",
        param=f"{at}[start_date]",
    )


def _phase(
    work: Work, customer: Record, mode: Record, phase: Params, at: str, start: int
) -> Record:
    if not phase.get("items"):
        raise errors.missing(f"{at}[items]")
    prices = [
        items.price_of(work, item, f"{at}[items][{place}]", phase.get("currency"))
        for place, item in enumerate(phase["items"])
    ]
    items.check_together({"billing_mode": mode}, [{"price": price} for price in prices])
    end = _end(work, phase, at, start, prices[0]["recurring"])
    if end <= start:
        raise Refused(
            f"The end of a phase comes after its start: {at} starts at {start} and ends at {end}.",
            param=f"{at}[end_date]",
        )
    trial_end = end if phase.get("trial") else phase.get("trial_end")
    if trial_end == "now":
        trial_end = None
    if trial_end is not None and not start < trial_end <= end:
        raise Refused("A trial ends within its phase.", param=f"{at}[trial_end]")
    method = phase.get("default_payment_method")
    settings = phase.get("invoice_settings")
    return {
        "add_invoice_items": [
            _added(work, one, f"{at}[add_invoice_items][{place}]")
            for place, one in enumerate(phase.get("add_invoice_items") or ())
        ],
        "automatic_tax": terms.automatic_tax(phase.get("automatic_tax")),
        "currency": money.currency(phase.get("currency") or prices[0]["currency"]),
        "default_payment_method": method and paying.given(work, customer["id"], method),
        "default_tax_rates": registry.need("tax_rate").all_given(
            work, phase.get("default_tax_rates")
        ),
        "discounts": [_discount(one) for one in phase.get("discounts") or ()],
        "end_date": end,
        "invoice_settings": settings and invoice_settings(settings),
        "items": [
            _item(work, item, price, f"{at}[items][{place}]")
            for place, (item, price) in enumerate(zip(phase["items"], prices, strict=True))
        ],
        "metadata": metadata.new(phase.get("metadata")),
        "proration_behavior": phase.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "trial_end": trial_end,
        **{name: phase.get(name) for name in PLAIN},
    }


def _end(work: Work, phase: Params, at: str, start: int, recurring: Record) -> int:
    """Return when a phase ends: at a time, after a while, or after some periods, by itself one."""
    names = ("duration", "end_date", "iterations")
    given = [name for name in names if phase.get(name) is not None]
    if len(given) > 1:
        raise errors.one_may_be_given(*(f"{at}[{name}]" for name in given))
    if given == ["end_date"]:
        return work.now if phase["end_date"] == "now" else int(phase["end_date"])
    if given == ["duration"]:
        duration = phase["duration"]
        return periods.later(start, duration["interval"], duration.get("interval_count") or 1)
    count = phase.get("iterations", 1) * recurring["interval_count"]
    return periods.later(start, recurring["interval"], count)


def _item(work: Work, item: Params, price: Record, at: str) -> Record:
    rates = registry.need("tax_rate")
    return {
        "billing_thresholds": item.get("billing_thresholds"),
        "discounts": [_discount(one) for one in item.get("discounts") or ()],
        "metadata": metadata.new(item.get("metadata")),
        "plan": price["id"],
        "price": price["id"],
        "quantity": items.quantity_of(price, item, at),
        "tax_rates": [
            rates.given(work, rate, f"{at}[tax_rates][{place}]")
            for place, rate in enumerate(item.get("tax_rates") or ())
        ],
    }


def _added(work: Work, given: Params, at: str) -> Record:
    """Return an item of a phase's first invoice; raises `Refused` for a recurring price."""
    if given.get("price") is None:
        raise errors.missing(f"{at}[price]")
    price = registry.need("price").given(work, given["price"], f"{at}[price]")
    if price["recurring"] is not None:
        raise Refused(items.RECURRING, param=f"{at}[price]")
    rates = registry.need("tax_rate")
    return {
        "discountable": given.get("discountable"),
        "discounts": [_discount(one) for one in given.get("discounts") or ()],
        "metadata": metadata.new(given.get("metadata")),
        "period": given.get("period") or USUAL,
        "price": price["id"],
        "quantity": given.get("quantity", 1),
        "tax_rates": [
            rates.given(work, rate, f"{at}[tax_rates][{place}]")
            for place, rate in enumerate(given.get("tax_rates") or ())
        ],
    }


def _discount(given: Params) -> Record:
    return {name: given.get(name) for name in ("coupon", "discount", "promotion_code")}


def invoice_settings(given: Params) -> Record:
    """Return the settings of a schedule's invoices."""
    return {
        **{name: given.get(name) for name in ("account_tax_ids", "custom_fields")},
        "days_until_due": given.get("days_until_due"),
        **{name: given.get(name) for name in ("description", "footer")},
        "issuer": {"type": "self"},
    }


def of_subscription(subscription: Record) -> Record:
    """Return the present phase of a subscription: its terms until the period ends."""
    data = subscription["items"]["data"]
    return {
        "add_invoice_items": [],
        "automatic_tax": subscription["automatic_tax"],
        "currency": subscription["currency"],
        "default_payment_method": subscription["default_payment_method"],
        "default_tax_rates": subscription["default_tax_rates"],
        "discounts": [
            {"coupon": None, "discount": id, "promotion_code": None}
            for id in subscription["discounts"]
        ],
        "end_date": min(item["current_period_end"] for item in data),
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": item["billing_thresholds"],
                "discounts": [],
                "metadata": item["metadata"],
                "plan": item["price"]["id"],
                "price": item["price"]["id"],
                "quantity": item["quantity"],
                "tax_rates": item["tax_rates"],
            }
            for item in data
        ],
        "metadata": {},
        "proration_behavior": "create_prorations",
        "start_date": min(item["current_period_start"] for item in data),
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
        **dict.fromkeys(PLAIN),
    }


def as_params(phase: Record, subscription: Record | None) -> Params:
    """Return the parameters that change a subscription to the terms of a phase."""
    wanted: Params = {
        "add_invoice_items": [_as_added(phase, one) for one in phase["add_invoice_items"]],
        "default_tax_rates": [rate["id"] for rate in phase["default_tax_rates"]],
        "items": _as_items(phase, subscription),
        "proration_behavior": phase["proration_behavior"],
    }
    names = ("collection_method", "default_payment_method", "description", "trial_end")
    wanted.update({name: phase[name] for name in names if phase[name] is not None})
    if phase["metadata"]:
        wanted["metadata"] = phase["metadata"]
    settings = phase["invoice_settings"] or {}
    if settings.get("days_until_due") is not None:
        wanted["days_until_due"] = settings["days_until_due"]
    if phase["automatic_tax"]["enabled"]:
        wanted["automatic_tax"] = {"enabled": True}
    if phase["discounts"]:
        wanted["discounts"] = [_named(one) for one in phase["discounts"]]
    if phase["billing_cycle_anchor"] == "phase_start" and _is_paid_from_start(phase, subscription):
        wanted["billing_cycle_anchor"] = "now"
    return wanted


def _is_paid_from_start(phase: Record, subscription: Record | None) -> bool:
    """Tell whether a phase begins outside of a trial, whose end is the anchor of all periods."""
    if subscription is None or subscription["status"] == "trialing":
        return False
    return phase["trial_end"] is None


def _as_added(phase: Record, one: Record) -> Params:
    """Return the parameters of the items that a phase adds to its first invoice."""
    times = {"phase_end": phase["end_date"], "phase_start": phase["start_date"]}
    return {
        "discounts": [_named(discount) for discount in one["discounts"]],
        "metadata": one["metadata"],
        "period": {
            side: {"timestamp": times[named["type"]], "type": "timestamp"}
            if named["type"] in times
            else named
            for side, named in one["period"].items()
        },
        "price": one["price"],
        "quantity": one["quantity"],
        "tax_rates": [rate["id"] for rate in one["tax_rates"]],
        **({} if one["discountable"] is None else {"discountable": one["discountable"]}),
    }


def _named(discount: Record) -> Params:
    return {name: value for name, value in discount.items() if value is not None}


def _as_items(phase: Record, subscription: Record | None) -> list[Params]:
    """Return the items of a phase: an item of the same price is changed, one of none deleted.

    Where one item takes the place of one other, it is that one with another price.
    """
    there = subscription["items"]["data"] if subscription is not None else []
    free = list(there)
    wanted: list[Params] = []
    for item in phase["items"]:
        same = next((one for one in free if one["price"]["id"] == item["price"]), None)
        if same is None and len(there) == len(phase["items"]) == 1:
            same = free[0]
        if same is not None:
            free.remove(same)
        wanted.append({
            "metadata": item["metadata"],
            "price": item["price"],
            **({} if item["quantity"] is None else {"quantity": item["quantity"]}),
            **({} if same is None else {"id": same["id"]}),
            **({"tax_rates": [r["id"] for r in item["tax_rates"]]} if item["tax_rates"] else {}),
        })  # fmt: skip
    return [*wanted, *({"id": one["id"], "deleted": True} for one in free)]
