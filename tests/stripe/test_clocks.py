"""Test clocks, and the customers that are made on them."""

from __future__ import annotations

import pytest
import stripe

AT = 1_700_000_000


def test_a_clock_is_made_and_goes_on(account) -> None:
    clock = stripe.test_helpers.TestClock.create(frozen_time=AT, name="Year")
    assert clock.id.startswith("clock_")
    assert (clock.status, clock.frozen_time, clock.status_details.to_dict()) == ("ready", AT, {})
    assert clock.deletes_after == clock.created + 30 * 24 * 3600
    advanced = stripe.test_helpers.TestClock.advance(clock.id, frozen_time=AT + 60)
    assert (advanced.status, advanced.frozen_time) == ("ready", AT + 60)
    assert stripe.test_helpers.TestClock.retrieve(clock.id).frozen_time == AT + 60
    assert [c.id for c in stripe.test_helpers.TestClock.list().data] == [clock.id]
    with pytest.raises(stripe.InvalidRequestError, match="only goes on"):
        stripe.test_helpers.TestClock.advance(clock.id, frozen_time=AT)
    assert [e["type"].rpartition(".")[2] for e in account.events("test_helpers.*")] == [
        "created",
        "advancing",
        "ready",
    ]


def test_customers_on_a_clock_are_hidden_from_plain_lists(account) -> None:
    clock = stripe.test_helpers.TestClock.create(frozen_time=AT)
    on_it = stripe.Customer.create(test_clock=clock.id, expand=["test_clock"])
    assert (on_it.test_clock.frozen_time, on_it.created) == (AT, AT)
    other = stripe.Customer.create()
    assert [c.id for c in stripe.Customer.list().data] == [other.id]
    assert [c.id for c in stripe.Customer.list(test_clock=clock.id).data] == [on_it.id]
    with pytest.raises(stripe.InvalidRequestError, match="'clock_none'") as raised:
        stripe.Customer.create(test_clock="clock_none")
    assert (raised.value.code, raised.value.param) == ("resource_missing", "test_clock")


def test_a_customer_that_is_there_can_be_put_on_a_new_clock(account) -> None:
    customer = stripe.Customer.create().id
    clock = stripe.test_helpers.TestClock.create(frozen_time=AT, customer=customer)
    assert stripe.Customer.retrieve(customer).test_clock == clock.id
    assert not stripe.Customer.list().data
    with pytest.raises(stripe.InvalidRequestError, match=f"on the clock {clock.id} already"):
        stripe.test_helpers.TestClock.create(frozen_time=AT, customer=customer)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'"):
        stripe.test_helpers.TestClock.create(frozen_time=AT, customer="cus_none")
    assert [one.id for one in stripe.test_helpers.TestClock.list()] == [clock.id]


def test_a_deleted_clock_takes_its_customers_along(account) -> None:
    clock = stripe.test_helpers.TestClock.create(frozen_time=AT)
    one, other = (stripe.Customer.create(test_clock=clock.id) for _ in range(2))
    mine = stripe.Customer.create()
    deleted = stripe.test_helpers.TestClock.delete(clock.id)
    assert deleted.to_dict() == {
        "id": clock.id,
        "object": "test_helpers.test_clock",
        "deleted": True,
    }
    assert stripe.Customer.retrieve(one.id).deleted
    assert stripe.Customer.retrieve(other.id).deleted
    assert [c.id for c in stripe.Customer.list().data] == [mine.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such test clock"):
        stripe.test_helpers.TestClock.retrieve(clock.id)
