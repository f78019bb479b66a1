"""Checkout sessions: made in three modes, changed, listed, and over."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tigerstripe import clock
from tigerstripe.scope import Scope

Session = stripe.checkout.Session
HERE = {"success_url": "https://shop.test/thanks?id={CHECKOUT_SESSION_ID}"}


@pytest.fixture
def price(account: Any) -> str:
    """The id of a price of 15 dollars."""
    return stripe.Price.create(
        currency="usd", unit_amount=1500, product_data={"name": "Mug"}
    ).id  # fmt: skip


@pytest.fixture
def monthly(account: Any) -> str:
    """The id of a price of 10 dollars a month."""
    return stripe.Price.create(
        currency="usd",
        unit_amount=1000,
        product_data={"name": "Plan"},
        recurring={"interval": "month"},
    ).id


def paid(price: str, **params: Any) -> Any:
    """Return a new session in payment mode for two of a price."""
    return Session.create(**{
        "mode": "payment", "line_items": [{"price": price, "quantity": 2}], **HERE, **params
    })  # fmt: skip


def refused(call: Any, *given: Any, **params: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as raised:
        call(*given, **params)
    return raised.value


# --- The three modes ---


def test_a_payment(price) -> None:
    session = paid(price)
    assert session.id.startswith("cs_test_a1")
    assert len(session.id) == 66
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (3000, 3000, "usd")
    assert session.expires_at == session.created + 86400
    assert (session.payment_intent, session.customer_creation) == (None, "if_required")
    assert (session.payment_method_collection, session.discounts) == ("if_required", [])
    assert session.invoice_creation.enabled is False
    assert session.success_url.endswith("{CHECKOUT_SESSION_ID}")
    assert session.url.startswith(f"https://checkout.stripe.com/c/pay/{session.id}#")
    assert "line_items" not in session


def test_a_subscription(monthly) -> None:
    session = Session.create(
        mode="subscription", line_items=[{"price": monthly, "quantity": 1}], **HERE
    )
    assert (session.payment_method_collection, session.customer_creation) == ("always", "always")
    assert (session.amount_total, session.subscription, session.invoice_creation) == (
        1000,
        None,
        None,
    )


def test_a_trial_costs_nothing_yet(price, monthly) -> None:
    items = [{"price": monthly, "quantity": 1}, {"price": price, "quantity": 1}]
    session = Session.create(
        mode="subscription", line_items=items, subscription_data={"trial_period_days": 7}, **HERE
    )
    assert session.amount_total == 1500


def test_a_setup(account) -> None:
    session = Session.create(mode="setup", currency="usd", **HERE)
    assert session.id.startswith("cs_test_c1")
    assert (session.amount_total, session.total_details, session.discounts) == (None, None, None)
    assert session.payment_status == "no_payment_required"
    assert session.saved_payment_method_options is None
    assert Session.list_line_items(session.id).data == []
    assert refused(Session.create, mode="setup", **HERE).param == "currency"
    assert Session.create(mode="setup", payment_method_types=["card"], **HERE).currency is None


# --- Who buys ---


def test_what_is_known_of_the_buyer(price) -> None:
    assert paid(price).customer_details is None
    by_email = paid(price, customer_email="a@shop.test", customer_creation="always")
    assert by_email.customer_details.email == by_email.customer_email == "a@shop.test"
    assert by_email.customer_creation == "always"
    customer = stripe.Customer.create(email="b@shop.test", name="B")
    session = paid(price, customer=customer.id)
    assert (session.customer, session.customer_creation) == (customer.id, None)
    assert session.customer_details.email == "b@shop.test"
    assert session.customer_details.name is None
    assert paid(price, customer=stripe.Customer.create().id).customer_details is None
    found = Session.list(customer=customer.id)
    assert [s.id for s in found.data] == [session.id]
    assert [s.id for s in Session.list(customer_details={"email": "a@shop.test"}).data] == [
        by_email.id
    ]
    assert refused(Session.list, customer="cus_x").param == "customer"


# --- What cannot be ---


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
            {"line_items": [{"price": "P", "quantity": 0}]},
            "parameter_invalid_integer",
            "line_items[0][quantity]",
            "greater than or equal to 1",
        ),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price]", "param"),
        (
            {"line_items": [{"price": "M", "quantity": 1}]},
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
        (
            {"line_items": [{"price": "O", "quantity": 1}]},
            None,
            "line_items[0][price]",
            "only accepts active prices",
        ),
        (
            {"line_items": [{"price": "C", "quantity": 49}]},
            "amount_too_small",
            None,
            "total amount due must add up to at least $0.50 USD",
        ),
        (
            {"line_items": [{"price": "Y", "quantity": 49}]},
            "amount_too_small",
            None,
            "must add up to at least ¥50 JPY",
        ),
        (
            {"line_items": [{"price": "P", "quantity": 99999}]},
            "amount_too_large",
            None,
            "Amount must be no more than $999,999.99",
        ),
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
                    {
                        "key": "a",
                        "type": "dropdown",
                        "label": {"type": "custom", "custom": "A"},
                    }
                ]
            },
            "parameter_missing",
            "custom_fields[0][dropdown]",
            "Missing required param",
        ),
        ({"subscription_data": {"description": "x"}}, None, "subscription_data", "`payment` mode"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
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
        {"automatic_tax": {"enabled": True}},
        {"payment_intent_data": {"transfer_data": {"destination": "acct_x"}}},
        {"payment_intent_data": {"application_fee_amount": 5}},
        {"managed_payments": {"enabled": True}},
        {"payment_method_configuration": "pmc_x"},
    ],
)
def test_what_is_not_built_is_said_and_nothing_written(account, price, params) -> None:
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


# --- How the page looks ---


def test_what_is_given_is_echoed(price) -> None:
    session = paid(
        price,
        client_reference_id="order-7",
        custom_fields=[
            {
                "key": "size",
                "label": {"type": "custom", "custom": "Size"},
                "type": "dropdown",
                "dropdown": {"options": [{"label": "S", "value": "s"}]},
            }
        ],
        optional_items=[{"price": price, "quantity": 1}],
        custom_text={"submit": {"message": "Soon yours"}},
        consent_collection={"terms_of_service": "required"},
        locale="de",
        metadata={"order": "7"},
        phone_number_collection={"enabled": True},
        shipping_address_collection={"allowed_countries": ["DE"]},
        tax_id_collection={"enabled": True},
        after_expiration={"recovery": {"enabled": True}},
    )
    shown = session.to_dict()
    assert shown["custom_fields"] == [
        {
            "dropdown": {
                "default_value": None,
                "options": [{"label": "S", "value": "s"}],
                "value": None,
            },
            "key": "size",
            "label": {"custom": "Size", "type": "custom"},
            "optional": False,
            "type": "dropdown",
        }
    ]
    assert shown["custom_text"]["submit"] == {"message": "Soon yours"}
    assert shown["custom_text"]["after_submit"] is None
    assert shown["consent_collection"] == {
        "payment_method_reuse_agreement": None,
        "promotions": None,
        "terms_of_service": "required",
    }
    assert shown["tax_id_collection"] == {"enabled": True, "required": "never"}
    assert shown["after_expiration"]["recovery"]["url"] is None
    assert shown["optional_items"] == [
        {"adjustable_quantity": None, "price": price, "quantity": 1}
    ]  # fmt: skip
    assert (shown["client_reference_id"], shown["locale"]) == ("order-7", "de")
    assert (shown["metadata"], shown["phone_number_collection"]) == (
        {"order": "7"},
        {"enabled": True},
    )


def test_a_page_within_the_application_s_own(price) -> None:
    items = [{"price": price, "quantity": 1}]
    session = Session.create(
        mode="payment", line_items=items, ui_mode="embedded_page", return_url="https://a.b/"
    )
    assert session.client_secret.startswith(f"{session.id}_secret_")
    assert (session.url, session.redirect_on_completion) == (None, "always")
    never = Session.create(
        mode="payment", line_items=items, ui_mode="custom", redirect_on_completion="never"
    )
    assert (never.ui_mode, never.return_url) == ("elements", None)


def test_the_page_s_kind_has_the_name_of_the_version(price) -> None:
    session = paid(price)
    assert session.ui_mode == "hosted_page"
    for version, name in (("2025-08-27.basil", "hosted"), ("2026-03-25.dahlia", "hosted_page")):
        assert Session.retrieve(session.id, stripe_version=version).ui_mode == name
    old = Session.retrieve(session.id, stripe_version="2025-08-27.basil").to_dict()
    assert "managed_payments" not in old
    assert "branding_settings" not in old


def test_what_buyers_pay_with(price) -> None:
    assert paid(price).payment_method_types == ["card", "link"]
    only = paid(price, allowed_payment_method_types=["card"])
    assert (only.payment_method_types, only.allowed_payment_method_types) == (["card"], ["card"])
    assert paid(price, excluded_payment_method_types=["card"]).payment_method_types == ["link"]
    old = paid(price, payment_method_types=["klarna"])
    assert (old.payment_method_types, old.payment_method_configuration_details) == (
        ["klarna"],
        None,
    )
    options = paid(price, payment_method_options={"card": {"request_three_d_secure": "any"}})
    assert options.payment_method_options.card.request_three_d_secure == "any"


# --- Line items ---


def test_line_items_are_listed_in_their_order(price) -> None:
    items = [{"price": price, "quantity": n} for n in range(1, 13)]
    session = Session.create(mode="payment", line_items=items, **HERE)
    first = Session.list_line_items(session.id)
    assert ([i.quantity for i in first.data], first.has_more) == ([*range(1, 11)], True)
    assert first.url == f"/v1/checkout/sessions/{session.id}/line_items"
    assert [i.quantity for i in first.auto_paging_iter()] == [*range(1, 13)]
    last = Session.list_line_items(session.id, ending_before=first.data[2].id, limit=1)
    assert ([i.quantity for i in last.data], last.has_more) == ([2], True)
    error = refused(Session.list_line_items, session.id, starting_after="li_x")
    assert (error.param, error.code) == ("starting_after", "resource_missing")
    assert refused(Session.list_line_items, "cs_test_x").http_status == 404


def test_a_line_item_and_what_is_expanded_in_it(price) -> None:
    session = paid(price, expand=["line_items.data.price.product", "line_items.data.taxes"])
    (item,) = session.line_items.data
    assert (item.object, item.description, item.quantity, item.currency) == (
        "item",
        "Mug",
        2,
        "usd",
    )
    assert (item.price.product.name, item.taxes) == ("Mug", [])
    plain = Session.list_line_items(session.id).data[0]
    assert plain.price.product.startswith("prod_")
    assert {"taxes", "discounts", "_"}.isdisjoint(plain.to_dict())
    tiers = Session.list_line_items(session.id, expand=["data.price.currency_options"])
    assert [*tiers.data[0].price.currency_options.to_dict()] == ["usd"]
    assert "cannot be expanded" in str(refused(Session.retrieve, session.id, expand=["url"]))


def test_price_data_makes_a_price_that_is_for_one_session(account) -> None:
    data = {"currency": "EUR", "unit_amount": 700, "product_data": {"name": "Cup"}}
    session = Session.create(
        mode="payment", line_items=[{"price_data": data, "quantity": 3}], **HERE
    )
    assert (session.amount_total, session.currency) == (2100, "eur")
    (item,) = Session.list_line_items(session.id, expand=["data.price.product"]).data
    assert (item.description, item.price.active, item.price.product.active) == ("Cup", False, False)
    assert stripe.Price.list(active=True).data == []


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        ({"unit_amount_decimal": "0.5"}, 101, 51),
        ({"unit_amount": 100, "transform_quantity": {"divide_by": 3, "round": "up"}}, 7, 300),
        ({"custom_unit_amount": {"enabled": True, "preset": 900}}, 1, 900),
        ({"unit_amount": 500, "currency": "jpy"}, 1, 500),
    ],
)
def test_what_a_price_comes_to(account, price, quantity, amount) -> None:
    made = stripe.Price.create(**{"currency": "usd", "product_data": {"name": "A"}, **price})
    items = [{"price": made.id, "quantity": quantity}]
    assert Session.create(mode="payment", line_items=items, **HERE).amount_total == amount


@pytest.mark.parametrize(("mode", "amount"), [("graduated", 590), ("volume", 420)])
def test_what_tiers_come_to(account, mode, amount) -> None:
    made = stripe.Price.create(
        currency="usd",
        product_data={"name": "A"},
        recurring={"interval": "month"},
        billing_scheme="tiered",
        tiers_mode=mode,
        tiers=[{"up_to": 5, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 30}],
    )
    items = [{"price": made.id, "quantity": 14 if mode == "volume" else 8}]
    session = Session.create(mode="subscription", line_items=items, **HERE)
    assert session.amount_total == amount


def test_what_is_metered_has_no_quantity(account) -> None:
    price = stripe.Price.create(
        currency="usd",
        unit_amount=5,
        product_data={"name": "A"},
        recurring={"interval": "month", "usage_type": "metered"},
    )
    wanted = {"mode": "subscription", **HERE}
    session = Session.create(line_items=[{"price": price.id}], **wanted)
    assert session.amount_total == 0
    assert Session.list_line_items(session.id).data[0].quantity is None
    error = refused(Session.create, line_items=[{"price": price.id, "quantity": 1}], **wanted)
    assert "usage_type is `metered`" in str(error)


def test_a_price_has_other_currencies(account) -> None:
    price = stripe.Price.create(
        currency="usd",
        unit_amount=1000,
        currency_options={"eur": {"unit_amount": 900}},
        product_data={"name": "A"},
    )
    assert paid(price.id, currency="eur").amount_total == 1800


# --- Discounts, taxes, shipping ---


def test_a_discount_is_spread_over_the_lines(account, price) -> None:
    third = stripe.Price.create(currency="usd", unit_amount=100, product_data={"name": "A"}).id
    coupon = stripe.Coupon.create(amount_off=100, currency="usd")
    session = Session.create(
        mode="payment",
        line_items=[{"price": third, "quantity": 1}] * 3,
        discounts=[{"coupon": coupon.id}],
        expand=["line_items.data.discounts", "total_details.breakdown"],
        **HERE,
    )
    assert (session.amount_subtotal, session.amount_total) == (300, 200)
    assert session.total_details.amount_discount == 100
    assert [i.amount_discount for i in session.line_items.data] == [33, 34, 33]
    (one,) = session.total_details.breakdown.discounts
    assert (one.amount, one.discount.source.coupon) == (100, coupon.id)
    assert one.discount.checkout_session == session.id
    assert session.line_items.data[1].discounts[0].amount == 34
    assert session.discounts[0].to_dict() == {"coupon": coupon.id, "promotion_code": None}
    assert "breakdown" not in Session.retrieve(session.id).total_details
    old = Session.retrieve(
        session.id, expand=["total_details.breakdown"], stripe_version="2025-08-27.basil"
    )
    assert old.total_details.breakdown.discounts[0].discount.coupon.amount_off == 100


def test_a_coupon_for_some_products_and_the_rounding_of_a_percentage(account) -> None:
    stripe.Product.create(id="in", name="In")
    ids = [
        stripe.Price.create(currency="usd", unit_amount=1005, product="in").id,
        stripe.Price.create(currency="usd", unit_amount=1000, product_data={"name": "Out"}).id,
    ]
    coupon = stripe.Coupon.create(percent_off=50, applies_to={"products": ["in"]})
    session = Session.create(
        mode="payment",
        line_items=[{"price": id, "quantity": 1} for id in ids],
        discounts=[{"coupon": coupon.id}],
        **HERE,
    )
    assert session.amount_total == 2005 - 503
    amounts = [i.amount_discount for i in Session.list_line_items(session.id).data]
    assert amounts == [503, 0]


def test_a_promotion_code_and_its_restrictions(price) -> None:
    coupon = stripe.Coupon.create(percent_off=10, max_redemptions=1)
    customer = stripe.Customer.create().id
    promotion = {"type": "coupon", "coupon": coupon.id}
    code = stripe.PromotionCode.create(
        promotion=promotion,
        customer=customer,
        restrictions={"minimum_amount": 3000, "minimum_amount_currency": "usd"},
    ).id
    session = paid(price, customer=customer, discounts=[{"promotion_code": code}])
    assert session.amount_total == 2700
    assert session.discounts[0].to_dict() == {"coupon": None, "promotion_code": code}
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 0  # that is the completion's
    wanted = {"discounts": [{"promotion_code": code}]}
    assert "another customer" in str(refused(paid, price, **wanted))
    few = [{"price": price, "quantity": 1}]
    error = refused(paid, price, customer=customer, line_items=few, **wanted)
    assert "at least $30.00 USD" in str(error)
    stripe.PromotionCode.modify(code, active=False)
    assert "not active" in str(refused(paid, price, customer=customer, **wanted))


def test_a_coupon_that_is_over_or_of_another_currency(account, price) -> None:
    account.freeze()
    ended = stripe.Coupon.create(percent_off=5, redeem_by=account.now + 60).id
    other = stripe.Coupon.create(amount_off=5, currency="eur").id
    account.advance(minutes=2)
    error = refused(paid, price, discounts=[{"coupon": ended}])
    assert (error.code, error.param) == ("coupon_expired", "discounts[0][coupon]")
    assert "in eur" in str(refused(paid, price, discounts=[{"coupon": other}]))


def test_taxes_on_top_and_within(account, price) -> None:
    on_top = stripe.TaxRate.create(display_name="Sales", percentage=8.25, inclusive=False).id
    within = stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=True).id
    coupon = stripe.Coupon.create(percent_off=10).id
    session = paid(
        price,
        line_items=[
            {"price": price, "quantity": 1, "tax_rates": [on_top]},
            {"price": price, "quantity": 1, "tax_rates": [within]},
        ],
        discounts=[{"coupon": coupon}],
        expand=["line_items.data.taxes", "total_details.breakdown"],
    )
    first, second = session.line_items.data
    assert (first.amount_subtotal, first.amount_tax, first.amount_total) == (1500, 111, 1461)
    assert (second.amount_subtotal, second.amount_tax, second.amount_total) == (1500, 216, 1350)
    assert session.amount_total == 1461 + 1350
    assert session.total_details.amount_tax == 111 + 216
    assert (second.taxes[0].rate.id, second.taxes[0].taxable_amount) == (within, 1134)
    assert sorted(t.amount for t in session.total_details.breakdown.taxes) == [111, 216]


def test_a_customer_may_be_exempt(price) -> None:
    rate = stripe.TaxRate.create(display_name="Sales", percentage=10, inclusive=False).id
    customer = stripe.Customer.create(tax_exempt="exempt").id
    items = [{"price": price, "quantity": 1, "tax_rates": [rate]}]
    assert paid(price, line_items=items).amount_total == 1650
    assert paid(price, line_items=items, customer=customer).amount_total == 1500


def test_shipping_costs_the_first_option(price) -> None:
    slow = stripe.ShippingRate.create(
        display_name="Slow", type="fixed_amount", fixed_amount={"amount": 500, "currency": "usd"}
    ).id
    fast = {
        "display_name": "Fast",
        "type": "fixed_amount",
        "fixed_amount": {"amount": 900, "currency": "usd"},
    }
    session = paid(price, shipping_options=[{"shipping_rate": slow}, {"shipping_rate_data": fast}])
    assert [o.shipping_amount for o in session.shipping_options] == [500, 900]
    assert (session.shipping_cost.amount_total, session.amount_total) == (500, 3500)
    assert session.total_details.amount_shipping == 500
    error = refused(paid, price, shipping_options=[{"shipping_rate": "shr_x"}])
    assert (error.code, error.param) == ("resource_missing", "shipping_options[0][shipping_rate]")


# --- Changes and the end ---


def test_an_update_changes_metadata_items_and_shipping(price) -> None:
    session = paid(price, metadata={"a": "1"}, expand=["line_items"])
    (item,) = session.line_items.data
    updated = Session.modify(
        session.id,
        metadata={"b": "2"},
        line_items=[{"id": item.id, "quantity": 5}, {"price": price, "quantity": 1}],
    )
    assert (updated.metadata.to_dict(), updated.amount_total) == ({"a": "1", "b": "2"}, 9000)
    shown = Session.list_line_items(session.id).data
    assert [(i.id == item.id, i.quantity) for i in shown] == [(True, 5), (False, 1)]
    error = refused(Session.modify, session.id, line_items=[{"id": "li_x", "quantity": 1}])
    assert error.param == "line_items[0][id]"


def test_a_session_expires_when_it_is_told_to(account, price) -> None:
    session = paid(price, after_expiration={"recovery": {"enabled": True}})
    expired = Session.expire(session.id)
    assert (expired.status, expired.url, expired.payment_status) == ("expired", None, "unpaid")
    assert expired.after_expiration.recovery.url
    (event,) = account.events("checkout.*")
    assert event["type"] == "checkout.session.expired"
    assert event["data"]["object"]["id"] == session.id
    assert event["request"]["id"]
    error = refused(Session.expire, session.id)
    assert "This Checkout Session has a status of `expired`." in str(error)
    assert [s.id for s in Session.list(status="expired").data] == [session.id]
    assert Session.list(status="open").data == []
    assert Session.modify(session.id, metadata={"a": "1"}).metadata.a == "1"
    items = [{"price": price, "quantity": 1}]
    assert "can be updated" in str(refused(Session.modify, session.id, line_items=items))


def test_a_session_expires_when_the_test_says_so(account, price) -> None:
    session = paid(price)
    account.expire_checkout(session)
    assert Session.retrieve(session.id).status == "expired"
    (event,) = account.events("checkout.session.expired")
    assert event["request"]["id"] is None
    for which in (session.id, "cs_test_x"):
        with pytest.raises(ValueError, match="is no open checkout session"):
            account.expire_checkout(which)


def test_an_update_after_the_time_does_not_take_the_event_away(account, price) -> None:
    account.freeze(1_800_000_000)
    session = paid(price)
    clock.move(Scope(account.store), session.expires_at)
    assert Session.modify(session.id, metadata={"a": "1"}).status == "expired"
    account.advance(seconds=1)
    (event,) = account.events("checkout.*")
    assert event["data"]["object"]["metadata"] == {"a": "1"}


def test_a_connected_account_s_sessions_expire_with_the_platform_s_clock(account) -> None:
    account.freeze()
    inside = {"stripe_account": stripe.Account.create(type="standard").id}
    made = stripe.Price.create(
        currency="usd", unit_amount=900, product_data={"name": "A"}, **inside
    )  # fmt: skip
    session = paid(made.id, **inside)
    assert Session.list_line_items(session.id, **inside).data[0].amount_total == 1800
    assert refused(Session.retrieve, session.id).http_status == 404
    account.advance(days=1)
    assert Session.retrieve(session.id, **inside).status == "expired"
    (event,) = stripe.Event.list(type="checkout.session.expired", **inside).data
    assert (event.account, event.data.object.id) == (inside["stripe_account"], session.id)


def test_a_discount_stays_though_its_coupon_is_deleted(account, price) -> None:
    coupon = stripe.Coupon.create(percent_off=50)
    session = paid(price, discounts=[{"coupon": coupon.id}], expand=["line_items"])
    stripe.Coupon.delete(coupon.id)
    items = [{"id": session.line_items.data[0].id, "quantity": 1}]
    assert Session.modify(session.id, line_items=items).amount_total == 750


def test_sessions_expire_with_time_in_their_order(account, price) -> None:
    account.freeze(1_800_000_000)
    late = paid(price).id
    soon = paid(price, expires_at=account.now + 3600).id
    account.advance(minutes=59)
    assert Session.retrieve(soon).status == "open"
    clock.move(Scope(account.store), 1_800_003_600)  # as real time would: nothing is told yet
    assert Session.retrieve(soon).status == "expired"
    assert [s.id for s in Session.list(status="open").data] == [late]
    assert "status of `expired`" in str(refused(Session.expire, soon))
    account.advance(days=2)
    told = [(e["data"]["object"]["id"], e["created"]) for e in account.events("checkout.*")]
    assert told == [(soon, 1_800_003_600), (late, 1_800_086_400)]
    assert account.events("checkout.*")[0]["request"] == {"id": None, "idempotency_key": None}
    assert {s.status for s in Session.list().data} == {"expired"}
    account.advance(days=2)
    assert len(account.events("checkout.*")) == 2
