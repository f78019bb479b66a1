"""Funding instructions: where a customer sends money, the same each time."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient, operation
from tigerstripe.payments import cash
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

COUNTRIES = {
    "gb_bank_transfer": "GB",
    "jp_bank_transfer": "JP",
    "mx_bank_transfer": "MX",
    "us_bank_transfer": "US",
}
"""Where the bank is, by type of transfer; in Europe the request says it."""
OF_EU = "eu_bank_transfer"
EU = ("BE", "DE", "ES", "FR", "IE", "NL")
PATH = "/v1/customers/{customer}/funding_instructions"


class FundingInstructions(Transient):
    """Funding instructions; nothing is stored of them."""

    object = "funding_instructions"
    standard: frozenset[str] = frozenset()

    @operation(f"POST {PATH}")
    def read(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return where a customer sends money of a currency to."""
        registry.need("customer").named(work, ids)
        currency, asked = money.currency(params["currency"]), params["bank_transfer"]
        kind = cash.transfer_of(currency)
        if asked["type"] != kind:
            raise Refused(
                f"Money in {currency} is sent by {kind}, not by {asked['type']}.",
                param="bank_transfer[type]",
            )
        wanted = asked.get("requested_address_types")
        found = [one for one in cash.addresses(kind) if not wanted or one["type"] in wanted]
        if not found:
            raise Refused(
                f"A {kind} has none of the addresses {', '.join(wanted)}.",
                param="bank_transfer[requested_address_types]",
            )
        return {
            "object": self.object,
            "bank_transfer": {
                "country": COUNTRIES.get(kind) or _country(asked),
                "financial_addresses": found,
                "type": kind,
            },
            "currency": currency,
            "funding_type": params["funding_type"],
            "livemode": False,
        }


def _country(asked: Params) -> str:
    """Return the country of a European bank; raises `Refused`, as for one of another part."""
    given = asked.get(OF_EU)
    if given is None:
        raise errors.missing(f"bank_transfer[{OF_EU}]")
    country = str(given["country"])
    if country not in EU:
        raise errors.not_one_of(f"bank_transfer[{OF_EU}][country]", EU)
    return country


RESOURCE = FundingInstructions()
