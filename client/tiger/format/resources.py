"""The 45 tables of a fake Stripe account, declared; no table has code of its own.

A table's number is its place in `RESOURCES`, counted from 1, and part of the shared-memory
format: new rows go to the end. Number 0 is the table of definitions made by `Store.define`,
whose records number theirs from `layout.FIRST_DEFINED`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tiger.errors import InvalidRecord, InvalidRequest
from tiger.format.layout import INDEXES_MAX
from tiger.format.record import encode_name, new_id

Values = tuple[Any, ...]


class Active(NamedTuple):
    """Which records of a table are active: those whose field has one of these values."""

    field: str
    values: Values


class Resource(NamedTuple):
    """One table: its names, the path of its list, and the fields that it is searched by."""

    table: str
    object: str
    prefix: str | None
    url: str | None
    find_by: tuple[str, ...] = ()
    active: Active | None = None
    number: int = 0

    @property
    def indexes(self) -> tuple[str, ...]:
        """The fields whose values have lists of their own, in the order of their numbers."""
        if self.active is None or self.active.field in self.find_by:
            return self.find_by
        return (*self.find_by, self.active.field)


CALLS = {
    "find_scheduled": "subscription_schedules",
    "find_active_by_code": "promotion_codes",
    "delete_by_subscription": "subscription_items",
    "get_all": "webhook_deliveries",
    "get_by_type": "webhook_deliveries",
    "all": "invoices",
}
"""Calls that only one table has."""


def _rows() -> tuple[Resource, ...]:
    true: Values = (True,)
    rows = (
        Resource("accounts", "account", "acct", "/v1/accounts"),
        Resource("application_fee_refunds", "fee_refund", "fr", "/v1/application_fees", ("fee",)),
        Resource("application_fees", "application_fee", "fee", "/v1/application_fees", ("charge",)),
        Resource(
            "balance_transactions",
            "balance_transaction",
            "txn",
            "/v1/balance_transactions",
            ("source",),
        ),
        Resource("bank_accounts", "bank_account", "ba", "/v1/bank_accounts", ("customer",)),
        Resource(
            "billing_portal_configurations",
            "billing_portal.configuration",
            "bpc",
            "/v1/billing_portal/configurations",
        ),
        Resource(
            "billing_portal_sessions",
            "billing_portal.session",
            "bps",
            "/v1/billing_portal/sessions",
        ),
        Resource("cards", "card", "card", "/v1/cards", ("customer",)),
        Resource("charges", "charge", "ch", "/v1/charges", ("customer", "payment_intent")),
        Resource(
            "checkout_sessions", "checkout.session", "cs", "/v1/checkout/sessions", ("customer",)
        ),
        Resource("confirmation_tokens", "confirmation_token", "ctoken", "/v1/confirmation_tokens"),
        Resource("coupons", "coupon", "coupon", "/v1/coupons", (), Active("valid", true)),
        Resource("credit_notes", "credit_note", "cn", "/v1/credit_notes", ("invoice",)),
        Resource(
            "customer_balance_transactions",
            "customer_balance_transaction",
            "cbtxn",
            "/v1/customer_balance_transactions",
            ("customer",),
        ),
        Resource("customers", "customer", "cus", "/v1/customers", ("email",)),
        Resource("disputes", "dispute", "dp", "/v1/disputes", ("charge", "status")),
        Resource("events", "event", "evt", "/v1/events", ("type",)),
        Resource("invoice_items", "invoiceitem", "ii", "/v1/invoiceitems", ("invoice", "customer")),
        Resource(
            "invoices", "invoice", "in", "/v1/invoices", ("customer", "subscription", "status")
        ),
        Resource("mandates", "mandate", "mandate", "/v1/mandates"),
        Resource(
            "payment_intents", "payment_intent", "pi", "/v1/payment_intents", ("customer", "status")
        ),
        Resource("payment_links", "payment_link", "plink", "/v1/payment_links"),
        Resource(
            "payment_method_configurations",
            "payment_method_configuration",
            "pmc",
            "/v1/payment_method_configurations",
        ),
        Resource(
            "payment_method_domains", "payment_method_domain", "pmd", "/v1/payment_method_domains"
        ),
        Resource("payment_methods", "payment_method", "pm", "/v1/payment_methods", ("customer",)),
        Resource("payouts", "payout", "po", "/v1/payouts", ("status",)),
        Resource("plans", "plan", "plan", "/v1/plans", ("product",), Active("active", true)),
        Resource("prices", "price", "price", "/v1/prices", ("product",), Active("active", true)),
        Resource("products", "product", "prod", "/v1/products", (), Active("active", true)),
        Resource(
            "promotion_codes",
            "promotion_code",
            "promo",
            "/v1/promotion_codes",
            ("code",),
            Active("active", true),
        ),
        Resource("refunds", "refund", "re", "/v1/refunds", ("charge",)),
        Resource("reviews", "review", "prv", "/v1/reviews", ("payment_intent",)),
        Resource(
            "setup_attempts", "setup_attempt", "setatt", "/v1/setup_attempts", ("setup_intent",)
        ),
        Resource("setup_intents", "setup_intent", "seti", "/v1/setup_intents", ("customer",)),
        Resource("sources", "source", "src", "/v1/sources", ("customer",)),
        Resource(
            "subscription_items",
            "subscription_item",
            "si",
            "/v1/subscription_items",
            ("subscription",),
        ),
        Resource(
            "subscription_schedules",
            "subscription_schedule",
            "sub_sched",
            "/v1/subscription_schedules",
            ("customer", "status"),
            Active("status", ("not_started", "active")),
        ),
        Resource(
            "subscriptions",
            "subscription",
            "sub",
            "/v1/subscriptions",
            ("customer",),
            Active("status", ("active",)),
        ),
        Resource("tax_rates", "tax_rate", "txr", "/v1/tax_rates", (), Active("active", true)),
        Resource("tokens", "token", "tok", "/v1/tokens"),
        Resource("topups", "topup", "tu", "/v1/topups", ("status",)),
        Resource("transfer_reversals", "transfer_reversal", "trr", "/v1/transfers", ("transfer",)),
        Resource("transfers", "transfer", "tr", "/v1/transfers", ("destination",)),
        Resource(
            "webhook_deliveries",
            "webhook_delivery",
            "whd",
            "/v1/webhook_deliveries",
            ("event_type",),
        ),
        Resource(
            "webhooks",
            "webhook_endpoint",
            "we",
            "/v1/webhook_endpoints",
            (),
            Active("status", ("enabled",)),
        ),
    )
    return tuple(
        Resource(r.table, r.object, r.prefix, r.url, r.find_by, r.active, number)
        for number, r in enumerate(rows, 1)
    )


RESOURCES = _rows()
ALIASES = {"webhook_endpoints": "webhooks"}
"""Other names of tables: Stripe calls the records webhook endpoints."""
BY_NAME = {resource.table: resource for resource in RESOURCES}
BY_NAME |= {alias: BY_NAME[table] for alias, table in ALIASES.items()}

DEFINITIONS = Resource("tigerd_definitions", "tigerd.definition", None, None)
"""Table number 0: one record for each table that users defined, its id the table's name."""
DEFINITIONS_NAMESPACE = "tigerd"
TAKEN = frozenset((
    "assert_changes", "batch", "begin_fork", "changes", "clear_namespace", "close", "commit",
    "count", "current_namespace", "define", "directory", "environment", "follow", "fork",
    "instance", "is_account", "left_out", "mark", "namespace", "namespaces", "ping", "rollback",
    "sandbox", "savepoint", "snapshot", "table", "tables", "watch",
))  # fmt: skip
"""Names of attributes of stores, snapshots and batches, which would hide a table."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def definition_record(name: object, prefix: object, url: object, indexes: object) -> dict[str, Any]:
    """Return the record that `Store.define` keeps, or raise `InvalidRecord`, naming the fault."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidRecord(
            f"table name {name!r}: use 1 to 63 small letters, digits and _, a letter first"
        )
    if name in BY_NAME or name == DEFINITIONS.table:
        raise InvalidRequest(f"table {name!r} is built in; choose another name")
    if name in TAKEN:
        raise InvalidRequest(
            f"table {name!r} would be hidden by the store's own `store.{name}`: choose another "
            f"name, as {name + '_records'!r}"
        )
    for what, value in (("prefix", prefix), ("url", url)):
        if value is not None and (not isinstance(value, str) or not value):
            raise InvalidRecord(f"{what} {value!r} of table {name!r}: use a string or None")
    if isinstance(prefix, str):  # else each record that is to get an id would be refused
        encode_name(new_id(prefix), f"prefix of table {name!r}: its id")
    if isinstance(indexes, str) or not isinstance(indexes, (list, tuple)):
        raise InvalidRecord(f"indexes {indexes!r} of table {name!r}: use a sequence of field names")
    fields = list(indexes)
    if any(not isinstance(field, str) or not field for field in fields):
        raise InvalidRecord(f"indexes {fields!r} of table {name!r}: field names are strings")
    if len(set(fields)) != len(fields) or len(fields) > INDEXES_MAX:
        raise InvalidRecord(
            f"indexes {fields!r} of table {name!r}: at most {INDEXES_MAX}, each named once"
        )
    return {"id": name, "prefix": prefix, "url": url, "indexes": fields}


def defined_resource(record: dict[str, Any]) -> Resource:
    """Return the table that a record of the definitions describes."""
    return Resource(
        record["id"],
        record["id"],
        record["prefix"],
        record["url"],
        tuple(record["indexes"]),
        None,
        record["number"],
    )
