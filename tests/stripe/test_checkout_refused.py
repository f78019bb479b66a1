"""Checkout sessions that cannot be: refused as Stripe does, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused
from tests.stripe.shop import HERE, Session, paid


def items(price: str, quantity: int = 1) -> dict[str, Any]:
    return {"line_items": [{"price": price, "quantity": quantity}]}


@pytest.mark.parametrize(
    ("params", "code", "param", "message"),
    [
        ({"mode": None}, "parameter_missing", "mode", "Missing required param: mode."),
        ({"success_url": None}, "parameter_missing", "success_url", "param: success_url."),
        ({"success_url": "thanks"}, "url_invalid", "success_url", "Not a valid URL"),
        ({"line_items": None}, "parameter_missing", "line_items", "is required in payment mode"),
        (
            {"line_items": [{"price": "P", "quantity": 1}, {"price": "price_x", "quantity": 1}]},
            "resource_missing",
            "line_items[1][price]",
            "No such price: 'price_x'",
        ),
        ({"line_items": [{"price": "P"}]}, None, "line_items[0]", "Quantity is required."),
        (
            items("P", 0),
            "parameter_invalid_integer",
            "line_items[0][quantity]",
            "greater than or equal to 1",
        ),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price]", "param"),
        (
            items("M"),
            None,
            "line_items[0]",
            "You specified `payment` mode but passed a recurring price.",
        ),
        (
            {"mode": "subscription"},
            None,
            "line_items",
            "You must provide at least one recurring price in `subscription` mode",
        ),
        (
            {"line_items": [{"price": "P", "quantity": 1}, {"price": "E", "quantity": 1}]},
            None,
            "line_items[1][price]",
            "supports currencies of `eur`. This doesn't match the expected currency: `usd`.",
        ),
        ({"currency": "gbp"}, None, "line_items[0][price]", "expected currency: `gbp`."),
        (items("O"), None, "line_items[0][price]", "only accepts active prices"),
        (
            items("C", 49),
            "amount_too_small",
            None,
            "total amount due must add up to at least $0.50 USD",
        ),
        (items("Y", 49), "amount_too_small", None, "must add up to at least ¥50 JPY"),
        (items("P", 99999), "amount_too_large", None, "Amount must be no more than $999,999.99"),
        (
            {
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {"currency": "usd", "product": "x", "unit_amount": 5},
                    }
                ]
            },
            "resource_missing",
            "line_items[0][price_data][product]",
            "No such product: 'x'",
        ),
        ({"customer": "cus_x"}, "resource_missing", "customer", "No such customer: 'cus_x'"),
        (
            {"customer": "U", "customer_email": "a@b.c"},
            None,
            None,
            "You may only specify one of these parameters: customer, customer_email.",
        ),
        (
            {"discounts": [{"coupon": "nope"}]},
            "resource_missing",
            "discounts[0][coupon]",
            "No such coupon: 'nope'",
        ),
        (
            {"discounts": [{"promotion_code": "promo_x"}]},
            "resource_missing",
            "discounts[0][promotion_code]",
            "No such promotion code: 'promo_x'",
        ),
        (
            {"discounts": [{"coupon": "a"}], "allow_promotion_codes": True},
            None,
            None,
            "one of these parameters: allow_promotion_codes, discounts.",
        ),
        (
            {"line_items": [{"price": "P", "quantity": 1, "tax_rates": ["txr_x"]}]},
            "resource_missing",
            "line_items[0][tax_rates][0]",
            "No such tax rate",
        ),
        ({"expires_at": 1_800_000_060}, None, "expires_at", "must be at least 30 minutes"),
        ({"expires_at": 1_800_090_000}, None, "expires_at", "must be less than 24 hours"),
        ({"ui_mode": "embedded_page"}, None, "success_url", "You can not pass `success_url`"),
        ({"return_url": "https://a.b"}, None, "return_url", "You can not pass `return_url`"),
        ({"customer_email": "a"}, "email_invalid", "customer_email", "Invalid email address: a"),
        (
            {"optional_items": [{"price": "E", "quantity": 1}]},
            None,
            "optional_items[0][price]",
            "expected currency: `usd`",
        ),
        (
            {"discounts": [{"coupon": "a"}, {"coupon": "b"}]},
            None,
            "discounts",
            "Array discounts exceeded maximum 1 allowed elements.",
        ),
        (
            {"shipping_options": [{"shipping_rate": "shr_x"}] * 6},
            None,
            "shipping_options",
            "maximum 5",
        ),
        (
            {
                "custom_fields": [
                    {"key": "a", "type": "dropdown", "label": {"type": "custom", "custom": "A"}}
                ]
            },
            "parameter_missing",
            "custom_fields[0][dropdown]",
            "Missing required param",
        ),
        ({"subscription_data": {"description": "x"}}, None, "subscription_data", "`payment` mode"),
    ],
)
def test_an_impossible_request_is_refused_and_nothing_written(
    account, params, code, param, message
) -> None:
    account.freeze(1_800_000_000)
    stripe.Product.create(id="mug", name="Mug")
    ids = {"U": stripe.Customer.create().id}
    for name, more in {
        "P": {"currency": "usd", "unit_amount": 1500},
        "C": {"currency": "usd", "unit_amount": 1},
        "E": {"currency": "eur", "unit_amount": 1500},
        "Y": {"currency": "jpy", "unit_amount": 1},
        "O": {"currency": "usd", "unit_amount": 1500, "active": False},
        "M": {"currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"}},
    }.items():
        ids[name] = stripe.Price.create(product="mug", **more).id
    before = len(account.events())
    wanted = {"mode": "payment", "line_items": [{"price": "P", "quantity": 2}], **HERE, **params}
    error = refused(Session.create, **with_ids(wanted, ids))
    assert message in str(error)
    assert (error.code, error.param) == (code, param)
    assert account.store.checkout_sessions.count() == 0
    assert len(account.events()) == before


def with_ids(value: Any, ids: dict[str, str]) -> Any:
    """Return parameters with the ids that short names stand for."""
    if isinstance(value, dict):
        return {name: with_ids(item, ids) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [with_ids(item, ids) for item in value]
    return ids.get(value, value)


@pytest.mark.parametrize(
    "params",
    [
        {"automatic_tax": {"enabled": True, "liability": {"type": "account", "account": "acct_x"}}},
        {"managed_payments": {"enabled": True}},
        {"payment_method_configuration": "pmc_x"},
    ],
)
def test_a_missing_part_is_reported_and_nothing_written(account, price, params) -> None:
    with pytest.raises(stripe.APIError, match="does not have the parameter") as raised:
        paid(price, **params)
    assert raised.value.http_status == 501
    assert account.store.checkout_sessions.count() == 0


def test_an_id_that_names_nothing(account) -> None:
    error = refused(Session.retrieve, "cs_test_invalid")
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", None)
    assert str(error).endswith("No such checkout.session: cs_test_invalid")
    error = refused(Session.retrieve, "cs_test_" + "a" * 60 + "eCUl")
    assert (error.http_status, error.code, error.param) == (404, None, "session")
    assert str(error).endswith("Invalid string: cs_t...eCUl; must be at most 66 characters")
