"""The look of the billing portal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

from tigerstripe import money
from tigerstripe.pages.markup import Markup, element
from tigerstripe.pages.templates import NAMES, alert, back, card_fields, field, form, page, rows
from tigerstripe.records import Record

Form = dict[str, str]


class Owned(NamedTuple):
    """A subscription, and the changes that are allowed."""

    subscription: Record
    name: str
    """The names of its products."""
    offers: list[Record]
    """The prices that it may be changed to, each with the `name` of its product."""
    limits: Record | None
    """The range in which its quantity may be changed; None: not at all."""
    can_pause: bool


def portal(
    customer: Record,
    owned: list[Owned],
    methods: list[Record],
    invoices: list[Record],
    features: Record,
    return_url: str | None,
    given: Form,
    error: str | None,
) -> str:
    """Return a customer's page."""
    update = features["customer_update"]
    return page(
        "Billing",
        alert(error),
        [element("h2", "Subscriptions"), [_subscription(one, features) for one in owned]]
        if owned
        else None,
        element("h2", "Payment methods"),
        payment_methods(customer, methods, features, given),
        element("h2", "Details"),
        rows([("Name", customer["name"] or "-"), ("E-mail", customer["email"] or "-")]),
        _details(customer, update["allowed_updates"]) if update["enabled"] else None,
        _invoices(invoices),
        back(return_url, "Back"),
    )


def flow(title: str, content: Any, return_url: str | None, error: str | None) -> str:
    """Return a page of the portal for one thing alone."""
    return page(title, alert(error), content, back(return_url, "Back"))


# --- Subscriptions ---


def _subscription(of: Owned, features: Record) -> Markup:
    status = of.subscription["status"]
    is_ending = of.subscription["cancel_at_period_end"]
    can_cancel = features["subscription_cancel"]["enabled"]
    is_paused = status == "paused" and features["subscription_pause"]["enabled"]
    return element(
        "section",
        element("h3", of.name),
        element("p", _state(of.subscription)),
        change(of) if of.limits is not None or len(of.offers) > 1 else None,
        _button(of, "keep", "Don't cancel") if is_ending and can_cancel else None,
        cancel(of, features) if can_cancel and not is_ending else None,
        _button(of, "pause", "Pause") if of.can_pause else None,
        _button(of, "resume", "Resume") if is_paused else None,
    )


def _state(subscription: Record) -> str:
    [until] = {item["current_period_end"] for item in subscription["items"]["data"][:1]}
    day = datetime.fromtimestamp(until, timezone.utc).strftime("%d %B %Y")
    if subscription["cancel_at_period_end"]:
        return f"Ends on {day}"
    return f"{subscription['status'].replace('_', ' ').capitalize()}, until {day}"


def _button(of: Owned, what: str, words: str, *content: Any) -> Markup:
    return form(
        element("input", type="hidden", name="subscription", value=of.subscription["id"]),
        content,
        element("button", words, name="do", value=what),
    )


def cancel(of: Owned, features: Record) -> Markup:
    """Return the form to cancel a subscription, with the reason."""
    reasons = features["subscription_cancel"]["cancellation_reason"]
    asked = reasons["options"] if reasons["enabled"] else []
    options = [element("option", name.replace("_", " "), value=name) for name in asked]
    why = [
        element("label", "Why?", element("select", element("option", value=""), options,
                                         name="feedback")),
        field("Anything else?", "comment"),
    ] if options else None  # fmt: skip
    return _button(of, "cancel", "Cancel subscription", why)


def offer(of: Owned, coupon: Record) -> Markup:
    """Return the form of the offer that may keep a customer: a coupon."""
    off = f"{coupon['percent_off']:g} %" if coupon["percent_off"] else ""
    amount = off or money.shown(coupon["amount_off"], coupon["currency"])
    return _button(of, "stay", f"Stay, with {amount} off")


def pause(of: Owned) -> Markup:
    """Return the form to pause a subscription."""
    return _button(of, "pause", "Pause")


def change(of: Owned) -> Markup:
    """Return the form to change the price or the quantity of a subscription."""
    [item] = of.subscription["items"]["data"]
    prices = [
        element(
            "option", _price(price), value=price["id"], selected=price["id"] == item["price"]["id"]
        )
        for price in of.offers
    ]
    quantity = None
    if of.limits is not None:
        quantity = field(
            "Quantity", "quantity", str(item["quantity"]), type="number",
            min=of.limits["minimum"], max=of.limits["maximum"],
        )  # fmt: skip
    plan = element("label", "Plan", element("select", prices, name="price"))
    return _button(of, "change", "Update subscription", plan, quantity)


def confirm(of: Owned, price: Record, quantity: int | None) -> Markup:
    """Return the change that a customer is asked to confirm."""
    what = _price(price) if quantity is None else f"{quantity} of {_price(price)}"
    return _button(of, "confirm", "Confirm", element("p", f"Your new plan: {what}"))


def _price(price: Record) -> str:
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    every = interval if count == 1 else f"{count} {interval}s"
    amount = price["unit_amount"]
    words = "by tiers" if amount is None else money.shown(amount, price["currency"])
    return f"{price['name']}, {words} a {every}"


# --- What else is there ---


def payment_methods(
    customer: Record, methods: list[Record], features: Record, given: Form
) -> Markup:
    """Return the payment methods of a customer, with the form to add one."""
    default = customer["invoice_settings"]["default_payment_method"]
    shown = [
        element(
            "li", _method(method), " (default)" if method["id"] == default else _choices(method)
        )
        for method in methods
    ]
    can_pay = features["payment_method_update"]["enabled"]
    return element(
        "section",
        element("ul", shown) if shown else element("p", "None yet."),
        form(card_fields(given), button="Add card") if can_pay else None,
    )


def _method(method: Record) -> str:
    if method["type"] != "card":
        kind = str(method["type"])
        return NAMES.get(kind, kind)
    card = method["card"]
    return f"{card['brand'].capitalize()} …{card['last4']} ({card['exp_month']}/{card['exp_year']})"


def _choices(method: Record) -> Markup:
    buttons = [
        element("button", label, name=name, value=method["id"])
        for name, label in (("default", "Make default"), ("remove", "Remove"))
    ]
    return form(buttons)


def _details(customer: Record, allowed: list[str]) -> Markup | None:
    labels = (("name", "Name"), ("email", "E-mail"), ("phone", "Phone"))
    wanted = [field(label, name, customer[name]) for name, label in labels if name in allowed]
    save = element("button", "Save details", name="details", value="1")
    return form(wanted, save) if wanted else None


def _invoices(invoices: list[Record]) -> Markup | None:
    """Return the invoices that a customer was sent, each with the way to its page."""
    if not invoices:
        return None
    lines = [
        element(
            "li",
            element("a", one["number"], href=one["hosted_invoice_url"]),
            f": {money.shown(one['total'], one['currency'])}, {one['status']}",
        )
        for one in invoices
    ]
    return element("section", element("h2", "Invoices"), element("ul", lines))
