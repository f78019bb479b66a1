"""Test clocks, and the customers that are made on them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import stripe

import tiger
from tests.stripe.alarms import put, rings
from tests.stripe.billing import buyer
from tests.stripe.refusals import refused
from tigerstripe.objects import due
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

AT = 1_700_000_000
YEARS_2_S = (2 * 365 + 1) * 24 * 3600  # one of the two is a leap year
DAY_S = 24 * 3600


def made(**params: Any) -> str:
    """Return the id of a new clock."""
    return str(stripe.test_helpers.TestClock.create(frozen_time=AT, **params).id)


def advance(clock: str, to: int, **params: Any) -> Any:
    return stripe.test_helpers.TestClock.advance(clock, frozen_time=to, **params)


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


def test_all_that_is_due_on_a_clock_happens_before_its_advance_is_answered(account, alarms) -> None:
    scope, clock = Scope(account.store), made()
    put(scope, ["b", "a", "later"], [AT + 20, AT + 10, AT + 31], clock=clock)
    before = account.store.mark()
    answered = advance(clock, AT + 30)
    assert (answered.status, answered.frozen_time) == ("ready", AT + 30)
    assert rings(account) == [("a", AT + 10), ("b", AT + 20)]
    changes = [c for c in account.store.changes(before) if c.table == "events"]
    told = [change.after["type"].rpartition(".")[2] for change in changes]
    assert told == ["advancing", "rung", "rung", "ready"]
    advancing, *_, ready = [change.after for change in changes]
    assert advancing["request"]["id"] == ready["request"]["id"] != None  # noqa: E711
    assert advancing["data"]["object"]["status_details"] == {
        "advancing": {"target_frozen_time": AT + 30}
    }


def test_the_account_and_its_clocks_do_not_move_each_other(account, alarms) -> None:
    scope, one, other = Scope(account.store), made(), made()
    account.freeze(AT)
    put(scope, ["mine"], [AT + 10])
    put(scope, ["one"], [AT + 10], clock=one)
    put(scope, ["other"], [AT + 10], clock=other)
    advance(one, AT + 100)
    assert alarms.rung == [("one", AT + 10)]
    account.advance(seconds=100)
    assert alarms.rung == [("one", AT + 10), ("mine", AT + 10)]
    assert account.now == AT + 100
    assert stripe.test_helpers.TestClock.retrieve(other).frozen_time == AT


def test_a_customer_on_a_clock_is_made_and_changed_in_its_time(account) -> None:
    clock = made()
    customer = stripe.Customer.create(test_clock=clock).id
    advance(clock, AT + 60)
    stripe.Customer.modify(customer, name="Jane")
    advance(clock, AT + 120)
    stripe.Customer.delete(customer)
    told = account.events("customer.*")
    assert [(e["type"], e["created"]) for e in told] == [
        ("customer.created", AT),
        ("customer.updated", AT + 60),
        ("customer.deleted", AT + 120),
    ]


def test_a_work_on_a_clock_has_its_time_and_puts_into_its_calendar(account) -> None:
    account.freeze(AT + 5000)
    scope, clock = Scope(account.store), made()
    work = Work(scope, account.now, "2026-10-28.endive", None, is_write=True)
    on_it = work.on_clock(clock)
    assert (on_it.now, on_it.clock) == (AT, clock)
    assert on_it.on_clock(clock) is on_it
    assert on_it.on_clock(None).now == work.now == AT + 5000
    assert work.on_clock(None) is work
    due.schedule(on_it, "alarm", "a", AT + 10)
    on_it.tell("alarm.set", {"id": "a"})
    assert [event["created"] for event in work.events] == [AT]
    stripe.test_helpers.TestClock.advance(clock, frozen_time=AT + 1)
    with pytest.raises(tiger.Conflict):  # its time was another's: it is planned again
        work.commit(Log(scope))


def test_an_advance_in_the_same_request_again_gives_the_answer_kept(account, alarms) -> None:
    clock = made()
    put(Scope(account.store), ["a"], [AT + 10], clock=clock)
    first = advance(clock, AT + 30, idempotency_key="once")
    again = advance(clock, AT + 30, idempotency_key="once")
    assert again.to_dict() == first.to_dict()
    assert len(rings(account)) == 1
    assert len(account.events("test_helpers.test_clock.ready")) == 1


def test_a_clock_goes_on_alone_and_by_two_years_at_most(account) -> None:
    clock = made()
    before = account.store.mark()
    for to in (AT, AT - 1):
        with pytest.raises(stripe.InvalidRequestError, match="only goes on") as raised:
            advance(clock, to)
        assert raised.value.param == "frozen_time"
    error = refused(stripe.test_helpers.TestClock.advance, clock, frozen_time=AT + YEARS_2_S + 1)
    assert "two years without any" in str(error)
    assert "Invalid integer" in str(
        refused(stripe.test_helpers.TestClock.advance, clock, frozen_time="soon")
    )
    assert "No such test clock" in str(
        refused(stripe.test_helpers.TestClock.advance, "clock_none", frozen_time=AT + 1)
    )
    account.store.assert_changes(before)
    assert advance(clock, AT + YEARS_2_S).frozen_time == AT + YEARS_2_S


def test_processes_that_advance_one_clock_do_each_thing_once(account, start) -> None:
    clock = made()
    put(Scope(account.store), [f"a{n}" for n in range(40)], [AT + 10] * 40, 3600, clock=clock)
    target = AT + 24 * 3600
    ends = [process.wait(120) for process in [start(target, 0, clock) for _ in range(3)]]
    assert 0 in ends  # one that comes when another has ended is refused: the time is past
    assert Counter(rings(account)) == Counter(
        (f"a{n}", AT + 10 + 3600 * hour) for n in range(40) for hour in range(24)
    )
    assert len(account.events("test_helpers.test_clock.advancing")) == 1
    assert len(account.events("test_helpers.test_clock.ready")) == 1
    there = stripe.test_helpers.TestClock.retrieve(clock)
    assert (there.status, there.frozen_time) == ("ready", target)


def test_an_advance_that_was_killed_is_ended_by_the_same_again(account, alarms, start) -> None:
    clock = made()
    put(Scope(account.store), [f"a{n}" for n in range(40)], [AT + 10] * 40, 3600, clock=clock)
    target = AT + 24 * 3600
    killed = start(target, 205, clock)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "\n"  # it is in the middle of a commit
    killed.kill()
    killed.wait()
    there = stripe.test_helpers.TestClock.retrieve(clock)
    assert there.status == "advancing"
    assert there.frozen_time == rings(account)[-1][1] < target
    with pytest.raises(stripe.RateLimitError, match="advancement underway"):
        advance(clock, target + 1)
    alarms.happens_together = True
    assert advance(clock, target).status == "ready"
    assert Counter(rings(account)) == Counter(
        (f"a{n}", AT + 10 + 3600 * hour) for n in range(40) for hour in range(24)
    )


def test_a_deleted_clock_ends_its_subscriptions(account, monthly) -> None:
    clock = made()
    customer = buyer(test_clock=clock).id
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": monthly}]).id
    stripe.test_helpers.TestClock.delete(clock)
    ended = stripe.Subscription.retrieve(subscription)
    assert (ended.status, ended.canceled_at) == ("canceled", AT)
    assert not account.store.due.find_by_clock(clock)


def test_a_deleted_clock_takes_what_is_due_on_it_along(account, alarms) -> None:
    clock, other = made(), made()
    put(Scope(account.store), ["a"], [AT + 10], clock=clock)
    put(Scope(account.store), ["b"], [AT + 10], clock=other)
    stripe.test_helpers.TestClock.delete(clock)
    assert not account.store.due.find_by_clock(clock)
    advance(other, AT + 20)
    assert alarms.rung == [("b", AT + 10)]


def test_a_connected_account_has_clocks_of_its_own(account, alarms) -> None:
    shop = stripe.Account.create(type="standard").id
    clock = made(stripe_account=shop)
    work = Work(Scope(account.store), AT, "2026-10-28.endive", None, is_write=True)
    due.schedule(work.inside(shop).on_clock(clock), "alarm", "a", AT + 10)
    work.commit(Log(work.scope))
    advance(clock, AT + 20, stripe_account=shop)
    told = stripe.Event.list(type="alarm.rung", stripe_account=shop).data
    assert [(event.created, event.account) for event in told] == [(AT + 10, shop)]
    assert refused(stripe.test_helpers.TestClock.retrieve, clock).code == "resource_missing"


def test_a_subscription_goes_by_its_clock_two_intervals_at_a_time(account, monthly) -> None:
    clock = made()
    customer = buyer(test_clock=clock).id
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": monthly}])
    assert (subscription.created, subscription.test_clock) == (AT, clock)
    assert stripe.Subscription.list().data == stripe.Invoice.list().data == []
    assert stripe.Subscription.list(test_clock=clock).data[0].id == subscription.id
    error = refused(stripe.test_helpers.TestClock.advance, clock, frozen_time=AT + 62 * DAY_S)
    assert f"with {subscription.id}" in str(error)
    advance(clock, AT + 59 * DAY_S)
    item = subscription["items"].data[0].id
    stripe.SubscriptionItem.modify(item, quantity=2)
    invoices = stripe.Invoice.list(customer=customer).data
    assert [(i.status, (i.created - AT) // DAY_S) for i in invoices] == [("paid", 30), ("paid", 0)]
    added = stripe.InvoiceItem.create(customer=customer, amount=5, currency="usd")
    assert added.date == AT + 59 * DAY_S
    assert stripe.InvoiceItem.list().data == []
    changed = account.events("customer.subscription.updated")[-1]
    assert changed["created"] == AT + 59 * DAY_S
    stripe.Subscription.cancel(subscription.id)
    assert stripe.Subscription.retrieve(subscription.id).canceled_at == AT + 59 * DAY_S
    assert advance(clock, AT + 59 * DAY_S + YEARS_2_S - DAY_S).status == "ready"


def test_no_clock_shows_a_time_that_has_no_date(account: Any) -> None:
    late = 10**12
    for at in (-1, late):
        error = refused(stripe.test_helpers.TestClock.create, frozen_time=at)
        assert error.param == "frozen_time"
        with pytest.raises(ValueError, match="in seconds since 1970"):
            account.freeze(at)
    with pytest.raises(ValueError, match="in seconds since 1970"):
        account.advance(to=late)


def test_a_customer_with_a_subscription_stays_on_the_account_s_clock(
    account: Any, monthly: str
) -> None:
    customer = buyer().id
    stripe.Subscription.create(customer=customer, items=[{"price": monthly}])
    error = refused(stripe.test_helpers.TestClock.create, frozen_time=AT, customer=customer)
    assert error.param == "customer"
    assert stripe.Customer.retrieve(customer).test_clock is None


@pytest.mark.parametrize("by", ["the bank", "the customer"])
def test_a_subscription_that_is_paid_for_later_stays_on_its_clock(account, monthly, by) -> None:
    """It went on by the account's clock, in another year."""
    account.freeze(AT + 900 * DAY_S)
    clock = made()
    customer = buyer("pm_card_authenticationRequired", test_clock=clock).id
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": monthly}])
    assert subscription.status == "incomplete"
    [intent] = stripe.PaymentIntent.list(customer=customer).data
    if by == "the bank":
        account.authenticate(intent.id)
    else:
        stripe.PaymentIntent.confirm(intent.id, payment_method="pm_card_visa")
    [invoice] = stripe.Invoice.list(subscription=subscription.id).data
    assert invoice.status_transitions.paid_at == AT
    account.advance(days=40)
    assert len(stripe.Invoice.list(subscription=subscription.id).data) == 1
    stripe.test_helpers.TestClock.advance(clock, frozen_time=AT + 40 * DAY_S)
    assert len(stripe.Invoice.list(subscription=subscription.id).data) == 2


def test_objects_made_from_one_on_a_clock_use_that_clock(account: Any, monthly: str) -> None:
    account.freeze(AT + DAY_S)
    clock = made()
    customer = buyer(test_clock=clock).id
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": monthly}])
    schedule = stripe.SubscriptionSchedule.create(from_subscription=subscription.id)
    moved = stripe.Customer.create_balance_transaction(customer, amount=5, currency="usd")
    assert (schedule.created, moved.created) == (AT, AT)
    assert {one["created"] for one in account.events("customer.*")} == {AT}
    stripe.test_helpers.TestClock.advance(clock, frozen_time=AT + 40 * DAY_S)
    assert stripe.SubscriptionSchedule.retrieve(schedule.id).status == "released"
