"""The customer of a session: known from the start, or created for its buyer."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work


def of(session: Record) -> str | None:
    """Return the id of a session's customer, also of one made for it; None: it has none."""
    found: str | None = session["customer"] or private(session).get("customer")
    return found


def given(work: Work, session: Record) -> Record:
    """Return the customer of a session that has one; raises `Refused` if it was deleted."""
    found: Record = registry.need("customer").given(work, str(of(session)), "customer")
    return found


def on_clock(work: Work, session: Record) -> Work:
    """Return a work by the clock of a session's customer."""
    customer = work.get("customers", of(session) or "")
    return work if customer is None else work.on_clock(customer["test_clock"])


def wants_invoice(session: Record) -> bool:
    """Tell whether a session is to have an invoice of its payment."""
    return bool((session["invoice_creation"] or {}).get("enabled"))


def known(work: Work, session: Record) -> Record:
    """Return a session with its customer, if it has one; the buyer may become a new one."""
    kept = private(session)
    id = of(session)
    details, shipping = session["customer_details"], shipping_of(session)
    if id is not None:
        _update(work, session, id)
        return session
    keeps = (kept.get("payment_intent_data") or {}).get("setup_future_usage")
    is_made = session["customer_creation"] == "always" or wants_invoice(session)
    if not is_made and not keeps:
        return session
    phone, address = details["phone"], details["address"]
    told = {"email": details["email"], "name": details["name"], "phone": phone}
    told["address"] = address if any(address.values()) else None
    told["shipping"] = shipping
    params = {name: value for name, value in told.items() if value is not None}
    made = registry.need("customer").create(work, {}, params)
    return {**session, PRIVATE: {**kept, "customer": made["id"]}}


def _update(work: Work, session: Record, id: str) -> None:
    """Update a customer with the buyer's details, if the session asks for that."""
    wanted = private(session).get("customer_update") or {}
    told = {
        "address": session["customer_details"]["address"],
        "name": session["customer_details"]["name"],
        "shipping": shipping_of(session),
    }
    changes = {name: told[name] for name, how in wanted.items() if how == "auto" and told[name]}
    if changes:
        registry.need("customer").update(work, {"customer": id}, changes)


def shipping_of(session: Record) -> Record | None:
    """Return where a session's goods go to, as its buyer told."""
    details: Record | None = session["collected_information"]["shipping_details"]
    return details
