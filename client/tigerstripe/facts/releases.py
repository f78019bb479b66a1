"""The changes in each release of the API that the table of facts does not have.

Each list goes by release: versions before it have the listed things as they were before.
"""

from __future__ import annotations

from collections.abc import Callable

from tigerstripe.facts.kinds import Empty, Field, Int, Str, Union
from tigerstripe.records import Record

Change = Callable[[Record], None]
"""Turns an object, in place, into the shape that it had before a release."""


def _coupon_of_promotion_code(code: Record) -> None:
    promotion = code.pop("promotion", None)
    code["coupon"] = promotion["coupon"] if promotion else None


def _coupon_of_discount(discount: Record) -> None:
    source = discount.pop("source", None)
    discount["coupon"] = source["coupon"] if source else None


def _refunds_of_note(note: Record) -> None:
    names = ("amount_refunded", "refund")
    note["refunds"] = [{name: one[name] for name in names} for one in note["refunds"]]


_UI_MODES = {"elements": "custom", "embedded_page": "embedded", "hosted_page": "hosted"}


def _ui_mode_of_session(session: Record) -> None:
    session["ui_mode"] = _UI_MODES.get(session["ui_mode"], session["ui_mode"])


def _options_of_intent(intent: Record) -> None:
    options = intent["payment_method_options"].get("us_bank_account")
    if options is not None:
        options.pop("transaction_purpose", None)


def _without_code(charge: Record) -> None:
    card = charge["payment_method_details"].get("card")
    if card is not None:
        card["authorization_code"] = None


def _with_invoice(payment: Record) -> None:
    reference = (payment.get("payment_details") or {}).get("order_reference") or ""
    payment["invoice"] = reference if reference.startswith("in_") else None


def _with_shipping(session: Record) -> None:
    collected = session["collected_information"]
    session["shipping_details"] = collected["shipping_details"] if collected else None


RELEASES: dict[str, dict[str, Change]] = {
    "2025-03-31.basil": {
        "charge": _with_invoice,
        "checkout.session": _with_shipping,
        "payment_intent": _with_invoice,
    },
    "2025-09-30.clover": {
        "charge": _without_code,
        "credit_note": _refunds_of_note,
        "promotion_code": _coupon_of_promotion_code,
        "discount": _coupon_of_discount,
    },
    "2026-01-28.clover": {
        "payment_intent": _options_of_intent,
    },
    "2026-03-25.dahlia": {
        "checkout.session": _ui_mode_of_session,
    },
}
"""By release, and by the `object` that it changed; oldest first."""


def _text() -> Union:
    return Union([Empty(), Str()])


_DISCOUNT = {name: Field(_text, False, False, -1, -1) for name in ("coupon", "promotion_code")}
_OF_ONE_ITEM = {
    "plan": Field(_text, False, False, -1, -1),
    "quantity": Field(Int, False, False, -1, -1),
}
PARAMETERS_BEFORE: dict[str, dict[str, dict[str, Field]]] = {
    "2025-03-31.basil": {
        "POST /v1/customers": _DISCOUNT,
        "POST /v1/customers/{customer}": _DISCOUNT,
    },
    "2026-03-25.dahlia": {
        "POST /v1/subscriptions/{subscription_exposed_id}": _OF_ONE_ITEM,
    },
}
"""By release, the parameters that it took from an operation, and no SDK of the table has."""


WORDS_BEFORE: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "POST /v1/payment_intents": (
        ("payment_method_options", "customer_balance", "bank_transfer", "type"),
        {"jp_bank_account": "jp_bank_transfer"},
    ),
}
"""By operation, where a parameter had words that no SDK of the table has, and what they are now:
Stripe's CLI, which names no version, sends them still."""


FIELDS_BEFORE: dict[str, dict[str, str]] = {
    "2025-03-31.basil": {
        "charge": "(invoice:@invoice?)",
        "invoice": "(charge:@charge? payment_intent:@payment_intent? subscription:@subscription? "
        "total_tax_amounts:[(tax_rate:@tax_rate)]?)",
        "payment_intent": "(invoice:@invoice?)",
    },
}
"""By release, the fields that it took from an object, in the grammar of the table: they can be
expanded in older versions."""


EXPANDED_BEFORE: dict[str, dict[str, tuple[str, ...]]] = {
    "2025-09-30.clover": {
        "promotion_code": ("promotion.coupon",),
        "discount": ("source.coupon",),
    },
}
"""Fields that were whole objects until a release and are ids since: expanded in older versions."""


SINCE = {
    "allowed_payment_method_types": "2026-07-29.dahlia",
    "application_fee.fee_source": "2024-12-18.acacia",
    "balance_type": "2025-08-27.basil",
    "charge.billing_details.tax_id": "2025-03-31.basil",
    "charge.outcome.advice_code": "2024-12-18.acacia",
    "charge.outcome.network_advice_code": "2024-12-18.acacia",
    "charge.outcome.network_decline_code": "2024-12-18.acacia",
    "charge.payment_method_details.card.network_transaction_id": "2024-12-18.acacia",
    "charge.payment_method_details.card.regulated_status": "2024-12-18.acacia",
    "charge.radar_options": "2024-12-18.acacia",
    "credit_note.post_payment_amount": "2025-09-30.clover",
    "credit_note.pre_payment_amount": "2025-09-30.clover",
    "customer_account": "2025-11-17.clover",
    "dispute.enhanced_eligibility_types": "2024-12-18.acacia",
    "excluded_payment_method_types": "2025-09-30.clover",
    "integration_identifier": "2026-03-25.dahlia",
    "managed_payments": "2026-04-22.dahlia",
    "payment_method.allow_redisplay": "2024-04-10",
    "payment_method.billing_details.tax_id": "2025-03-31.basil",
    "payment_method.card.display_brand": "2024-04-10",
    "payment_method.card.regulated_status": "2024-12-18.acacia",
    "payment_record": "2026-08-26.dahlia",
    "payout.payout_method": "2025-01-27.acacia",
    "payout.trace_id": "2024-11-20.acacia",
    "quantity_decimal": "2026-03-25.dahlia",
    "refund.customer_account": "2026-06-24.dahlia",
    "shared_payment_granted_token": "2026-04-22.dahlia",
    "specified_commercial_transactions_act_url": "2026-03-25.dahlia",
    "subscription.trial_settings.end_behavior.billing_cycle_anchor": "2026-08-26.dahlia",
    "subscription_item.current_trial": "2026-08-26.dahlia",
    "subtotal": "2025-12-15.clover",
}
"""Fields that answers have since another version than the table's mark says, by recordings: a name
is of all objects where the table has it as new, a path of one object alone."""


UNLISTED: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("balance_type",),
    "payment_intent": ("excluded_payment_method_types", "shared_payment_granted_token"),
    "payment_method": ("shared_payment_granted_token",),
}
"""Fields that answers have, of the time in `SINCE`, though no SDK's object has them."""
