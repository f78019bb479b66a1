"""The registry: which resource implements an operation. A new resource is declared here.

The module of a resource is imported when it is first needed, because a process uses few of them.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tigerstripe.facts.table import facts

if TYPE_CHECKING:
    from tigerstripe.objects.resource import Handler, Resource

MODULES: dict[str, str] = {
    "account": "accounts",
    "account_link": "account_links",
    "account_session": "account_sessions",
    "application_fee": "application_fees",
    "balance": "balance",
    "balance_settings": "balance_settings",
    "balance_transaction": "balance_transactions",
    "bank_account": "external_accounts",
    "billing.credit_balance_transaction": "credit_transactions",
    "billing.credit_grant": "credit_grants",
    "billing.meter": "meters",
    "billing.meter_event": "meter_events",
    "billing.meter_event_adjustment": "meter_adjustments",
    "billing_portal.configuration": "portal_configurations",
    "billing_portal.session": "portal_sessions",
    "capability": "capabilities",
    "card": "customer_sources",
    "charge": "charges",
    "checkout.session": "checkout_sessions",
    "confirmation_token": "confirmation_tokens",
    "coupon": "coupons",
    "credit_note": "credit_notes",
    "customer": "customers",
    "customer_balance_transaction": "customer_balance_transactions",
    "customer_cash_balance_transaction": "cash_transactions",
    "customer_session": "customer_sessions",
    "discount": "discounts",
    "dispute": "disputes",
    "ephemeral_key": "ephemeral_keys",
    "event": "events",
    "fee_refund": "fee_refunds",
    "funding_instructions": "funding_instructions",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "invoiceitem": "invoice_items",
    "item": "checkout_items",
    "line_item": "invoice_lines",
    "login_link": "login_links",
    "mandate": "mandates",
    "payment_intent": "payment_intents",
    "payment_link": "payment_links",
    "payment_method": "payment_methods",
    "payment_page": "payment_pages",
    "payout": "payouts",
    "person": "persons",
    "plan": "plans",
    "price": "prices",
    "product": "products",
    "promotion_code": "promotion_codes",
    "quote": "quotes",
    "radar.early_fraud_warning": "early_fraud_warnings",
    "refund": "refunds",
    "review": "reviews",
    "setup_attempt": "setup_attempts",
    "setup_intent": "setup_intents",
    "shipping_rate": "shipping_rates",
    "subscription": "subscriptions",
    "subscription_item": "subscription_items",
    "subscription_schedule": "subscription_schedules",
    "tax_id": "tax_ids",
    "tax_rate": "tax_rates",
    "test_helpers.test_clock": "test_clocks",
    "token": "tokens",
    "topup": "topups",
    "transfer": "transfers",
    "transfer_reversal": "transfer_reversals",
    "webhook_endpoint": "webhook_endpoints",
    "v2.billing.meter_event": "meter_stream",
}
"""The module, in `tigerstripe.resources`, of each kind of object; it has `RESOURCE`."""

PATHS: dict[str, str] = {f"/v1/{module}": kind for kind, module in MODULES.items()} | {
    "/v1/account": "account",
    "/v1/accounts/{account}/capabilities": "capability",
    "/v1/accounts/{account}/external_accounts": "bank_account",
    "/v1/accounts/{account}/login_links": "login_link",
    "/v1/accounts/{account}/persons": "person",
    "/v1/application_fees/{fee}/refunds": "fee_refund",
    "/v1/application_fees/{id}/refunds": "fee_refund",
    "/v1/billing/credit_balance_summary": "billing.credit_balance_transaction",
    "/v1/billing/credit_balance_transactions": "billing.credit_balance_transaction",
    "/v1/billing/credit_grants": "billing.credit_grant",
    "/v1/billing/meter_event_adjustments": "billing.meter_event_adjustment",
    "/v1/billing/meter_events": "billing.meter_event",
    "/v1/billing/meters": "billing.meter",
    "/v1/billing_portal/configurations": "billing_portal.configuration",
    "/v1/billing_portal/sessions": "billing_portal.session",
    "/v1/checkout/sessions": "checkout.session",
    "/v1/customers/{customer}/balance_transactions": "customer_balance_transaction",
    "/v1/customers/{customer}/cash_balance_transactions": "customer_cash_balance_transaction",
    "/v1/customers/{customer}/funding_instructions": "funding_instructions",
    "/v1/customers/{customer}/payment_methods": "payment_method",
    "/v1/customers/{customer}/sources": "card",
    "/v1/customers/{customer}/tax_ids": "tax_id",
    "/v1/invoiceitems": "invoiceitem",
    "/v1/invoices/{invoice}/add_lines": "line_item",
    "/v1/invoices/{invoice}/lines": "line_item",
    "/v1/invoices/{invoice}/remove_lines": "line_item",
    "/v1/invoices/{invoice}/update_lines": "line_item",
    "/v1/radar/early_fraud_warnings": "radar.early_fraud_warning",
    "/v1/test_helpers/confirmation_tokens": "confirmation_token",
    "/v1/test_helpers/customers": "customer_cash_balance_transaction",
    "/v1/test_helpers/refunds": "refund",
    "/v1/test_helpers/test_clocks": "test_helpers.test_clock",
    "/v1/transfers/{id}/reversals": "transfer_reversal",
    "/v1/transfers/{transfer}/reversals": "transfer_reversal",
    "/v2/billing/meter_event_adjustments": "v2.billing.meter_event",
    "/v2/billing/meter_event_session": "v2.billing.meter_event",
    "/v2/billing/meter_event_stream": "v2.billing.meter_event",
    "/v2/billing/meter_events": "v2.billing.meter_event",
}
"""The object whose resource has the operations below a path; the longest path that fits counts.

By default the path is that of the module's name; the others are listed.
"""

STANDARD = {
    ("POST", ""): "create",
    ("GET", ""): "list",
    ("GET", "/search"): "search",
    ("GET", "/{}"): "retrieve",
    ("POST", "/{}"): "update",
    ("DELETE", "/{}"): "delete",
}
"""The methods of `Resource` for the standard operations, by method and end of the path."""


@lru_cache(maxsize=256)
def resource(name: str) -> Resource | None:
    """Return the resource of an `object`, or None if it is not implemented."""
    module = MODULES.get(name)
    if module is None:
        return None
    found: Resource = importlib.import_module(f"tigerstripe.resources.{module}").RESOURCE
    return found


def need(name: str) -> Any:
    """Return the resource of an `object` that is implemented, for code beneath or beside it."""
    found = resource(name)
    assert found is not None, name
    return found


@lru_cache(maxsize=1024)
def handler(operation: str) -> Handler | None:
    """Return the method that does an operation, or None if it is not implemented."""
    method, _, path = operation.partition(" ")
    fits = [base for base in PATHS if path == base or path.startswith(base + "/")]
    if not fits:
        return None
    base = max(fits, key=len)
    found = need(PATHS[base])
    for name in dir(type(found)):
        if operation in getattr(getattr(type(found), name), "operations", ()):
            own: Handler = getattr(found, name)
            return own
    end = path[len(base) :]
    end = "/{}" if end.startswith("/{") and end.endswith("}") and end.count("/") == 1 else end
    standard = STANDARD.get((method, end))
    if standard is None or standard not in found.standard:
        return None
    made: Handler = getattr(found, standard)
    return made


def owner(handler: Handler) -> Resource:
    """Return the resource of a method that does an operation."""
    found: Resource = handler.__self__  # type: ignore[attr-defined]
    return found


def built() -> list[str]:
    """Return the operations that are implemented."""
    return [operation for operation in facts().operations if handler(operation) is not None]
