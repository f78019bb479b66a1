"""The page of a checkout session, and the pages that lead to one."""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.checkout import completion
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.pages import templates
from tigerstripe.pages.markup import element
from tigerstripe.pages.visit import Form, Page, Visit, not_there, to
from tigerstripe.records import Params, Record
from tigerstripe.resources.checkout_items import RESOURCE as ITEMS
from tigerstripe.work.unit import Work

OVER = "This checkout session has expired: go back to the shop and begin again."
THANKS = "Your payment went through. You can close this page."
CHOICES = ("address", "promotion_code", "shipping_rate")
"""The fields that may change the total."""
ADDRESS = ("line1", "city", "postal_code", "state", "country")


def checkout(visit: Visit) -> Page:
    """Show the page of a session, or do what its buyer asks for."""
    session = visit.find("checkout_sessions", "id", visit.name)
    if session is None:
        return not_there("checkout session")
    work = visit.look()
    session = registry.need("checkout.session").view(work, session)
    if session["status"] != "open":
        return _over(session)
    if visit.form is None:
        error = (completion.intent_of(work, session) or {}).get("last_payment_error")
        return _shown(work, session, {}, error["message"] if error else None)
    try:
        return _pressed(visit, session, _filled(session, visit.form))
    except Refused as refused:
        return _shown(visit.look(), session, visit.form, str(refused), refused.status)


def _pressed(visit: Visit, session: Record, params: Params) -> Page:
    """Do as the button says, unless a choice changes the total, which must be shown first."""
    chosen = {name: params[name] for name in CHOICES if name in params}
    for name in chosen.keys() - {"address"}:  # which is told, too
        params.pop(name)
    if chosen:
        new = visit.act(lambda work: completion.choose(work, session["id"], chosen))
        if new["amount_total"] != session["amount_total"]:
            total = money.shown(new["amount_total"], new["currency"])
            return _shown(visit.look(), new, visit.form or {}, f"The total is {total} now.")
    return to(visit.act(lambda work: _confirmed(work, session, params)))


def _confirmed(work: Work, session: Record, params: Params) -> str:
    """Press the button; return where the buyer goes then."""
    done = completion.by_buyer(work, session["id"], params, authenticate=None)
    if done["status"] != "open":
        return _after(done)
    there = work.get(completion.TABLE, session["id"])
    assert there is not None, session
    intent = completion.intent_of(work, there) or {}
    action = intent["next_action"]
    return str((action.get("redirect_to_url") or {"url": completion.page_url(session)})["url"])


def _shown(work: Work, session: Record, form: Form, error: str | None, status: int = 200) -> Page:
    options = [
        {**option, "display_name": _rate(work, option["shipping_rate"])}
        for option in session["shipping_options"]
    ]
    items = ITEMS.view_of(work, session)
    shown = {**session, "shipping_options": options}
    needs_method = completion.needs_method(session)
    body = templates.checkout(shown, items, form, error, needs_method=needs_method)
    return Page(body, status)


def _rate(work: Work, id: str) -> str:
    rate = work.get("shipping_rates", id)
    return str(rate["display_name"]) if rate is not None else id


def _over(session: Record) -> Page:
    """Answer for a session that is not open any more."""
    if session["status"] == "complete":
        return to(_after(session)) if _after(session) else _thanks()
    recovery = (session["after_expiration"] or {}).get("recovery") or {}
    again = element("a", "Begin again", href=recovery["url"]) if recovery else None
    return Page(templates.message("Expired", OVER, again), 410)


def _thanks() -> Page:
    return Page(templates.message("Thank you", THANKS))


def _after(session: Record) -> str:
    """Return where a buyer goes after the end of a session; its own page where that says nothing.

    Stripe puts the session's id in the place of its name in braces.
    """
    url = session["success_url"] or session.get("return_url") or ""
    return str(url).replace("{CHECKOUT_SESSION_ID}", session["id"])


# --- What the buyer filled in ---


def _filled(session: Record, form: Form) -> Params:
    """Return a form as the parameters of a confirmation, without empty fields."""
    form = {name: value.strip() for name, value in form.items() if value.strip()}
    names = ("email", "name", "phone", "promotion_code", "shipping_rate", "expected_amount")
    params: Params = {name: form[name] for name in names if name in form}
    billing: Params = {name: form[name] for name in ("email", "name", "phone") if name in form}
    address = _address(form, "billing")
    if address:
        params["address"] = billing["address"] = address
    if session["shipping_address_collection"] is not None:
        where = {"name": form.get("shipping_name"), "address": _address(form, "shipping")}
        params["shipping"] = {name: value for name, value in where.items() if value}
    answers = {one["key"]: form.get(f"custom_{one['key']}") for one in session["custom_fields"]}
    answers = {key: value for key, value in answers.items() if value is not None}
    if answers:
        params["custom_fields"] = answers
    if completion.needs_method(session):
        params["payment_method_data"] = {**method_data(form), "billing_details": billing}
    return params


def _address(form: Form, prefix: str) -> Params:
    found = {name: form.get(f"{prefix}_{name}") for name in ADDRESS}
    return {name: value for name, value in found.items() if value is not None}


def method_data(form: Form) -> Params:
    """Return the payment method that a form describes, as the API takes it."""
    kind = form.get("type", "card")
    if kind == "card":
        month, _, year = form.get("expiry", "").partition("/")
        card = {"number": form.get("number"), "exp_month": month.strip(), "exp_year": year.strip()}
        card["cvc"] = form.get("cvc")
        return {"type": kind, "card": {name: value for name, value in card.items() if value}}
    numbers = {
        "bacs_debit": {"account_number": "account_number", "sort_code": "sort_code"},
        "sepa_debit": {"iban": "iban"},
        "us_bank_account": {"account_number": "us_number", "routing_number": "routing_number"},
    }
    given = {name: form[key] for name, key in numbers.get(kind, {}).items() if key in form}
    if kind == "us_bank_account":
        given["account_holder_type"] = "individual"
    return {"type": kind, **({kind: given} if given else {})}


# --- The ways to a session ---


def link(visit: Visit) -> Page:
    """Begin a session of a payment link."""
    found = visit.find("payment_links", "url", f"https://buy.stripe.com/{visit.name}")
    if found is None:
        return not_there("payment link")
    if not found["active"]:
        text = found["inactive_message"] or "This link is no longer active."
        return Page(templates.message("Not active", text), 410)
    links = registry.need("payment_link")
    try:
        made = visit.act(lambda work: links.opened(work, links.given(work, found["id"], "link")))
    except Refused as refused:
        return Page(templates.message("Not possible", str(refused)), refused.status)
    return to(made["url"])


def recovery(visit: Visit) -> Page:
    """Begin a session like one that has expired."""
    session = visit.find("checkout_sessions", "id", visit.name)
    sessions = registry.need("checkout.session")
    wanted = session and (session["after_expiration"] or {}).get("recovery")
    if session is None or not wanted:
        return not_there("expired checkout session that can be begun again")
    made = visit.act(lambda work: sessions.recovered(work, session))
    return to(made["url"])
