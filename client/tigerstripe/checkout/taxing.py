"""The taxes of a session: its tax rates, or automatic tax by where its buyer is.

A known customer is where their record says, unless the session lets the buyer change that.
"""

from __future__ import annotations

from tigerstripe.billing import taxes
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

NO_PLACE = (
    "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid "
    "address to the Customer or set either `customer_update[address]` to 'auto' or "
    "`customer_update[shipping]` to 'auto' to save the address entered in Checkout to the Customer."
)


def named_rates(work: Work, ids: list[str] | None, param: str) -> list[str]:
    """Return the ids of tax rates, each once; raises `Refused` for one that is not there."""
    registry.need("tax_rate").all_given(work, ids, param)
    return list(dict.fromkeys(ids or ()))


def is_on(session: Record) -> bool:
    """Tell whether a session's taxes are reckoned by themselves."""
    return bool(session["automatic_tax"]["enabled"]) and session["mode"] != "setup"


def fields(is_on: bool) -> Record:
    """Return the fields of a new session about automatic tax."""
    return {
        "enabled": is_on,
        "liability": {"type": "self"} if is_on else None,
        "provider": "stripe" if is_on else None,
        "status": "requires_location_inputs" if is_on else None,
    }


def check(params: Params, customer: Record | None) -> None:
    """Raise `Refused` where automatic tax cannot be reckoned, or rates are given beside it."""
    if not (params.get("automatic_tax") or {}).get("enabled"):
        return
    data = params.get("subscription_data") or {}
    given = [item.get("tax_rates") for item in params.get("line_items") or ()]
    if any(given) or data.get("default_tax_rates"):
        raise Refused(
            "Tax rates cannot be given where `automatic_tax` is enabled.", param="automatic_tax"
        )
    update = params.get("customer_update") or {}
    is_asked = "auto" in (update.get("address"), update.get("shipping"))
    if customer is not None and not is_asked and not _has_country(customer["address"]):
        raise Refused(NO_PLACE, code="customer_tax_location_invalid")


def place(work: Work, session: Record) -> Record | None:
    """Return the address by which a session is taxed; None: it is not known yet."""
    told = (session["customer_details"] or {}).get("address")
    customer = work.get("customers", session["customer"] or "")
    wanted = private(session).get("customer_update") or {}
    is_changed = wanted.get("address") == "auto" and _has_country(told)
    address = told if customer is None or is_changed else customer["address"]
    return address if _has_country(address) else None


def rates(work: Work, session: Record, item: Record) -> list[Record]:
    """Return the tax rate of an item, if its buyer's place has one."""
    price = registry.need("price").given(work, item["price"], "price")
    is_within = price["tax_behavior"] == "inclusive"
    rate = taxes.rate_of(work, place(work, session), inclusive=is_within)
    return [] if rate is None else [rate]


def stated(work: Work, session: Record) -> Record:
    """Return the fields of a session about automatic tax, after it was calculated."""
    if not is_on(session):
        found: Record = session["automatic_tax"]
        return found
    is_known = place(work, session) is not None
    status = "complete" if is_known else "requires_location_inputs"
    return {**session["automatic_tax"], "status": status}


def _has_country(address: Record | None) -> bool:
    return bool((address or {}).get("country"))
