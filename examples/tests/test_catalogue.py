"""A large catalogue, made once for each process of the run: these tests only read, or undo."""

from __future__ import annotations

import itertools

import pytest

from fakes import FakeBilling
from tiger import InvalidCursor

SIZE = 1000


@pytest.fixture(scope="session")
def catalogue(tiger_store_session):
    """An account with a thousand prices more than the seed has, in one commit."""
    tiger_store_session.prices.insert_many(
        {
            "id": f"price_{number:04}",
            "product": f"prod_{number % 10}",
            "unit_amount": number,
            "active": number % 100 != 0,
            "created": 1_700_000_000 + number,
        }
        for number in range(SIZE)
    )
    return tiger_store_session


def test_pages_follow_each_other(catalogue):
    """As with Stripe: the cursor is the last record of the page before."""
    first = catalogue.prices.list(limit=3)
    second = catalogue.prices.list(limit=3, starting_after=first.data[-1]["id"])
    assert [price["unit_amount"] for price in [*first, *second]] == [999, 998, 997, 996, 995, 994]
    assert (first.has_more, first.url) == (True, "/v1/prices")


def test_a_page_back_is_the_one_before(catalogue):
    page = catalogue.prices.list(limit=3, ending_before="price_0500")
    assert [price["id"] for price in page] == ["price_0503", "price_0502", "price_0501"]


def test_all_pages_are_walked(catalogue):
    active = FakeBilling(catalogue).prices()
    assert sum(1 for price in active if price["id"][6:].isdigit()) == SIZE - 10


def test_a_filter_holds_on_every_page(catalogue):
    found = catalogue.prices.list(limit=7, product="prod_3").auto_paging_iter()
    assert [price["unit_amount"] for price in found] == list(range(993, 0, -10))


def test_a_walk_sees_one_moment_from_its_second_page_on(catalogue):
    """What others add meanwhile neither comes twice nor pushes anything out."""
    with catalogue.savepoint():
        walk = catalogue.prices.list(limit=100).auto_paging_iter()
        seen = [price["id"] for price in itertools.islice(walk, 150)]
        catalogue.prices.insert({"id": "price_new", "created": 1_700_000_500})
        catalogue.prices.delete("price_0001")
        seen += [price["id"] for price in walk]
    assert len(seen) == len(set(seen)) == SIZE + 4
    assert "price_new" not in seen


def test_a_cursor_that_is_not_there_is_an_error(catalogue):
    """And not an empty page, which would look like the end."""
    with pytest.raises(InvalidCursor, match="no prices 'price_gone'"):
        catalogue.prices.list(starting_after="price_gone")
