"""The shipping options of a session; the first one counts until the buyer chooses another."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OPTIONS_MAX = 5


def shipping(work: Work, given: list[Params] | None, currency: str) -> Record:
    """Return the fields `shipping_options` and `shipping_cost`; makes rates that are described.

    Raises `Refused`.
    """
    if len(given or ()) > OPTIONS_MAX:
        raise errors.too_many("shipping_options", OPTIONS_MAX)
    options = []
    for place, wanted in enumerate(given or ()):
        at = f"shipping_options[{place}]"
        rate = _rate(work, wanted, at)
        options.append({
            "shipping_amount": _amount(rate, currency, at), "shipping_rate": rate["id"]
        })  # fmt: skip
    first = _cost(options[0]) if options else None
    return {"shipping_cost": first, "shipping_options": options}


def chosen(session: Record, rate: str) -> Record:
    """Return the field `shipping_cost` of the rate that a buyer chose; raises `Refused`."""
    for option in session["shipping_options"]:
        if option["shipping_rate"] == rate:
            return _cost(option)
    raise Refused(f"The shipping rate {rate} is none of this session's.", param="shipping_rate")


def _cost(option: Record) -> Record:
    return {
        "amount_subtotal": option["shipping_amount"],
        "amount_tax": 0,
        "amount_total": option["shipping_amount"],
        "shipping_rate": option["shipping_rate"],
    }


def _rate(work: Work, wanted: Params, at: str) -> Record:
    id, data = wanted.get("shipping_rate"), wanted.get("shipping_rate_data")
    if id is not None and data is not None:
        raise errors.one_may_be_given(f"{at}[shipping_rate]", f"{at}[shipping_rate_data]")
    rates: Any = registry.need("shipping_rate")
    if data is None:
        if id is None:
            raise errors.missing(f"{at}[shipping_rate]")
        rate: Record = rates.given(work, id, f"{at}[shipping_rate]")
        if not rate["active"]:
            raise Refused(f"The shipping rate {id} is not active.", param=f"{at}[shipping_rate]")
        return rate
    try:
        made: Record = rates.create(work, {}, data)
    except Refused as refused:
        raise errors.under(refused, f"{at}[shipping_rate_data]") from None
    return made


def _amount(rate: Record, currency: str, at: str) -> int:
    fixed = rate["fixed_amount"]
    if fixed["currency"] == currency:
        return int(fixed["amount"])
    option = fixed.get("currency_options", {}).get(currency)
    if option is None:
        raise Refused(
            f"The shipping rate {rate['id']} is in {fixed['currency']}, but the session is in "
            f"{currency}.",
            param=f"{at}[shipping_rate]",
        )
    return int(option["amount"])
