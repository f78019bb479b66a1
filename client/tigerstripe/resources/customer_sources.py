"""A customer's cards from before payment methods: `source`, and `default_source`."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Ids, Resource, private
from tigerstripe.payments import cards
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work


class CustomerSources(Resource):
    """Cards of customers, made of tokens."""

    object = "card"
    table = "cards"
    prefix = "card"
    name = "source"
    event: str | None = "customer.source"
    has_created = has_livemode = False
    parent: str | None = "customer"
    standard: frozenset[str] = Resource.standard | {"delete"}
    filters: Filters = {"object": lambda record, wanted: record["object"] == wanted}

    def prepared(self, work: Work, token: str, param: str) -> Record:
        """Return the fields of a card that a customer can have, and use its token up.

        Raises `Declined`, with nothing stored, if its bank refuses it.
        """
        named = cards.of_name(work, token)
        if named is not None:  # asked before its token is made
            cards.check_attach(named["number"])
        found = registry.need("token").unspent(work, token, param)
        number = private(found)["card"]["number"]
        cards.check_attach(number)
        work.put("tokens", {**found, "used": True})
        shown = {name: value for name, value in found["card"].items() if name != "object"}
        names = {
            "address_line1_check": "address_line1_check",
            "address_postal_code_check": "address_zip_check",
            "cvc_check": "cvc_check",
        }
        checks = cards.checked(number, {name: shown[field] for name, field in names.items()})
        shown.update({field: checks[name] for name, field in names.items()})
        return {**shown, PRIVATE: {"number": number}}

    def add_to(self, work: Work, customer: Record, fields: Record) -> Record:
        """Store a prepared card as a customer's."""
        return self.add(work, {**fields, "customer": customer["id"]})

    def as_method(self, work: Work, id: str) -> Record | None:
        """Return a card as a payment method, for a payment; None if there is none.

        It is stored under the card's id, which names a payment method too from then on.
        """
        card = work.get(self.table, id)
        if card is None:
            return None
        found = work.get("payment_methods", id)
        if found is None:
            found = cards.as_method(card, private(card)["number"])
            work.put("payment_methods", found)
        return found

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a customer have another card; the first is the default."""
        customers = registry.need("customer")
        customer = customers.named(work, {"customer": ids["customer"]})
        card = self.prepared(work, params["source"], "source")
        card["metadata"] = params.get("metadata")
        made = self.add_to(work, customer, card)
        default = customer["default_source"] or made["id"]
        customers.save(work, customer, {**customer, "default_source": default})
        work.touch("customers", customer["id"])
        return made

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a customer's cards."""
        registry.need("customer").named(work, {"customer": ids["customer"]})
        return super().list(work, ids, params)

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a card with other details."""
        for name in ("exp_month", "exp_year"):
            if params.get(name) is not None:
                params = {**params, name: int(params[name])}
        return {**old, **params}

    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take a card from its customer; another becomes the default."""
        card = self.named(work, ids)
        self.drop(work, card)
        customers = registry.need("customer")
        customer = work.get("customers", ids["customer"])
        if customer is not None and customer["default_source"] == card["id"]:
            left = work.find_by(self.table, "customer", customer["id"])
            default = left[0]["id"] if left else None
            customers.save(work, customer, {**customer, "default_source": default})
        return {"id": card["id"], "object": self.object, "deleted": True}


RESOURCE = CustomerSources()
