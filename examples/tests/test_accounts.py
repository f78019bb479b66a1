"""Each test has its own account, and chooses its seed."""

from __future__ import annotations

import os

import pytest
import stripe

from shop.checkout import UnknownCode, promotion_code


def test_an_account_begins_with_the_seed(tiger_stripe):
    """`tiger_seed` in conftest.py: its requests were made once, and this account is a fork."""
    assert {product.name for product in stripe.Product.list()} == {"Lamp", "Chair", "Vase"}
    assert [customer.email for customer in stripe.Customer.list()] == ["ann@example.com"]
    tiger_stripe.store.assert_changes()


@pytest.mark.parametrize("name", ["A better lamp", "A cheaper lamp"])
def test_the_same_id_is_another_object_in_each_test(tiger_stripe, name):
    """These two may run at once, in two processes, and both change `prod_lamp`."""
    assert stripe.Product.retrieve("prod_lamp").name == "Lamp"
    stripe.Product.modify("prod_lamp", name=name)
    assert stripe.Product.retrieve("prod_lamp").name == name


@pytest.mark.tigerd(seed=lambda account: stripe.Coupon.create(id="tiny", percent_off=1))
def test_a_test_may_begin_with_what_its_marker_makes(tiger_stripe):
    assert [coupon.id for coupon in stripe.Coupon.list()] == ["tiny"]
    assert not stripe.Product.list().data


@pytest.mark.tigerd(seed={})
def test_a_test_may_begin_with_nothing(tiger_stripe):
    assert tiger_stripe.events() == []
    with pytest.raises(UnknownCode):
        promotion_code("SUMMER")


def test_clients_made_by_hand_are_of_the_account_too(tiger_stripe):
    """Clients use the account whatever key they have, and whenever they were made."""
    client = stripe.StripeClient("sk_test_of_the_application")
    assert client.v1.products.retrieve("prod_lamp").name == "Lamp"
    assert os.environ["TIGERD_NAMESPACE"] == tiger_stripe.name


def test_what_is_undone_and_what_is_a_copy(tiger_stripe):
    with tiger_stripe.savepoint():
        stripe.Customer.create(email="ben@example.com")
    with tiger_stripe.fork() as copy:
        copy.client().v1.customers.create({"email": "eve@example.com"})
    assert [customer.email for customer in stripe.Customer.list()] == ["ann@example.com"]
