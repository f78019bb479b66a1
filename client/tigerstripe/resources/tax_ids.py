"""Tax ids, of customers or of the account itself."""

from __future__ import annotations

from tigerstripe.objects.resource import Filters, Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.resources.customers import RESOURCE as CUSTOMERS
from tigerstripe.work.unit import Work


class TaxIds(Resource):
    """Tax ids."""

    object = "tax_id"
    table = "tax_ids"
    prefix = "txi"
    name = "tax_id"
    event: str | None = "customer.tax_id"
    parent: str | None = "customer"
    has_metadata = False
    standard: frozenset[str] = frozenset(("create", "list", "retrieve", "delete"))
    filters: Filters = {"owner": lambda record, wanted: record["owner"]["type"] == wanted["type"]}

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a tax id of a customer, or of the account."""
        owner = params.get("owner") or {}
        customer = ids.get("customer") or owner.get("customer")
        if customer is not None and work.get(CUSTOMERS.table, customer) is None:
            in_path = "customer" in ids
            param = "customer" if in_path else "owner[customer]"
            raise CUSTOMERS.missing(customer, param, in_path=in_path)
        if customer is not None:
            work.touch(CUSTOMERS.table, customer)  # its deletion knows of this one
        return self.add(work, self.of_customer(work, customer, params))

    def of_customer(self, work: Work, customer: str | None, params: Params) -> Record:
        """Return the fields of a new tax id; without a customer it is the account's."""
        kind, value = params["type"], params["value"]
        return {
            "country": _country(kind, value),
            "customer": customer,
            "customer_account": None,
            "owner": {
                "account": None,
                "application": None,
                "customer": customer,
                "customer_account": None,
                "type": "customer" if customer else "self",
            },
            "type": kind,
            "value": value,
            "verification": {
                "status": "pending" if customer else "unavailable",
                "verified_address": None,
                "verified_name": None,
            },
        }

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a customer's tax ids, or of the account's own."""
        if "customer" in ids and work.get(CUSTOMERS.table, ids["customer"]) is None:
            raise CUSTOMERS.missing(ids["customer"], "customer", in_path=True)
        wanted = dict(params)
        if "customer" not in ids:
            wanted.setdefault("owner", {"type": "self"})
        return super().list(work, ids, wanted)


def _country(kind: str, value: str) -> str | None:
    """Return the country of a tax id: of a European one its first letters say it."""
    if kind == "eu_vat":
        return "GR" if value[:2].upper() == "EL" else value[:2].upper()
    return kind[:2].upper() if kind[2:3] == "_" else None


RESOURCE = TaxIds()
