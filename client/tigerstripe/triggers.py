"""What leads to an event: requests as an application makes them, for `tigerd stripe trigger`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tigerstripe import fixtures

if TYPE_CHECKING:
    from tigerstripe.account import Account

Record = dict[str, Any]


class Step(NamedTuple):
    """One request, as `fixtures.run` makes it: `${name:id}` is the id of an earlier answer."""

    operation: str
    params: dict[str, str]
    name: str = ""
    version: str | None = None
    """An older version of the API, for what later ones no longer take."""


OLD = "2024-06-20"

CUSTOMER = Step("POST /v1/customers", {"email": "jane@example.com", "name": "Jane"}, "customer")
PRODUCT = Step("POST /v1/products", {"name": "Mug"}, "product")
_MONEY = {"product": "${product:id}", "currency": "usd"}
PRICE = Step("POST /v1/prices", {**_MONEY, "unit_amount": "1500"}, "price")
PLAN = Step("POST /v1/plans", {**_MONEY, "amount": "1500", "interval": "month"}, "plan")
COUPON = Step("POST /v1/coupons", {"percent_off": "20", "duration": "once"}, "coupon")
_PROMOTION = {"promotion[type]": "coupon", "promotion[coupon]": "${coupon:id}"}
PROMOTION_CODE = Step("POST /v1/promotion_codes", _PROMOTION, "code")
_VAT = {"display_name": "VAT", "percentage": "19", "inclusive": "false"}
TAX_RATE = Step("POST /v1/tax_rates", _VAT, "rate")
_DE = {"type": "eu_vat", "value": "DE123456789"}
TAX_ID = Step("POST /v1/customers/${customer:id}/tax_ids", _DE, "tax_id")
SOURCE = Step("POST /v1/customers/${customer:id}/sources", {"source": "tok_visa"}, "source")
ATTACHED = Step(
    "POST /v1/payment_methods/pm_card_visa/attach", {"customer": "${customer:id}"}, "method"
)
DISCOUNTED = Step("POST /v1/customers", {"coupon": "${coupon:id}"}, "customer", OLD)
ACCOUNT = Step("POST /v1/accounts", {"type": "custom", "country": "US"}, "account")
_PARTS = "POST /v1/accounts/${account:id}"
EXTERNAL = Step(f"{_PARTS}/external_accounts", {"external_account": "tok_visa_debit"}, "external")
PERSON = Step(f"{_PARTS}/persons", {"first_name": "Jane"}, "person")
CONFIGURATION = Step(
    "POST /v1/billing_portal/configurations",
    {"features[invoice_history][enabled]": "true"},
    "configuration",
)
CLOCK = Step("POST /v1/test_helpers/test_clocks", {"frozen_time": "1900000000"}, "clock")
_LINE = {"line_items[0][price]": "${price:id}", "line_items[0][quantity]": "1"}
_PAGE = {"mode": "payment", "success_url": "https://example.com/"}
SESSION = Step("POST /v1/checkout/sessions", {**_PAGE, **_LINE}, "session")
LINK = Step("POST /v1/payment_links", _LINE, "link")
ADVANCED = Step(
    "POST /v1/test_helpers/test_clocks/${clock:id}/advance", {"frozen_time": "1900086400"}
)
NOTED = {"metadata[triggered]": "true"}

RECIPES: dict[str, tuple[Step, ...]] = {
    "account.external_account.created": (ACCOUNT, EXTERNAL),
    "account.external_account.deleted": (
        ACCOUNT, EXTERNAL, EXTERNAL,
        Step("DELETE /v1/accounts/${account:id}/external_accounts/${external:id}", {}),
    ),
    "account.external_account.updated": (
        ACCOUNT, EXTERNAL, Step(f"{_PARTS}/external_accounts/${{external:id}}", NOTED),
    ),
    "account.updated": (ACCOUNT, Step("POST /v1/accounts/${account:id}", NOTED)),
    "billing_portal.configuration.created": (CONFIGURATION,),
    "billing_portal.configuration.updated": (
        CONFIGURATION,
        Step("POST /v1/billing_portal/configurations/${configuration:id}", {"active": "false"}),
    ),
    "billing_portal.session.created": (
        CUSTOMER, Step("POST /v1/billing_portal/sessions", {"customer": "${customer:id}"}),
    ),
    "capability.updated": (
        ACCOUNT, Step(f"{_PARTS}/capabilities/transfers", {"requested": "true"}),
    ),
    "checkout.session.expired": (
        PRODUCT, PRICE, SESSION, Step("POST /v1/checkout/sessions/${session:id}/expire", {}),
    ),
    "coupon.created": (COUPON,),
    "coupon.deleted": (COUPON, Step("DELETE /v1/coupons/${coupon:id}", {})),
    "coupon.updated": (COUPON, Step("POST /v1/coupons/${coupon:id}", NOTED)),
    "customer.created": (CUSTOMER,),
    "customer.deleted": (CUSTOMER, Step("DELETE /v1/customers/${customer:id}", {})),
    "customer.discount.created": (COUPON, DISCOUNTED),
    "customer.discount.deleted": (
        COUPON, DISCOUNTED, Step("DELETE /v1/customers/${customer:id}/discount", {}),
    ),
    "customer.discount.updated": (
        COUPON, DISCOUNTED, COUPON,
        Step("POST /v1/customers/${customer:id}", {"coupon": "${coupon:id}"}, "customer", OLD),
    ),
    "customer.source.created": (CUSTOMER, SOURCE),
    "customer.source.deleted": (
        CUSTOMER, SOURCE, Step("DELETE /v1/customers/${customer:id}/sources/${source:id}", {}),
    ),
    "customer.source.updated": (
        CUSTOMER, SOURCE,
        Step("POST /v1/customers/${customer:id}/sources/${source:id}", {"name": "Joe"}),
    ),
    "customer.tax_id.created": (CUSTOMER, TAX_ID),
    "customer.tax_id.deleted": (
        CUSTOMER, TAX_ID, Step("DELETE /v1/customers/${customer:id}/tax_ids/${tax_id:id}", {}),
    ),
    "customer.updated": (CUSTOMER, Step("POST /v1/customers/${customer:id}", {"name": "Joe"})),
    "payment_link.created": (PRODUCT, PRICE, LINK),
    "payment_link.updated": (
        PRODUCT, PRICE, LINK, Step("POST /v1/payment_links/${link:id}", {"active": "false"}),
    ),
    "payment_method.attached": (CUSTOMER, ATTACHED),
    "payment_method.detached": (
        CUSTOMER, ATTACHED, Step("POST /v1/payment_methods/${method:id}/detach", {}),
    ),
    "payment_method.updated": (
        CUSTOMER, ATTACHED, Step("POST /v1/payment_methods/${method:id}", NOTED),
    ),
    "person.created": (ACCOUNT, PERSON),
    "person.deleted": (
        ACCOUNT, PERSON, Step("DELETE /v1/accounts/${account:id}/persons/${person:id}", {}),
    ),
    "person.updated": (
        ACCOUNT, PERSON, Step(f"{_PARTS}/persons/${{person:id}}", {"last_name": "Doe"}),
    ),
    "plan.created": (PRODUCT, PLAN),
    "plan.deleted": (PRODUCT, PLAN, Step("DELETE /v1/plans/${plan:id}", {})),
    "plan.updated": (PRODUCT, PLAN, Step("POST /v1/plans/${plan:id}", {"nickname": "Monthly"})),
    "price.created": (PRODUCT, PRICE),
    "price.deleted": (PRODUCT, PLAN, Step("DELETE /v1/plans/${plan:id}", {})),
    "price.updated": (PRODUCT, PRICE, Step("POST /v1/prices/${price:id}", {"nickname": "Big"})),
    "product.created": (PRODUCT,),
    "product.deleted": (PRODUCT, Step("DELETE /v1/products/${product:id}", {})),
    "product.updated": (PRODUCT, Step("POST /v1/products/${product:id}", {"name": "Cup"})),
    "promotion_code.created": (COUPON, PROMOTION_CODE),
    "promotion_code.updated": (
        COUPON, PROMOTION_CODE, Step("POST /v1/promotion_codes/${code:id}", {"active": "false"}),
    ),
    "tax_rate.created": (TAX_RATE,),
    "tax_rate.updated": (TAX_RATE, Step("POST /v1/tax_rates/${rate:id}", {"active": "false"})),
    "test_helpers.test_clock.advancing": (CLOCK, ADVANCED),
    "test_helpers.test_clock.created": (CLOCK,),
    "test_helpers.test_clock.deleted": (
        CLOCK, Step("DELETE /v1/test_helpers/test_clocks/${clock:id}", {}),
    ),
    "test_helpers.test_clock.ready": (CLOCK, ADVANCED),
}  # fmt: skip
"""The requests that lead to an event, by its type."""


def trigger(account: Account, type: str) -> list[Record]:
    """Make what leads to an event of a type; return the events that happened, oldest first.

    Raises `tiger.InvalidRequest` if a request is refused, say by a fault that was asked for.
    """
    before = {event["id"] for event in _events(account)}
    fixtures.run(account, {"fixtures": [*map(_fixture, RECIPES[type])]}, type)
    return [event for event in _events(account) if event["id"] not in before]


def _fixture(step: Step) -> Record:
    method, _, path = step.operation.partition(" ")
    made = {"method": method.lower(), "path": path, "params": step.params, "version": step.version}
    return {**made, "name": step.name} if step.name else made


def _events(account: Account) -> list[Record]:
    """Return the events of an account, and then those of the accounts connected to it."""
    scope = account.engine.account(account.name)[0]
    found = account.events()
    for connected in scope.table("accounts"):
        found += [*scope.inside(connected["id"]).table("events")][::-1]
    return found
