"""The look of all pages: small, plain, and the same with JavaScript and without."""

from __future__ import annotations

from typing import Any

from tigerstripe import money
from tigerstripe.pages.markup import Markup, element, joined
from tigerstripe.payments.testing_cards import cards
from tigerstripe.records import Record

Form = dict[str, str]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
header, footer { color: #666; font-size: .85rem; }
table { width: 100%; border-collapse: collapse; } td:last-child { text-align: right; }
label { display: block; margin: .5rem 0; } input, select { font: inherit; padding: .3rem; }
label > input:not([type=radio]):not([type=checkbox]), label > select { display: block; width: 100%;
box-sizing: border-box; }
button { font: inherit; padding: .5rem 1.2rem; margin: 1rem .5rem 0 0; }
[role=alert] { color: #a00; border-left: 3px solid; padding-left: .6rem; }
"""
HONEST = (
    "This is a fake of Stripe's page, by tigerstripe, for tests: no money moves, and no card is "
    "charged. Not affiliated with Stripe."
)
NAMES = {
    "acss_debit": "Canadian debit",
    "au_becs_debit": "Australian debit",
    "bacs_debit": "Bacs debit",
    "card": "Card",
    "sepa_debit": "SEPA debit",
    "us_bank_account": "US bank account",
}
"""The titles of types of payment methods, where they differ from the names."""


def page(title: str, *content: Any) -> str:
    """Return a whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element("header", element("p", HONEST)),
        element("main", element("h1", title), content),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}"


def field(label: str, name: str, value: str | None = None, **attributes: Any) -> Markup:
    """Return an input with its label."""
    return element("label", label, element("input", name=name, value=value, **attributes))


def form(*content: Any, button: str = "", **attributes: Any) -> Markup:
    """Return a form that is sent to its own page, with a button if it has a name."""
    end = element("button", button) if button else None
    return element("form", content, end, method="post", **attributes)


def alert(message: str | None) -> Markup | None:
    """Return the message of an error, if there is one."""
    return element("p", message, role="alert") if message else None


def rows(pairs: list[tuple[str, str]]) -> Markup:
    """Return a table of names and values."""
    cells = [element("tr", element("td", name), element("td", value)) for name, value in pairs]
    return element("table", cells)


def card_fields(given: Form) -> Markup:
    """Return the fields of a card, with Stripe's test cards as suggestions."""
    known = [element("option", value=c.number, label=c.name) for c in cards() if c.name]
    return joined([
        field(
            "Card number", "number", given.get("number"), list="cards", autocomplete="off",
            placeholder="4242 4242 4242 4242",
        ),
        element("datalist", known, id="cards"),
        field("Expiry (MM/YY)", "expiry", given.get("expiry"), placeholder="12/34"),
        field("CVC", "cvc", given.get("cvc"), placeholder="123"),
    ])  # fmt: skip


def address_fields(prefix: str, given: Form) -> Markup:
    """Return the fields of an address."""
    names = (
        ("line1", "Address"), ("city", "City"), ("postal_code", "Postal code"),
        ("state", "State"), ("country", "Country (two letters)"),
    )  # fmt: skip
    return joined(
        [field(label, f"{prefix}_{name}", given.get(f"{prefix}_{name}")) for name, label in names]
    )


# --- Checkout ---


def checkout(
    session: Record, items: list[Record], given: Form, error: str | None, *, needs_method: bool
) -> str:
    """Return the page of an open session."""
    total, currency = session["amount_total"], session["currency"]
    is_setup = session["mode"] == "setup"
    verb = "Subscribe for" if session["mode"] == "subscription" else "Pay"
    button = "Save" if is_setup else f"{verb} {money.shown(total, currency)}"
    return page(
        "Save a payment method" if is_setup else "Checkout",
        alert(error),
        None if is_setup else _summary(session, items),
        form(
            element("input", type="hidden", name="expected_amount", value=total),
            _contact(session, given),
            [_custom(one, given) for one in session["custom_fields"]],
            _shipping(session, given),
            methods(session["payment_method_types"], given) if needs_method else None,
            button=button,
        ),
        back(session["cancel_url"], "Back to the shop"),
    )


def _summary(session: Record, items: list[Record]) -> Markup:
    currency = session["currency"]
    pairs = [_line(item, currency) for item in items]
    details = session["total_details"]
    for name, label in (("discount", "Discount"), ("tax", "Tax"), ("shipping", "Shipping")):
        amount = details[f"amount_{name}"]
        if amount:
            sign = "-" if name == "discount" else ""
            pairs.append((label, sign + money.shown(amount, currency)))
    return rows([*pairs, ("Total", money.shown(session["amount_total"], currency))])


def _line(item: Record, currency: str) -> tuple[str, str]:
    quantity = "" if item["quantity"] is None else f"{item['quantity']} of "
    return f"{quantity}{item['description']}", money.shown(item["amount_subtotal"], currency)


def _contact(session: Record, given: Form) -> Markup:
    known = session["customer_details"] or {}
    is_required = session["billing_address_collection"] == "required"
    wants_address = is_required or session["automatic_tax"]["enabled"]
    has_codes = session["allow_promotion_codes"]
    return joined(
        [
            field("E-mail", "email", given.get("email") or known.get("email"), type="email"),
            field("Name", "name", given.get("name") or known.get("name")),
            field("Phone", "phone", given.get("phone"))
            if session["phone_number_collection"]["enabled"]
            else None,
            address_fields("billing", given) if wants_address else None,
            field("Promotion code", "promotion_code", given.get("promotion_code"))
            if has_codes
            else None,
        ]
    )


def _custom(one: Record, given: Form) -> Markup:
    kind, name = one["type"], f"custom_{one['key']}"
    label = one["label"]["custom"] + (" (optional)" if one["optional"] else "")
    value = given.get(name) or one[kind]["default_value"]
    if kind != "dropdown":
        return field(label, name, value)
    options = [
        element("option", choice["label"], value=choice["value"], selected=choice["value"] == value)
        for choice in one[kind]["options"]
    ]
    return element(
        "label", label, element("select", element("option", value=""), options, name=name)
    )


def _shipping(session: Record, given: Form) -> Markup:
    chosen = given.get("shipping_rate") or (session["shipping_cost"] or {}).get("shipping_rate")
    choices = [
        element(
            "label",
            element(
                "input",
                type="radio",
                name="shipping_rate",
                value=option["shipping_rate"],
                checked=option["shipping_rate"] == chosen,
            ),
            f" {option['display_name']}: ",
            money.shown(option["shipping_amount"], session["currency"]),
        )
        for option in session["shipping_options"]
    ]
    wants = session["shipping_address_collection"] is not None
    where = [
        field("Send to", "shipping_name", given.get("shipping_name")),
        address_fields("shipping", given),
    ]
    return joined([choices, where if wants else None])


def methods(types: list[str], given: Form) -> Markup:
    """Return the choice of a type, at first a card, and the fields of those that have some."""
    usual = "card" if "card" in types else types[0]
    chosen = given.get("type") or usual
    fields = {
        "bacs_debit": [("Sort code", "sort_code"), ("Account number", "account_number")],
        "sepa_debit": [("IBAN", "iban")],
        "us_bank_account": [("Routing number", "routing_number"), ("Account number", "us_number")],
    }
    found = []
    for kind in types:
        radio = element("input", type="radio", name="type", value=kind, checked=kind == chosen)
        name = NAMES.get(kind, kind.replace("_", " ").capitalize())
        found.append(element("label", radio, f" {name}"))
        if kind == "card":
            found.append(card_fields(given))
        found += [field(label, key, given.get(key)) for label, key in fields.get(kind, ())]
    return joined(found)


def back(url: str | None, text: str) -> Markup | None:
    """Return the way back to where a visitor came from, if that is known."""
    return element("p", element("a", text, href=url)) if url else None


# --- The others ---


def authentication(intent: Record) -> str:
    """Return the page on which a bank asks its customer."""
    if intent["object"] == "payment_intent":
        what = f"to pay {money.shown(intent['amount'], intent['currency'])}"
    else:
        what = "to save this payment method"
    button = [
        element("button", "Complete authentication", name="outcome", value="succeed"),
        element("button", "Fail authentication", name="outcome", value="fail"),
    ]
    return page(
        "3D Secure",
        element("p", f"The bank of this test asks whether it is you who wants {what}."),
        form(button),
    )


def message(title: str, text: str, *more: Any) -> str:
    """Return a page that only says something."""
    return page(title, element("p", text), *more)
