"""The page of the billing portal: a customer's payment methods and details."""

from __future__ import annotations

from typing import Any

from tigerstripe import registry
from tigerstripe.errors import Refused
from tigerstripe.pages import templates
from tigerstripe.pages.checkout import method_data
from tigerstripe.pages.visit import Form, Page, Visit, not_there, to
from tigerstripe.work import Work

Record = dict[str, Any]


def portal(visit: Visit) -> Page:
    """Show a customer what they have, or do what they want changed."""
    url = f"https://billing.stripe.com/p/session/{visit.name}"
    session = visit.find("portal_sessions", "url", url)
    if session is None:
        return not_there("portal session")
    error, form, status = None, visit.form, 200
    if form is not None:
        try:
            visit.act(lambda work: _changed(work, session, form or {}))
        except Refused as refused:
            error, status = str(refused), refused.status
        else:
            return to(_after(session))
    return _shown(visit.look(), session, form or {}, error, status)


def _shown(work: Work, session: Record, form: Form, error: str | None, status: int) -> Page:
    customer = work.get("customers", session["customer"])
    configuration = work.get("portal_configurations", session["configuration"])
    if customer is None or configuration is None:
        return not_there("customer any more")
    methods = work.find_by("payment_methods", "customer", customer["id"])
    features, back = configuration["features"], session["return_url"]
    return Page(templates.portal(customer, methods, features, back, form, error), status)


def _after(session: Record) -> str:
    """Return where a customer goes after a change: back to the portal, or where a flow says."""
    flow = session["flow"] or {}
    redirect = (flow.get("after_completion") or {}).get("redirect")
    return str((redirect or {"return_url": session["url"]})["return_url"])


def _changed(work: Work, session: Record, form: Form) -> str:
    """Do what a form of the portal asks for, as far as its configuration allows it."""
    configuration = work.get("portal_configurations", session["configuration"])
    assert configuration is not None, session
    features, customer = configuration["features"], {"customer": session["customer"]}
    customers, methods = registry.need("customer"), registry.need("payment_method")
    update = features["customer_update"]
    if "details" in form and update["enabled"]:
        names = [n for n in ("name", "email", "phone") if n in update["allowed_updates"]]
        customers.update(work, customer, {n: form[n] or None for n in names if n in form})
    elif features["payment_method_update"]["enabled"]:
        default = form.get("default")
        if "remove" in form:
            methods.detach(work, {"payment_method": _own(work, session, form["remove"])}, {})
        elif default is None:
            made = methods.add(work, methods.new(work, method_data(form)))
            methods.attach(work, {"payment_method": made["id"]}, customer)
            default = made["id"]
        if default is not None:
            settings = {"default_payment_method": _own(work, session, default)}
            customers.update(work, customer, {"invoice_settings": settings})
    return str(session["id"])


def _own(work: Work, session: Record, id: str) -> str:
    """Return the id of a payment method that is the customer's; raises `Refused`."""
    method = work.get("payment_methods", id)
    if method is None or method["customer"] != session["customer"]:
        raise Refused(f"{id} is no payment method of this customer.")
    return id
