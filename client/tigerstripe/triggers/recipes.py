"""The recipe of each event: requests, made as an application makes them.

Some recipes end with an action of the buyer, the bank or time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tigerstripe.objects import due
from tigerstripe.records import Record
from tigerstripe.resources import account_details
from tigerstripe.triggers import fixtures
from tigerstripe.triggers.billing import BILLING
from tigerstripe.triggers.steps import (
    CLOCK,
    CUSTOMER,
    MONEY,
    NOTED,
    PRODUCT,
    Act,
    Step,
    advanced,
    attached,
    happened,
    settled,
    worked_off,
)

if TYPE_CHECKING:
    from tigerstripe.account import Account

OLD = "2024-06-20"

PRICE = Step("POST /v1/prices", {**MONEY, "unit_amount": "1500"}, "price")
PLAN = Step("POST /v1/plans", {**MONEY, "amount": "1500", "interval": "month"}, "plan")
COUPON = Step("POST /v1/coupons", {"percent_off": "20", "duration": "once"}, "coupon")
_PROMOTION = {"promotion[type]": "coupon", "promotion[coupon]": "${coupon:id}"}
PROMOTION_CODE = Step("POST /v1/promotion_codes", _PROMOTION, "code")
_VAT = {"display_name": "VAT", "percentage": "19", "inclusive": "false"}
TAX_RATE = Step("POST /v1/tax_rates", _VAT, "rate")
_DE = {"type": "eu_vat", "value": "DE123456789"}
TAX_ID = Step("POST /v1/customers/${customer:id}/tax_ids", _DE, "tax_id")
SOURCE = Step("POST /v1/customers/${customer:id}/sources", {"source": "tok_visa"}, "source")
ATTACHED = attached("pm_card_visa")
DISCOUNTED = Step("POST /v1/customers", {"coupon": "${coupon:id}"}, "customer", OLD)


def _able() -> dict[str, str]:
    """Return the parameters that let an account get money: its capability and its details."""
    said = {"capabilities": {"transfers": {"requested": "true"}}, **account_details.ONBOARDED}
    said["tos_acceptance"] = {**said["tos_acceptance"], "date": "1"}
    return dict(fixtures.pairs(said))


ACCOUNT = Step("POST /v1/accounts", {"type": "custom", "country": "US"}, "account")
_PARTS = "POST /v1/accounts/${account:id}"
EXTERNAL = Step(f"{_PARTS}/external_accounts", {"external_account": "tok_visa_debit"}, "external")
PERSON = Step(f"{_PARTS}/persons", {"first_name": "Jane"}, "person")
CONFIGURATION = Step(
    "POST /v1/billing_portal/configurations",
    {"features[invoice_history][enabled]": "true"},
    "configuration",
)
_LINE = {"line_items[0][price]": "${price:id}", "line_items[0][quantity]": "1"}
_PAGE = {"mode": "payment", "success_url": "https://example.com/"}
SESSION = Step("POST /v1/checkout/sessions", {**_PAGE, **_LINE}, "session")
LINK = Step("POST /v1/payment_links", _LINE, "link")

_INTENTS, _CARD = "POST /v1/payment_intents", {"payment_method_types[0]": "card"}
_2000 = {"amount": "2000", "currency": "usd"}
INTENT = Step(_INTENTS, {**_2000, **_CARD}, "intent")


def _paid(method: str, error: str | None = None, **more: str) -> Step:
    """Return the request that pays 20 dollars at once."""
    params = {**_2000, **_CARD, "payment_method": method, "confirm": "true", **more}
    return Step(_INTENTS, params, "intent", error=error)


PAID = _paid("pm_card_visa")
HELD = _paid("pm_card_visa", capture_method="manual")
DECLINED = _paid("pm_card_chargeDeclined", "card_error")
DISPUTED = _paid("pm_card_createDispute", **{"expand[0]": "latest_charge"})
WARNED = _paid("pm_card_createIssuerFraudRecord")
REVIEWED = _paid("pm_card_riskLevelElevated")
DEBITED = _paid(
    "pm_usBankAccount_success",
    **{
        "payment_method_types[0]": "us_bank_account",
        "mandate_data[customer_acceptance][type]": "offline",
    },
)
REVOKED = _paid(
    "pm_bacsDebit_debitNotAuthorized",
    **{
        "currency": "gbp",
        "payment_method_types[0]": "bacs_debit",
        "mandate_data[customer_acceptance][type]": "offline",
    },
)
REFUND = Step("POST /v1/refunds", {"payment_intent": "${intent:id}"}, "refund")
_DISPUTE = "POST /v1/disputes/${intent:latest_charge.dispute}"
EVIDENCE = Step(_DISPUTE, {"evidence[product_description]": "Mug"}, "dispute")
WINNING = Step(_DISPUTE, {"evidence[uncategorized_text]": "winning_evidence"}, "dispute")
_SETUPS = "POST /v1/setup_intents"
SETUP = Step(_SETUPS, _CARD, "setup")


def _set_up(method: str, error: str | None = None) -> Step:
    params = {**_CARD, "payment_method": method, "confirm": "true"}
    return Step(_SETUPS, params, "setup", error=error)


FUNDED = Step("POST /v1/charges", {**_2000, "source": "tok_bypassPending"}, "charge")
PAYOUT = Step("POST /v1/payouts", {"amount": "1000", "currency": "usd"}, "payout")
TOPUP = Step("POST /v1/topups", _2000, "topup")

_CONFIRM = "POST /v1/payment_pages/${session:id}/confirm"
COMPLETED = Step(_CONFIRM, {"payment_method": "pm_card_visa"})
_EURO = {"product": "${product:id}", "currency": "eur", "unit_amount": "1500"}
DEBIT_SESSION = (
    PRODUCT,
    Step("POST /v1/prices", _EURO, "price"),
    Step(
        "POST /v1/checkout/sessions",
        {**_PAGE, **_LINE, "payment_method_types[0]": "sepa_debit"},
        "session",
    ),
    Step(
        _CONFIRM,
        {
            "payment_method_data[type]": "sepa_debit",
            "payment_method_data[sepa_debit][iban]": "DE89370400440532013000",
        },
        "page",
    ),
)


def _decided(succeed: bool) -> Act:
    """Let the bank decide about the debit that a session was completed with."""
    return lambda account, answers: account.settle(answers["page"]["intent"], succeed)


ABLE = Step("POST /v1/accounts", {**ACCOUNT.params, **_able()}, "account")
_DESTINATION = {"transfer_data[destination]": "${account:id}"}
SHARED = _paid(
    "pm_card_visa",
    **_DESTINATION,
    application_fee_amount="200",
    **{"capture_method": "automatic", "expand[0]": "latest_charge"},
)
TRANSFER = Step(
    "POST /v1/transfers",
    {"amount": "500", "currency": "usd", "destination": "${account:id}"},
    "transfer",
)
REVERSAL = Step("POST /v1/transfers/${transfer:id}/reversals", {"amount": "100"})
_FEE = "POST /v1/application_fees/${intent:latest_charge.application_fee}/refunds"
FEE_REFUND = Step(_FEE, {"amount": "50"}, "refund")

_CASH = "customer_balance"
TRANSFERRED = Step(
    _INTENTS,
    {
        **_2000,
        "confirm": "true",
        "customer": "${customer:id}",
        "payment_method_types[0]": _CASH,
        "payment_method_data[type]": _CASH,
        f"payment_method_options[{_CASH}][funding_type]": "bank_transfer",
        f"payment_method_options[{_CASH}][bank_transfer][type]": "us_bank_transfer",
    },
    "intent",
)
BY_HAND = Step(
    "POST /v1/customers/${customer:id}/cash_balance", {"settings[reconciliation_mode]": "manual"}
)
CASH = Step("POST /v1/test_helpers/customers/${customer:id}/fund_cash_balance", _2000)
APPLIED = Step(f"{_INTENTS}/${{intent:id}}/apply_customer_balance", {"amount": "1000"})


def _paid_out(account: Account, answers: Record) -> None:
    """Let the money of a connected account be paid out by itself, and arrive."""
    scope, log = account.engine.account(account.name)
    shop = answers["account"]["id"]
    worked_off(account, answers)
    due.run_now(scope, log, f"payouts-{shop}")
    [payout] = [one for one in scope.inside(shop).table("payouts") if one["status"] == "pending"]
    account.settle(payout["id"])


def _schedule(interval: str) -> Step:
    return Step("POST /v1/balance_settings", {"payments[payouts][schedule][interval]": interval})


RECIPES: dict[str, tuple[Step | Act, ...]] = {
    **BILLING,
    "account.external_account.created": (ACCOUNT, EXTERNAL),
    "account.external_account.deleted": (
        ACCOUNT, EXTERNAL, EXTERNAL,
        Step("DELETE /v1/accounts/${account:id}/external_accounts/${external:id}", {}),
    ),
    "account.external_account.updated": (
        ACCOUNT, EXTERNAL, Step(f"{_PARTS}/external_accounts/${{external:id}}", NOTED),
    ),
    "account.updated": (ACCOUNT, Step("POST /v1/accounts/${account:id}", NOTED)),
    "application_fee.created": (ABLE, SHARED),
    "application_fee.refund.updated": (
        ABLE, SHARED, FEE_REFUND, Step(f"{_FEE}/${{refund:id}}", NOTED),
    ),
    "application_fee.refunded": (ABLE, SHARED, FEE_REFUND),
    "balance.available": (FUNDED, worked_off),
    "balance_settings.updated": (_schedule("daily"), _schedule("manual")),
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
    "cash_balance.funds_available": (CUSTOMER, CASH),
    "charge.captured": (HELD, Step(f"{_INTENTS}/${{intent:id}}/capture", {})),
    "charge.dispute.closed": (DISPUTED, Step(f"{_DISPUTE}/close", {})),
    "charge.dispute.created": (DISPUTED,),
    "charge.dispute.funds_reinstated": (DISPUTED, WINNING),
    "charge.dispute.funds_withdrawn": (DISPUTED,),
    "charge.dispute.updated": (DISPUTED, EVIDENCE),
    "charge.expired": (HELD, happened("intent")),
    "charge.failed": (DECLINED,),
    "charge.pending": (DEBITED,),
    "charge.refund.updated": (PAID, REFUND, Step("POST /v1/refunds/${refund:id}", NOTED)),
    "charge.refunded": (PAID, REFUND),
    "charge.succeeded": (PAID,),
    "charge.updated": (PAID,),
    "checkout.session.async_payment_failed": (*DEBIT_SESSION, _decided(succeed=False)),
    "checkout.session.async_payment_succeeded": (*DEBIT_SESSION, _decided(succeed=True)),
    "checkout.session.completed": (PRODUCT, PRICE, SESSION, COMPLETED),
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
    "customer_cash_balance_transaction.created": (CUSTOMER, CASH),
    "payment_link.created": (PRODUCT, PRICE, LINK),
    "payment_link.updated": (
        PRODUCT, PRICE, LINK, Step("POST /v1/payment_links/${link:id}", {"active": "false"}),
    ),
    "mandate.updated": (REVOKED, settled("intent")),
    "payment_intent.amount_capturable_updated": (HELD,),
    "payment_intent.canceled": (INTENT, Step(f"{_INTENTS}/${{intent:id}}/cancel", {})),
    "payment_intent.created": (INTENT,),
    "payment_intent.partially_funded": (CUSTOMER, BY_HAND, TRANSFERRED, CASH, APPLIED),
    "payment_intent.payment_failed": (DECLINED,),
    "payment_intent.processing": (DEBITED,),
    "payment_intent.requires_action": (_paid("pm_card_threeDSecure2Required"),),
    "payment_intent.succeeded": (PAID,),
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
    "payout.canceled": (FUNDED, PAYOUT, Step("POST /v1/payouts/${payout:id}/cancel", {})),
    "payout.created": (FUNDED, PAYOUT),
    "payout.failed": (FUNDED, PAYOUT, settled("payout", succeed=False)),
    "payout.paid": (FUNDED, PAYOUT, settled("payout")),
    "payout.reconciliation_completed": (
        ABLE,
        _paid("pm_card_bypassPending", **{"transfer_data[destination]": "${account:id}"}),
        _paid_out,
    ),
    "payout.updated": (FUNDED, PAYOUT, Step("POST /v1/payouts/${payout:id}", NOTED)),
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
    "radar.early_fraud_warning.created": (WARNED,),
    "radar.early_fraud_warning.updated": (WARNED, REFUND),
    "refund.created": (PAID, REFUND),
    "refund.failed": (PAID, REFUND, settled("refund", succeed=False)),
    "refund.updated": (PAID, REFUND, Step("POST /v1/refunds/${refund:id}", NOTED)),
    "review.closed": (REVIEWED, REFUND),
    "review.opened": (REVIEWED,),
    "setup_intent.canceled": (SETUP, Step(f"{_SETUPS}/${{setup:id}}/cancel", {})),
    "setup_intent.created": (SETUP,),
    "setup_intent.requires_action": (_set_up("pm_card_threeDSecure2Required"),),
    "setup_intent.setup_failed": (_set_up("pm_card_chargeDeclined", "card_error"),),
    "setup_intent.succeeded": (_set_up("pm_card_visa"),),
    "tax_rate.created": (TAX_RATE,),
    "tax_rate.updated": (TAX_RATE, Step("POST /v1/tax_rates/${rate:id}", {"active": "false"})),
    "test_helpers.test_clock.advancing": (CLOCK, advanced(days=1)),
    "test_helpers.test_clock.created": (CLOCK,),
    "test_helpers.test_clock.deleted": (
        CLOCK, Step("DELETE /v1/test_helpers/test_clocks/${clock:id}", {}),
    ),
    "test_helpers.test_clock.ready": (CLOCK, advanced(days=1)),
    "topup.canceled": (TOPUP, Step("POST /v1/topups/${topup:id}/cancel", {})),
    "topup.created": (TOPUP,),
    "topup.failed": (TOPUP, settled("topup", succeed=False)),
    "topup.succeeded": (TOPUP, settled("topup")),
    "transfer.created": (ABLE, FUNDED, TRANSFER),
    "transfer.reversed": (ABLE, FUNDED, TRANSFER, REVERSAL),
    "transfer.updated": (
        ABLE, FUNDED, TRANSFER, Step("POST /v1/transfers/${transfer:id}", NOTED),
    ),
}  # fmt: skip
"""The requests that lead to an event, by its type."""
