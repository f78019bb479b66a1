"""Of any cart: what its session says, what its buyer pays, and its invoice are the same amount."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer
from tests.stripe.shop import HERE, Session

DAY_S = 24 * 3600


def cart(chance: Random, is_subscription: bool) -> dict[str, Any]:
    """Return the parameters of a session, by chance."""
    rates = [
        stripe.TaxRate.create(
            display_name="Tax", percentage=chance.randint(1, 3000) / 100, inclusive=inclusive
        ).id
        for inclusive in (True, False, False)
    ]
    products = [stripe.Product.create(name=name).id for name in ("One", "Two")]

    def item(is_recurring: bool) -> dict[str, Any]:
        data: dict[str, Any] = {
            "currency": "usd",
            "unit_amount": chance.randint(101, 4999),
            "product": chance.choice(products),
        }
        if is_recurring:
            data["recurring"] = {"interval": "month"}
        one: dict[str, Any] = {"price_data": data, "quantity": chance.randint(1, 7)}
        if chance.random() < 0.5:
            one["tax_rates"] = chance.sample(rates, chance.randint(1, 2))
        return one

    items = [item(is_subscription)] + [
        item(is_subscription and chance.random() < 0.5) for _ in range(chance.randint(0, 3))
    ]
    chance.shuffle(items)
    params: dict[str, Any] = {"line_items": items}
    if chance.random() < 0.7:
        off = {"percent_off": chance.randint(1, 99)}
        if chance.random() < 0.5:
            off = {"amount_off": chance.randint(1, 900), "currency": "usd"}
        some = {"applies_to": {"products": products[:1]}} if chance.random() < 0.4 else {}
        coupon = stripe.Coupon.create(duration="once", **off, **some).id
        params["discounts"] = [{"coupon": coupon}]
    if is_subscription:
        params["subscription_data"] = chance.choice([
            {},
            {"default_tax_rates": rates[1:2]},
            {"billing_cycle_anchor": 1_900_000_000 + chance.randint(1, 27) * DAY_S},
            {"trial_period_days": 9},
        ])  # fmt: skip
    else:
        params["invoice_creation"] = {"enabled": True}
    return params


@pytest.mark.parametrize("mode", ["subscription", "payment"])
@pytest.mark.parametrize("seed", range(12))
def test_they_agree(account, seed, mode) -> None:
    account.freeze(1_900_000_000)
    chance = Random(f"{mode}{seed}")
    params = cart(chance, mode == "subscription")
    customer = buyer(None, balance=-chance.choice([0, 0, 250])) if mode == "subscription" else None
    if customer is not None:
        params["customer"] = customer.id
    session = Session.create(mode=mode, **params, **HERE)
    done = account.complete_checkout(session)
    invoice = stripe.Invoice.retrieve(done["invoice"])
    assert invoice.total == session.amount_total, seed
    assert invoice.status == "paid"
    paid = sum(charge.amount for charge in stripe.Charge.list().data)
    assert paid == invoice.amount_paid == invoice.amount_due, seed
    details = session.total_details
    assert sum(tax.amount for tax in invoice.total_taxes) == details.amount_tax
    assert sum(one.amount for one in invoice.total_discount_amounts) == details.amount_discount
