"""A large catalogue, made once for all tests of this module: they only read."""

from __future__ import annotations

import asyncio

import pytest
import stripe

SIZE = 120


@pytest.fixture(scope="module")
def catalogue(tiger_stripe_module):
    """An account with more prices than fit on a page."""
    for number in range(SIZE):
        product = "prod_lamp" if number % 3 else "prod_vase"
        stripe.Price.create(product=product, currency="eur", unit_amount=number)
    return tiger_stripe_module


def test_pages_follow_each_other(catalogue):
    """Newest first; the cursor is the last object of the page before."""
    first = stripe.Price.list(limit=3)
    second = stripe.Price.list(limit=3, starting_after=first.data[-1].id)
    assert [price.unit_amount for price in [*first, *second]] == [119, 118, 117, 116, 115, 114]
    back = stripe.Price.list(limit=3, ending_before=second.data[0].id)
    assert [price.id for price in back] == [price.id for price in first]


def test_all_pages_are_walked(catalogue):
    assert sum(1 for _ in stripe.Price.list(limit=50).auto_paging_iter()) == SIZE + 3


def test_a_filter_holds_on_every_page(catalogue):
    found = stripe.Price.list(limit=7, product="prod_vase").auto_paging_iter()
    assert [price.unit_amount for price in found] == [*range(117, -1, -3), 2500]


def test_a_search_finds(catalogue):
    """At once; the real search lags behind by up to a minute."""
    (lamp,) = stripe.Price.search(query="lookup_key:'lamp'")
    assert lamp.product == "prod_lamp"


def test_a_cursor_that_is_not_there_is_an_error(catalogue):
    with pytest.raises(stripe.InvalidRequestError, match="No such price: 'price_gone'"):
        stripe.Price.list(starting_after="price_gone")


def test_asyncio_is_the_same(catalogue):
    async def names() -> list[str]:
        ids = ["prod_lamp", "prod_chair", "prod_vase"]
        found = await asyncio.gather(*(stripe.Product.retrieve_async(id) for id in ids))
        return [product.name for product in found]

    assert asyncio.run(names()) == ["Lamp", "Chair", "Vase"]
