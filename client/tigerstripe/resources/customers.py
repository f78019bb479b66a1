"""Customers."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing import discounts
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Inclusions, Resource, operation, private
from tigerstripe.payments import cash
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import PRIVATE, Work

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
DEFAULT = "invoice_settings[default_payment_method]"
SETTINGS = ("custom_fields", "default_payment_method", "footer", "rendering_options")
DISCOUNT = ("coupon", "promotion_code")
"""Parameters that versions before basil have."""
PRIVATE_NAMES = ("cash_balance", "tax")
"""Parameters that are kept, and shown only where they are asked for."""


class Customers(Resource):
    """Customers."""

    object = "customer"
    table = "customers"
    prefix = "cus"
    id_length = 14
    keeps_deleted = True
    standard: frozenset[str] = Resource.standard | {"delete", "search"}
    on_clocks: tuple[str, ...] = ("test_clock",)
    searchable: frozenset[str] = frozenset(("created", "email", "name", "phone"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new customer; its tax ids are made beside it."""
        _check(params)
        get = params.get
        fields: Record = {
            "address": _filled(get("address"), ADDRESS),
            "balance": 0,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": get("description"),
            "discount": None,
            "email": get("email"),
            "invoice_prefix": get("invoice_prefix") or letters(8).upper(),
            "invoice_settings": _filled(get("invoice_settings") or {}, SETTINGS),
            "metadata": get("metadata"),
            "name": get("name"),
            "next_invoice_sequence": get("next_invoice_sequence") or 1,
            "phone": get("phone"),
            "preferred_locales": get("preferred_locales") or [],
            "shipping": _shipping(get("shipping")),
            "tax_exempt": get("tax_exempt") or "none",
            "test_clock": get("test_clock"),
        }
        for name in ("business_name", "individual_name"):
            if name in params:
                fields[name] = params[name]
        if any(map(get, PRIVATE_NAMES)):
            fields[PRIVATE] = _kept({}, params)
        return fields

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a customer, with their payment method, their balance and their tax ids.

        What they pay with comes first: a card that is declined leaves nothing behind.
        """
        fields = self.new(work, params)
        if params.get("test_clock") is not None:
            clocks = registry.need("test_helpers.test_clock")
            clock = clocks.given(work, params["test_clock"], "test_clock")
            work.touch(clocks.table, clock["id"])  # its deletion knows of this customer
            work = work.on_clock(clock["id"])
        method, source = self._paying(work, fields, params)
        if any(map(params.get, ("balance", "tax_id_data", *DISCOUNT))):
            fields["id"] = f"{self.prefix}_{letters(self.id_length)}"
            _make_beside(work, fields, params.get("balance") or 0, params.get("tax_id_data") or ())
        if any(map(params.get, DISCOUNT)):
            fields["discount"] = discounts.of_customer(work, fields["id"], params)
        customer = self.add(work, fields)
        if customer["discount"] is not None:
            work.tell("customer.discount.created", customer["discount"])
        if method is not None:
            registry.need("payment_method").attach_to(work, method, customer["id"])
        if source is not None:
            registry.need("card").add_to(work, customer, source)
        return customer

    def _paying(
        self, work: Work, fields: Record, params: Params
    ) -> tuple[Record | None, Record | None]:
        """Return the payment method and the card of a new customer, neither stored yet."""
        method = source = None
        if params.get("payment_method") is not None:
            methods, id = registry.need("payment_method"), params["payment_method"]
            named = methods.of_test_card(work, id)
            method = methods.attachable(work, named or methods.given(work, id, "payment_method"))
        self._check_default(work, fields, params, method)
        if params.get("source") is not None:
            source = registry.need("card").prepared(work, params["source"], "source")
            fields["default_source"] = source["id"]
        return method, source

    def _check_default(
        self, work: Work, customer: Record, params: Params, method: Record | None = None
    ) -> None:
        """Put the id of the default that is wanted into a customer; raises `Refused` if not theirs.

        `method` is the payment method attached in the same request, by its id or a test card's
        name.
        """
        wanted = (params.get("invoice_settings") or {}).get("default_payment_method")
        if wanted is None:
            return
        if method is not None and wanted in (params["payment_method"], method["id"]):
            found = method["id"]
        else:
            there = registry.need("payment_method").given(work, wanted, DEFAULT)
            if there["customer"] is None or there["customer"] != customer.get("id"):
                raise Refused(
                    f"The customer does not have a payment method with the ID {wanted}. The "
                    f"payment method must be attached to the customer.",
                    code="resource_missing",
                    param=DEFAULT,
                )
            found = there["id"]
        settings = customer["invoice_settings"]
        customer["invoice_settings"] = {**settings, "default_payment_method": found}

    def forget_default(self, work: Work, id: str, method: str) -> None:
        """Let a payment method that was detached be no customer's default."""
        customer = work.get(self.table, id)
        if customer is None:
            return
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == method:
            settings = {**settings, "default_payment_method": None}
            work = work.on_clock(customer["test_clock"])
            self.save(work, customer, {**customer, "invoice_settings": settings})

    def currency_of(self, work: Work, customer: Record) -> str:
        """Return the default currency of a customer's items: the customer's, or the account's.

        The account's own is not known here: it is taken to be that of its newest price.
        """
        if customer["currency"] is not None:
            return str(customer["currency"])
        newest = work.scope.table("prices").list(limit=1).data
        return str(newest[0]["currency"]) if newest else "usd"

    def bill_in(self, work: Work, customer: Record, currency: str) -> Record:
        """Return a customer that is billed in a currency from now on, if there was none before.

        As recorded: what waits for the first invoice decides it.
        """
        if customer["currency"] is not None:
            return customer
        return self.save(work, customer, {**customer, "currency": currency})

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a customer with other fields."""
        _check(params)
        own = ("balance", "source", "validate", *DISCOUNT, *PRIVATE_NAMES)
        changes = {name: value for name, value in params.items() if name not in own}
        if "address" in changes:
            changes["address"] = _filled(changes["address"], ADDRESS)
        if "shipping" in changes:
            changes["shipping"] = _shipping(changes["shipping"])
        if "invoice_settings" in changes:
            given = changes["invoice_settings"] or {}
            changes["invoice_settings"] = {**old["invoice_settings"], **given}
        if "preferred_locales" in changes:
            changes["preferred_locales"] = changes["preferred_locales"] or []
        if "tax_exempt" in changes:
            changes["tax_exempt"] = changes["tax_exempt"] or "none"
        new = {**old, **changes}
        self._check_default(work, new, params)
        if any(map(params.get, PRIVATE_NAMES)):
            new[PRIVATE] = _kept(private(old), params)
        if params.get("default_source") is not None:
            card = work.get("cards", params["default_source"])
            if card is None or card["customer"] != old["id"]:
                raise errors.no_such("source", params["default_source"], "default_source")
        if any(name in params for name in DISCOUNT):
            new["discount"] = self._discounted(work, old, params)
        if params.get("source") is not None:
            new["default_source"] = self._replaced_source(work, old, params["source"])
        if params.get("balance") is not None and params["balance"] != old["balance"]:
            amount = params["balance"] - old["balance"]
            made = registry.need("customer_balance_transaction").adjust(
                work, old, amount, "adjustment"
            )
            new["balance"] = made["ending_balance"]
        return new

    def _discounted(self, work: Work, customer: Record, params: Params) -> Record | None:
        """Return the discount that a customer has from now on, and tell of it."""
        old = customer["discount"]
        if any(map(params.get, DISCOUNT)):
            new = discounts.of_customer(work, customer["id"], params)
            previous = previous_attributes(old, new) if old else None
            work.tell(f"customer.discount.{'updated' if old else 'created'}", new, previous)
            return new
        if old is not None:
            work.tell("customer.discount.deleted", old)
        return None

    def _replaced_source(self, work: Work, customer: Record, token: str) -> str:
        """Let a card that a token stands for take the place of the default; return its id."""
        cards = registry.need("card")
        made = cards.add_to(work, customer, cards.prepared(work, token, "source"))
        old = work.get("cards", customer["default_source"] or "")
        if old is not None:
            cards.drop(work, old)
        return str(made["id"])

    def drop(self, work: Work, record: Record) -> None:
        """Remove a customer, and the objects of theirs alone; payment methods are detached.

        Their subscriptions and schedules end, and nobody asks for the money of their invoices any
        more.
        """
        subscriptions = registry.need("subscription")
        for found in work.find_by(subscriptions.table, "customer", record["id"]):
            subscriptions.end_with_customer(work, found["id"])
        schedules = registry.need("subscription_schedule")
        for found in work.find_by(schedules.table, "customer", record["id"]):
            on_clock = work.on_clock(record["test_clock"])
            schedules.end_with(on_clock, found["id"], is_unpaid=False)
        registry.need("invoice").stop_all(work, record["id"])
        for table in ("tax_ids", "cards"):
            for owned in work.find_by(table, "customer", record["id"]):
                work.delete(table, owned["id"])
        methods = registry.need("payment_method")
        for method in work.find_by(methods.table, "customer", record["id"]):
            methods.let_go(work, work.get(methods.table, method["id"]) or method)
        super().drop(work, record)

    @operation("GET /v1/customers/{customer}/cash_balance")
    def cash_balance(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the cash balance of a customer, with its settings."""
        return self.cash_of(work, self.named(work, ids))

    def cash_of(self, work: Work, customer: Record) -> Record:
        """Return the cash balance of a customer."""
        return self._cash_balance(work, customer, private(customer))

    @operation("POST /v1/customers/{customer}/cash_balance")
    def update_cash_balance(self, work: Work, ids: Ids, params: Params) -> Record:
        """Say how a customer's cash is used."""
        customer = self.named(work, ids)
        kept = _kept(private(customer), {"cash_balance": params})
        self.save(work, customer, {**customer, PRIVATE: kept})
        return self._cash_balance(work, customer, kept)

    @operation("DELETE /v1/customers/{customer}/discount")
    def delete_discount(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take a customer's discount away."""
        customer = work.get(self.table, ids["customer"])
        if customer is None:
            raise self.missing(ids["customer"], "customer", in_path=True)
        discount = customer["discount"]
        if discount is None:
            message = f"No active discount for customer: {customer['id']}"
            raise Refused(message, status=404, code="resource_missing")
        self.save(work, customer, {**customer, "discount": None})
        work.tell("customer.discount.deleted", discount)
        return {**discount, "deleted": True}

    # --- What is only there when it is expanded ---

    def _tax(self, work: Work, record: Record, kept: Record) -> Record:
        return {
            "automatic_tax": "unrecognized_location",
            "ip_address": kept.get("ip_address"),
            "location": None,
            "provider": "stripe",
        }

    def _cash_balance(self, work: Work, record: Record, kept: Record) -> Record:
        mode = kept.get("reconciliation_mode") or "merchant_default"
        is_default = mode == "merchant_default"
        return {
            "object": "cash_balance",
            "available": cash.balances(work, record["id"]) or None,
            "customer": record["id"],
            "customer_account": None,
            "livemode": False,
            "settings": {
                "reconciliation_mode": "automatic" if is_default else mode,
                "using_merchant_default": is_default,
            },
        }

    def _sources(self, work: Work, record: Record, kept: Record) -> Record:
        return _inner("sources", record, work.find_by("cards", "customer", record["id"]))

    def _tax_ids(self, work: Work, record: Record, kept: Record) -> Record:
        return _inner("tax_ids", record, work.find_by("tax_ids", "customer", record["id"]))

    def _subscriptions(self, work: Work, record: Record, kept: Record) -> Record:
        subscriptions = registry.need("subscription")
        found = work.find_by(subscriptions.table, "customer", record["id"])
        data = [subscriptions.view(work, one) for one in found if one["status"] != "canceled"]
        return _inner("subscriptions", record, data)

    included: Inclusions = {
        "cash_balance": _cash_balance,
        "invoice_credit_balance": lambda resource, work, record, kept: {},
        "sources": _sources,
        "subscriptions": _subscriptions,
        "tax": _tax,
        "tax_ids": _tax_ids,
    }


def _check(params: Params) -> None:
    """Raise `Refused` for an invalid e-mail address, and for shipping without a name."""
    errors.check_email(params.get("email"), "email")
    shipping = params.get("shipping")
    if shipping is not None and not shipping.get("name"):
        raise errors.missing("shipping[name]")


def _filled(given: Params | None, names: tuple[str, ...]) -> Record | None:
    """Return a dict with all of the names, None for those that were not given."""
    return None if given is None else {name: given.get(name) for name in names}


def _kept(kept: Record, params: Params) -> Record:
    """Return the private part of a customer as the parameters change it."""
    kept = dict(kept)
    if params.get("tax"):
        kept["ip_address"] = params["tax"].get("ip_address")
    settings = (params.get("cash_balance") or {}).get("settings") or {}
    if "reconciliation_mode" in settings:
        kept["reconciliation_mode"] = settings["reconciliation_mode"]
    return kept


def _shipping(given: Params | None) -> Record | None:
    if given is None:
        return None
    address = _filled(given.get("address") or {}, ADDRESS)
    return {"address": address, "name": given.get("name"), "phone": given.get("phone")}


def _inner(name: str, customer: Record, data: list[Record]) -> Record:
    """Return a list that stands in a customer."""
    return {
        **listing.listed(data, False),
        "total_count": len(data),
        "url": f"/v1/customers/{customer['id']}/{name}",
    }


def _make_beside(work: Work, customer: Record, balance: int, tax_ids: Any) -> None:
    if balance:
        made = registry.need("customer_balance_transaction").adjust(
            work, customer, balance, "adjustment"
        )
        customer["balance"] = made["ending_balance"]
    if tax_ids:
        resource = registry.need("tax_id")
        for tax_id in tax_ids:
            resource.add(work, resource.of_customer(work, customer["id"], tax_id))


RESOURCE = Customers()
