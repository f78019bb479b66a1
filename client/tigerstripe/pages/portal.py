"""The page of the billing portal: what a customer has, and the changes that it allows."""

from __future__ import annotations

from typing import Any

from tigerstripe.billing import cycles, lines, self_service
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.pages import portal_look, templates
from tigerstripe.pages.checkout import method_data
from tigerstripe.pages.visit import Form, Page, Visit, not_there, to
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

TITLES = {
    "subscription_cancel": "Cancel your subscription",
    "subscription_pause": "Pause your subscription",
    "subscription_update": "Update your subscription",
    "subscription_update_confirm": "Confirm your updates",
}
STEPS: dict[str, tuple[str, ...]] = {
    "subscription_cancel": ("cancel", "stay"),
    "subscription_pause": ("pause",),
    "subscription_update": ("change",),
    "subscription_update_confirm": ("confirm",),
}
"""The actions allowed in each flow; elsewhere all are allowed, except those of flows alone."""
IN_FLOWS = ("confirm", "stay")
DONE = "It is done. You can close this page."


def portal(visit: Visit) -> Page:
    """Show the portal to a customer, or make the change that they ask for."""
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
            return _after(session)
    return _shown(visit.look(), session, form or {}, error, status)


def _shown(work: Work, session: Record, form: Form, error: str | None, status: int) -> Page:
    customer = work.get("customers", session["customer"])
    configuration = work.get("portal_configurations", session["configuration"])
    if customer is None or configuration is None:
        return not_there("customer any more")
    features = registry.need("billing_portal.configuration").features(configuration)
    back = session["return_url"]
    kind = (session["flow"] or {}).get("type")
    if kind in TITLES:
        content = _of_flow(work, session, features)
        return Page(portal_look.flow(TITLES[kind], content, back, error), status)
    methods = work.find_by("payment_methods", "customer", customer["id"])
    if kind == "payment_method_update":
        content = portal_look.payment_methods(customer, methods, features, form)
        return Page(portal_look.flow("Payment method", content, back, error), status)
    subscriptions = work.find_by("subscriptions", "customer", customer["id"])
    owned = [
        _owned(work, features, one) for one in subscriptions if one["status"] not in cycles.OVER
    ]
    invoices = []
    if features["invoice_history"]["enabled"]:
        found = work.find_by("invoices", "customer", customer["id"])
        invoices = [one for one in found if one["hosted_invoice_url"] is not None]
    body = portal_look.portal(customer, owned, methods, invoices, features, back, form, error)
    return Page(body, status)


def _owned(work: Work, features: Record, subscription: Record) -> portal_look.Owned:
    """Return a subscription with the changes that are allowed."""
    data = subscription["items"]["data"]
    names = [lines.product_name(work, item["price"]) for item in data]
    offers = [
        {**price, "name": lines.product_name(work, price)}
        for price in self_service.offers(work, features, subscription)
    ]
    limits = self_service.adjustable(features, data[0]["price"]["product"]) if offers else None
    can_pause = self_service.can_pause(features, subscription)
    return portal_look.Owned(subscription, ", ".join(names), offers, limits, can_pause)


def _of_flow(work: Work, session: Record, features: Record) -> Any:
    """Return the page of a flow."""
    flow = session["flow"]
    kind = flow["type"]
    wanted = flow[kind]
    subscription = work.get("subscriptions", wanted["subscription"])
    if subscription is None or subscription["status"] in cycles.OVER:
        return "The subscription is over."
    owned = _owned(work, features, subscription)
    if kind == "subscription_pause":
        return portal_look.pause(owned)
    if kind != "subscription_cancel" and not owned.offers:
        return "The subscription cannot be changed here any more."
    if kind == "subscription_update":
        return portal_look.change(owned)
    if kind == "subscription_update_confirm":
        [item] = wanted["items"]
        id = item["price"] or subscription["items"]["data"][0]["price"]["id"]
        price = registry.need("price").given(work, id, "price")
        named = {**price, "name": lines.product_name(work, price)}
        return portal_look.confirm(owned, named, item["quantity"])
    retention = wanted["retention"]
    coupon = work.get("coupons", retention["coupon_offer"]["coupon"]) if retention else None
    offer = portal_look.offer(owned, coupon) if coupon is not None else None
    return [offer, portal_look.cancel(owned, features)]


def _after(session: Record) -> Page:
    """Return where a customer goes after a change: back to the portal, or where a flow says."""
    after = (session["flow"] or {}).get("after_completion") or {"type": "portal_homepage"}
    if after["type"] == "redirect":
        return to(str(after["redirect"]["return_url"]))
    if after["type"] == "hosted_confirmation":
        said = (after["hosted_confirmation"] or {}).get("custom_message")
        return Page(templates.message("Done", said or DONE))
    return to(str(session["url"]))


# --- What a customer wants changed ---


def _changed(work: Work, session: Record, form: Form) -> str:
    """Make the change that a form of the portal asks for, if its configuration allows it."""
    configuration = work.get("portal_configurations", session["configuration"])
    assert configuration is not None, session
    features = registry.need("billing_portal.configuration").features(configuration)
    if "do" in form:
        _done(work, session, features, form)
    elif "details" in form:
        _details(work, session, features, form)
    else:
        _methods(work, session, features, form)
    return str(session["id"])


def _done(work: Work, session: Record, features: Record, form: Form) -> None:
    """Do something with a subscription."""
    flow = session["flow"] or {"type": ""}
    kind, do = flow["type"], form["do"]
    if do not in STEPS.get(kind, (do,)) or (kind not in STEPS and do in IN_FLOWS):
        raise Refused(f"This page of the portal is not for that: {do}.")
    wanted = flow.get(kind) or {}
    id = wanted.get("subscription") or form.get("subscription", "")
    subscription = self_service.own(work, session["customer"], id)
    work = work.on_clock(subscription["test_clock"])
    if do == "cancel":
        said = {name: form[name] for name in ("comment", "feedback") if form.get(name)}
        self_service.canceled(work, features, id, said)
    elif do == "keep":
        self_service.kept(work, features, id)
    elif do == "pause":
        self_service.paused(work, features, id)
    elif do == "resume":
        self_service.resumed(work, features, id)
    elif do == "change":
        self_service.changed(work, features, subscription, _change(form))
    elif do == "confirm":
        [item] = wanted["items"]
        change = {**item, "discounts": _given(wanted["discounts"])}
        self_service.changed(work, features, subscription, change)
    elif do == "stay" and wanted["retention"] is not None:
        coupon = wanted["retention"]["coupon_offer"]["coupon"]
        params = {"discounts": [{"coupon": coupon}]}
        registry.need("subscription").update(work, {"id": id}, params)
    else:
        raise Refused(f"There is nothing in the portal that is called {do}.")


def _change(form: Form) -> Record:
    wanted: Record = {"price": form.get("price")}
    quantity = form.get("quantity")
    if quantity:
        if not quantity.isdecimal():
            raise Refused(f"The quantity is a whole number, and not {quantity}.")
        wanted["quantity"] = int(quantity)
    return wanted


def _given(discounts: list[Record] | None) -> list[Record]:
    named = discounts or ()
    return [{name: id for name, id in one.items() if id is not None} for one in named]


def _details(work: Work, session: Record, features: Record, form: Form) -> None:
    """Store the details of a customer."""
    self_service.check_enabled(features, "customer_update")
    allowed = features["customer_update"]["allowed_updates"]
    names = [name for name in ("name", "email", "phone") if name in allowed]
    told = {name: form[name] or None for name in names if name in form}
    registry.need("customer").update(work, {"customer": session["customer"]}, told)


def _methods(work: Work, session: Record, features: Record, form: Form) -> None:
    """Add a payment method, make one the default, or remove one."""
    self_service.check_enabled(features, "payment_method_update")
    customers, methods = registry.need("customer"), registry.need("payment_method")
    customer, default = {"customer": session["customer"]}, form.get("default")
    if "remove" in form:
        methods.detach(work, {"payment_method": _own(work, session, form["remove"])}, {})
        return
    if default is None:
        made = methods.add(work, methods.new(work, method_data(form)))
        methods.attach(work, {"payment_method": made["id"]}, customer)
        default = made["id"]
    settings = {"default_payment_method": _own(work, session, default)}
    customers.update(work, customer, {"invoice_settings": settings})


def _own(work: Work, session: Record, id: str) -> str:
    """Return the id of a payment method that is the customer's; raises `Refused`."""
    method = work.get("payment_methods", id)
    if method is None or method["customer"] != session["customer"]:
        raise Refused(f"{id} is no payment method of this customer.")
    return id
