"""What a checkout session comes to: its items, discounts, taxes and shipping."""

from __future__ import annotations

import pytest
import stripe

from tests.stripe.refusals import refused
from tests.stripe.shop import HERE, Session, paid, shipping_rate

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
def test_the_amount_of_a_price(account, price, quantity, amount) -> None:
    made = stripe.Price.create(**{"currency": "usd", "product_data": {"name": "A"}, **price})
    items = [{"price": made.id, "quantity": quantity}]
    assert Session.create(mode="payment", line_items=items, **HERE).amount_total == amount


@pytest.mark.parametrize(("mode", "amount"), [("graduated", 590), ("volume", 420)])
def test_the_amount_of_tiers(account, mode, amount) -> None:
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


def test_a_metered_item_has_no_quantity(account) -> None:
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
    assert [i.amount_discount for i in session.line_items.data] == [33, 33, 34]
    (one,) = session.total_details.breakdown.discounts
    assert (one.amount, one.discount.source.coupon) == (100, coupon.id)
    assert one.discount.checkout_session == session.id
    assert session.line_items.data[2].discounts[0].amount == 34
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


def test_a_promotion_code_has_a_minimum_in_each_currency(account) -> None:
    coupon = stripe.Coupon.create(percent_off=10)
    code = stripe.PromotionCode.create(
        promotion={"type": "coupon", "coupon": coupon.id},
        restrictions={
            "minimum_amount": 3000,
            "minimum_amount_currency": "USD",
            "currency_options": {"eur": {"minimum_amount": 2000}},
        },
    )
    assert "currency_options" not in code.restrictions
    stripe.PromotionCode.modify(
        code.id, restrictions={"currency_options": {"gbp": {"minimum_amount": 1000}}}
    )
    got = stripe.PromotionCode.retrieve(code.id, expand=["restrictions.currency_options"])
    options = got.restrictions.currency_options
    assert {name: options[name].minimum_amount for name in ("eur", "gbp", "usd")} == {
        "eur": 2000,
        "gbp": 1000,
        "usd": 3000,
    }
    euros = stripe.Price.create(currency="eur", unit_amount=1000, product_data={"name": "A"}).id
    wanted = {"discounts": [{"promotion_code": code.id}]}
    assert paid(euros, **wanted).amount_total == 1800
    few = [{"price": euros, "quantity": 1}]
    error = refused(paid, euros, line_items=few, **wanted)
    assert "at least €20.00 EUR, £10.00 GBP, or $30.00 USD" in str(error)
    yen = stripe.Price.create(currency="jpy", unit_amount=9000, product_data={"name": "A"}).id
    assert "this one is of ¥18,000 JPY" in str(refused(paid, yen, **wanted))


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
    slow = shipping_rate("Slow", 500)
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
