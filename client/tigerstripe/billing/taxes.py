"""Automatic tax, from a small table: the usual rate of some places, and no more than that.

It is no tax advice, and no copy of Stripe Tax: products have no codes here, nobody is registered
anywhere, and places that are not in the table are not taxed.
"""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

COUNTRIES = {
    "AT": ("vat", 20.0), "AU": ("gst", 10.0), "BE": ("vat", 21.0), "CA": ("gst", 5.0),
    "CH": ("vat", 8.1), "DE": ("vat", 19.0), "DK": ("vat", 25.0), "ES": ("vat", 21.0),
    "FI": ("vat", 25.5), "FR": ("vat", 20.0), "GB": ("vat", 20.0), "IE": ("vat", 23.0),
    "IT": ("vat", 22.0), "JP": ("jct", 10.0), "NL": ("vat", 21.0), "NO": ("vat", 25.0),
    "NZ": ("gst", 15.0), "PL": ("vat", 23.0), "PT": ("vat", 23.0), "SE": ("vat", 25.0),
}  # fmt: skip
"""The tax of a country, and its usual rate in percent."""
STATES = {
    "CA": 7.25, "CO": 2.9, "FL": 6.0, "GA": 4.0, "IL": 6.25, "MA": 6.25, "NJ": 6.625, "NY": 4.0,
    "OH": 5.75, "PA": 6.0, "TX": 6.25, "VA": 5.3, "WA": 6.5,
}  # fmt: skip
"""The sales tax of states of the US, in percent, without that of counties and cities."""
NO_LOCATION = (
    "The customer's location isn't recognized. Set a valid customer address in order to "
    "automatically calculate tax."
)


def check(of: Record, customer: Record) -> None:
    """Raise `Refused` if taxes are to be reckoned, and nothing says where the customer is."""
    if of["automatic_tax"]["enabled"] and not (customer["address"] or {}).get("country"):
        raise Refused(NO_LOCATION, code="customer_tax_location_invalid", param="automatic_tax")


def rate_of(work: Work, address: Record | None, *, inclusive: bool) -> Record | None:
    """Return the tax rate of an address, which is made when it is first needed; None: no tax."""
    country = (address or {}).get("country")
    state = (address or {}).get("state") if country == "US" else None
    kind, percentage = COUNTRIES.get(country or "", ("sales_tax", STATES.get(state or "", 0.0)))
    if not percentage:
        return None
    place = f"{country}{state or ''}"
    id = f"txr_automatic{place}{'Inclusive' if inclusive else 'Exclusive'}"
    found = work.get("tax_rates", id)
    if found is not None:
        return found
    rate: Record = {
        "id": id,
        "object": "tax_rate",
        "active": False,
        "country": country,
        "created": work.now,
        "description": None,
        "display_name": "Sales Tax" if kind == "sales_tax" else kind.upper(),
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": inclusive,
        "jurisdiction": state or country,
        "jurisdiction_level": "state" if state else "country",
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": state,
        "tax_type": kind,
    }
    work.put("tax_rates", rate)
    return rate
