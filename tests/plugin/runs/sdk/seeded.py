"""Tests that begin with a price."""

import stripe

import tigerstripe


def test_it_begins_with_it(tiger_stripe: tigerstripe.Account) -> None:
    (price,) = stripe.Price.list(expand=["data.product"])
    assert isinstance(price.product, stripe.Product)
    assert (price.unit_amount, price.product.name) == (900, "Tea")
    stripe.Product.create(name="Cup")


def test_each_has_its_own(tiger_stripe: tigerstripe.Account) -> None:
    assert [product.name for product in stripe.Product.list()] == ["Tea"]
