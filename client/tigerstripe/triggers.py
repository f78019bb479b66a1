"""What leads to an event: requests as an application makes them, for `tigerd stripe trigger`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from tiger import TigerError
from tigerstripe.messages import Request

if TYPE_CHECKING:
    from tigerstripe.account import Account

Record = dict[str, Any]


class Step(NamedTuple):
    """One request; `{name}` in its path or values is the id that an earlier step's answer has."""

    operation: str
    params: dict[str, str]
    name: str = ""
    version: str | None = None
    """An older version of the API, for what later ones no longer take."""


OLD = "2024-06-20"

CUSTOMER = Step("POST /v1/customers", {"email": "jane@example.com", "name": "Jane"}, "customer")
PRODUCT = Step("POST /v1/products", {"name": "Mug"}, "product")
_MONEY = {"product": "{product}", "currency": "usd"}
PRICE = Step("POST /v1/prices", {**_MONEY, "unit_amount": "1500"}, "price")
PLAN = Step("POST /v1/plans", {**_MONEY, "amount": "1500", "interval": "month"}, "plan")
COUPON = Step("POST /v1/coupons", {"percent_off": "20", "duration": "once"}, "coupon")
_PROMOTION = {"promotion[type]": "coupon", "promotion[coupon]": "{coupon}"}
PROMOTION_CODE = Step("POST /v1/promotion_codes", _PROMOTION, "code")
_VAT = {"display_name": "VAT", "percentage": "19", "inclusive": "false"}
TAX_RATE = Step("POST /v1/tax_rates", _VAT, "rate")
_DE = {"type": "eu_vat", "value": "DE123456789"}
TAX_ID = Step("POST /v1/customers/{customer}/tax_ids", _DE, "tax_id")
SOURCE = Step("POST /v1/customers/{customer}/sources", {"source": "tok_visa"}, "source")
ATTACHED = Step(
    "POST /v1/payment_methods/pm_card_visa/attach", {"customer": "{customer}"}, "method"
)
DISCOUNTED = Step("POST /v1/customers", {"coupon": "{coupon}"}, "customer", OLD)
ACCOUNT = Step("POST /v1/accounts", {"type": "custom", "country": "US"}, "account")
CLOCK = Step("POST /v1/test_helpers/test_clocks", {"frozen_time": "1900000000"}, "clock")
_LINE = {"line_items[0][price]": "{price}", "line_items[0][quantity]": "1"}
_PAGE = {"mode": "payment", "success_url": "https://example.com/"}
SESSION = Step("POST /v1/checkout/sessions", {**_PAGE, **_LINE}, "session")
ADVANCED = Step("POST /v1/test_helpers/test_clocks/{clock}/advance", {"frozen_time": "1900086400"})
NOTED = {"metadata[triggered]": "true"}

RECIPES: dict[str, tuple[Step, ...]] = {
    "account.updated": (ACCOUNT, Step("POST /v1/accounts/{account}", NOTED)),
    "checkout.session.expired": (
        PRODUCT, PRICE, SESSION, Step("POST /v1/checkout/sessions/{session}/expire", {}),
    ),
    "coupon.created": (COUPON,),
    "coupon.deleted": (COUPON, Step("DELETE /v1/coupons/{coupon}", {})),
    "coupon.updated": (COUPON, Step("POST /v1/coupons/{coupon}", NOTED)),
    "customer.created": (CUSTOMER,),
    "customer.deleted": (CUSTOMER, Step("DELETE /v1/customers/{customer}", {})),
    "customer.discount.created": (COUPON, DISCOUNTED),
    "customer.discount.deleted": (
        COUPON, DISCOUNTED, Step("DELETE /v1/customers/{customer}/discount", {}),
    ),
    "customer.discount.updated": (
        COUPON, DISCOUNTED, COUPON,
        Step("POST /v1/customers/{customer}", {"coupon": "{coupon}"}, "customer", OLD),
    ),
    "customer.source.created": (CUSTOMER, SOURCE),
    "customer.source.deleted": (
        CUSTOMER, SOURCE, Step("DELETE /v1/customers/{customer}/sources/{source}", {}),
    ),
    "customer.source.updated": (
        CUSTOMER, SOURCE, Step("POST /v1/customers/{customer}/sources/{source}", {"name": "Joe"}),
    ),
    "customer.tax_id.created": (CUSTOMER, TAX_ID),
    "customer.tax_id.deleted": (
        CUSTOMER, TAX_ID, Step("DELETE /v1/customers/{customer}/tax_ids/{tax_id}", {}),
    ),
    "customer.updated": (CUSTOMER, Step("POST /v1/customers/{customer}", {"name": "Joe"})),
    "payment_method.attached": (CUSTOMER, ATTACHED),
    "payment_method.detached": (
        CUSTOMER, ATTACHED, Step("POST /v1/payment_methods/{method}/detach", {}),
    ),
    "payment_method.updated": (
        CUSTOMER, ATTACHED, Step("POST /v1/payment_methods/{method}", NOTED),
    ),
    "plan.created": (PRODUCT, PLAN),
    "plan.deleted": (PRODUCT, PLAN, Step("DELETE /v1/plans/{plan}", {})),
    "plan.updated": (PRODUCT, PLAN, Step("POST /v1/plans/{plan}", {"nickname": "Monthly"})),
    "price.created": (PRODUCT, PRICE),
    "price.deleted": (PRODUCT, PLAN, Step("DELETE /v1/plans/{plan}", {})),
    "price.updated": (PRODUCT, PRICE, Step("POST /v1/prices/{price}", {"nickname": "Big"})),
    "product.created": (PRODUCT,),
    "product.deleted": (PRODUCT, Step("DELETE /v1/products/{product}", {})),
    "product.updated": (PRODUCT, Step("POST /v1/products/{product}", {"name": "Cup"})),
    "promotion_code.created": (COUPON, PROMOTION_CODE),
    "promotion_code.updated": (
        COUPON, PROMOTION_CODE, Step("POST /v1/promotion_codes/{code}", {"active": "false"}),
    ),
    "tax_rate.created": (TAX_RATE,),
    "tax_rate.updated": (TAX_RATE, Step("POST /v1/tax_rates/{rate}", {"active": "false"})),
    "test_helpers.test_clock.advancing": (CLOCK, ADVANCED),
    "test_helpers.test_clock.created": (CLOCK,),
    "test_helpers.test_clock.deleted": (
        CLOCK, Step("DELETE /v1/test_helpers/test_clocks/{clock}", {}),
    ),
    "test_helpers.test_clock.ready": (CLOCK, ADVANCED),
}  # fmt: skip
"""The requests that lead to an event, by its type."""


class CannotTrigger(TigerError):
    """By `tigerd stripe trigger`, if a request was refused."""


def trigger(account: Account, type: str) -> list[Record]:
    """Make what leads to an event of a type; return the events that happened, oldest first.

    Raises `CannotTrigger` if a request is refused, say by a fault that was asked for.
    """
    before = {event["id"] for event in _events(account)}
    ids: dict[str, str] = {}
    for step in RECIPES[type]:
        method, _, path = step.operation.partition(" ")
        params = {name: value.format_map(ids) for name, value in step.params.items()}
        request = Request(method, path.format_map(ids), authorization=f"Bearer {account.api_key}")
        request.body = urlencode(params) or None
        request.version = step.version
        answer = account.engine.answer(request, account.name)
        document = json.loads(answer.body or "{}")
        if answer.status != 200:
            message = document.get("error", {}).get("message", "the connection was lost")
            raise CannotTrigger(f"{method} {request.path}: {answer.status} {message}")
        if step.name:
            ids[step.name] = document["id"]
    return [event for event in _events(account) if event["id"] not in before]


def _events(account: Account) -> list[Record]:
    """Return the events of an account, and then those of the accounts connected to it."""
    scope = account.engine.account(account.name)[0]
    found = account.events()
    for connected in scope.table("accounts"):
        found += [*scope.inside(connected["id"]).table("events")][::-1]
    return found
