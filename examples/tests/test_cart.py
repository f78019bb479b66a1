"""The cart needs no service: these tests start no daemon."""

from __future__ import annotations

import pytest

from shop.cart import Cart


def test_a_cart_counts_what_is_added_again():
    cart = Cart(price_lamp=1)
    cart.add("price_lamp", 2)
    cart.add("price_vase")
    assert cart.lines == {"price_lamp": 3, "price_vase": 1}


def test_a_cart_costs_the_sum_of_its_lines():
    cart = Cart(price_lamp=2, price_vase=1)
    assert cart.total({"price_lamp": 4900, "price_vase": 2500}) == 12300


@pytest.mark.parametrize("quantity", [0, -1, 11])
def test_a_quantity_that_no_cart_holds_is_refused(quantity):
    with pytest.raises(ValueError, match="1 to 10"):
        Cart(price_lamp=quantity)
