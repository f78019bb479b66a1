"""Schedules of subscriptions: phases in order, and what becomes of the subscription in each."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.subscribing import unpaid_change
from tigerstripe.work import clock
from tigerstripe.work.scope import Scope

DAY_S = 24 * 3600


@pytest.fixture
def now(account) -> int:
    return account.freeze(1_900_000_000)


@pytest.fixture
def customer(client) -> str:
    return stripe.Customer.create(
        email="jane@example.com",
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
    ).id


@pytest.fixture
def price(client):
    """What makes monthly prices of one product."""
    product = stripe.Product.create(name="Club").id

    def make(amount: int) -> str:
        return stripe.Price.create(
            product=product, currency="usd", unit_amount=amount, recurring={"interval": "month"}
        ).id

    return make


def phase(price: str, **more: Any) -> dict[str, Any]:
    return {"items": [{"price": price, "quantity": 1}], "iterations": 1, **more}


def paid(subscription: str) -> list[int]:
    """The totals of a subscription's invoices, oldest first."""
    listed = stripe.Invoice.list(subscription=subscription).data
    return [invoice.total for invoice in reversed(listed)]


def test_each_phase_bills_its_own_price_and_the_subscription_goes_on(
    account, now, customer, price
) -> None:
    cheap, dear = price(1000), price(3000)
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=[phase(cheap), phase(dear)]
    )
    assert (schedule.status, schedule.current_phase.start_date) == ("active", now)
    account.advance(days=100)
    done = stripe.SubscriptionSchedule.retrieve(schedule.id)
    assert (done.status, done.released_subscription) == ("released", schedule.subscription)
    subscription = stripe.Subscription.retrieve(schedule.subscription)
    assert (subscription.status, subscription.schedule) == ("active", None)
    assert paid(subscription.id) == [1000, 3000, 3000, 3000]
    told = [event["type"] for event in account.events("subscription_schedule.*")]
    assert told[0] == "subscription_schedule.created"
    assert told[-2:] == ["subscription_schedule.expiring", "subscription_schedule.released"]


def test_a_phase_begins_though_a_change_still_waits_for_its_payment(
    account, now, customer, price
) -> None:
    """The schedule stood still at its first phase."""
    club = price(90_000)
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": club}])
    schedule = stripe.SubscriptionSchedule.create(from_subscription=subscription.id)
    [first] = schedule.phases
    times = {"start_date": first.start_date, "end_date": first.end_date}
    coming = {"items": [{"price": club, "quantity": 5}]}
    phases = [{"items": [{"price": club, "quantity": 1}], **times}, coming]
    stripe.SubscriptionSchedule.modify(schedule.id, phases=phases)
    account.advance(first.end_date - 10 * 3600)
    waiting = unpaid_change(subscription)
    assert waiting.pending_update is not None
    account.advance(first.end_date)
    now = stripe.Subscription.retrieve(subscription.id)
    assert (now["items"].data[0].quantity, now.pending_update) == (5, None)
    assert stripe.Invoice.retrieve(waiting.latest_invoice.id).status == "void"


@pytest.mark.parametrize("trial", [0, 1])
def test_a_phase_with_a_new_anchor_begins_beside_a_trial(
    account, now, customer, price, trial
) -> None:
    """The schedule stood still: a trial's end is the anchor, so periods cannot begin anew."""
    phases = [phase(price(1000), billing_cycle_anchor="phase_start") for _ in range(2)]
    phases[trial]["trial"] = True
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=phases
    )
    account.advance(days=65, hours=2)
    assert stripe.SubscriptionSchedule.retrieve(schedule.id).status == "released"
    assert not [one for one in account.requests() if one["method"] == "TIME"]
    assert paid(schedule.subscription) == [[0, 1000, 1000], [1000, 1000]][trial]


@pytest.mark.parametrize("start", ["now", 1_900_000_000 + DAY_S])
def test_a_deleted_customer_takes_their_schedules_along(
    account, now, customer, price, start
) -> None:
    """One that was to begin later waited for ever."""
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date=start, phases=[phase(price(1000))]
    )
    stripe.Customer.delete(customer)
    canceled = stripe.SubscriptionSchedule.retrieve(schedule.id)
    assert (canceled.status, canceled.canceled_at) == ("canceled", now)
    account.advance(days=40)
    assert not [one for one in account.requests() if one["method"] == "TIME"]


def test_a_phase_can_be_changed_after_its_trial(account, now, customer, price) -> None:
    club = price(1000)
    first = phase(club, iterations=2, trial_end=now + 14 * DAY_S)
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=[first]
    )
    account.advance(days=20)
    first = {**first, "start_date": now, "items": [{"price": club, "quantity": 2}]}
    changed = stripe.SubscriptionSchedule.modify(schedule.id, phases=[first])
    assert changed.phases[0].trial_end == now + 14 * DAY_S
    subscription = stripe.Subscription.retrieve(schedule.subscription)
    assert (subscription.status, subscription["items"].data[0].quantity) == ("active", 2)


def test_a_schedule_that_cancels_ends_its_subscription(account, now, customer, price) -> None:
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", end_behavior="cancel", phases=[phase(price(1000))]
    )
    account.advance(days=40)
    done = stripe.SubscriptionSchedule.retrieve(schedule.id)
    assert (done.status, done.completed_at is not None) == ("completed", True)
    assert stripe.Subscription.retrieve(schedule.subscription).status == "canceled"
    assert paid(schedule.subscription) == [1000]


def test_a_schedule_starts_later_by_itself(account, now, customer, price) -> None:
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date=now + 10 * DAY_S, phases=[phase(price(1000))]
    )
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    account.advance(days=11)
    started = stripe.SubscriptionSchedule.retrieve(schedule.id)
    assert started.status == "active"
    assert stripe.Subscription.retrieve(started.subscription).start_date == now + 10 * DAY_S


def test_a_subscription_that_is_there_gets_another_price_at_its_period_s_end(
    account, now, customer, price
) -> None:
    cheap, dear = price(1000), price(3000)
    subscription = stripe.Subscription.create(customer=customer, items=[{"price": cheap}])
    schedule = stripe.SubscriptionSchedule.create(from_subscription=subscription.id)
    first = schedule.phases[0]
    stripe.SubscriptionSchedule.modify(
        schedule.id,
        phases=[
            {
                "items": [{"price": cheap, "quantity": 1}],
                "start_date": first.start_date,
                "end_date": first.end_date,
            },
            phase(dear),
        ],
    )
    account.advance(days=32)
    assert paid(subscription.id) == [1000, 3000]


def test_a_canceled_subscription_takes_its_schedule_along(account, now, customer, price) -> None:
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=[phase(price(1000))]
    )
    stripe.Subscription.cancel(schedule.subscription)
    assert stripe.SubscriptionSchedule.retrieve(schedule.id).status == "canceled"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phases": []}, "Missing required param: phases"),
        ({"phases": [{"items": [], "iterations": 1}]}, r"phases\[0\]\[items\]"),
        ({"end_date": -DAY_S}, "comes after its start"),
        ({"start_date": None}, "Missing required param: start_date"),
    ],
)
def test_phases_that_cannot_be_are_refused(account, now, customer, price, change, message) -> None:
    first = phase(price(1000))
    second = phase(price(2000))
    if "end_date" in change:
        first = {"items": first["items"], "end_date": now + change["end_date"]}
    params: dict[str, Any] = {
        "customer": customer,
        "start_date": change.get("start_date", "now"),
        "phases": change.get("phases", [first, second]),
    }
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.SubscriptionSchedule.create(**params)
    assert not stripe.SubscriptionSchedule.list().data
    assert not stripe.Subscription.list(status="all").data


def test_phases_leave_no_gap_and_do_not_overlap(account, now, customer, price) -> None:
    cheap = price(1000)
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=[phase(cheap)]
    )
    end = schedule.phases[0].end_date
    for start in (end - 1, end + 1):
        phases = [phase(cheap, start_date=now), phase(cheap, start_date=start)]
        with pytest.raises(stripe.InvalidRequestError, match="follow one another"):
            stripe.SubscriptionSchedule.modify(schedule.id, phases=phases)
    assert stripe.SubscriptionSchedule.retrieve(schedule.id).phases == schedule.phases


def test_a_schedule_that_is_over_takes_no_change(account, now, customer, price) -> None:
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=[phase(price(1000))]
    )
    stripe.SubscriptionSchedule.release(schedule.id)
    for call in (stripe.SubscriptionSchedule.release, stripe.SubscriptionSchedule.cancel):
        with pytest.raises(stripe.InvalidRequestError, match="it is released"):
            call(schedule.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot update"):
        stripe.SubscriptionSchedule.modify(schedule.id, metadata={"a": "b"})


class TestNothingToPayWith:
    """A schedule goes on as time says, though its customer has no payment method."""

    @pytest.fixture
    def customer(self, client) -> str:
        return stripe.Customer.create().id

    @pytest.mark.parametrize("days", [0, 10])
    def test_its_subscription_begins_all_the_same(
        self, account, now, customer, price, days
    ) -> None:
        start = now + days * DAY_S if days else "now"
        schedule = stripe.SubscriptionSchedule.create(
            customer=customer, start_date=start, phases=[phase(price(1000), iterations=2)]
        )
        account.advance(days=days)
        id = stripe.SubscriptionSchedule.retrieve(schedule.id).subscription
        begun = stripe.Subscription.retrieve(id, expand=["latest_invoice"])
        assert (begun.status, begun.latest_invoice.status) == ("active", "draft")
        account.advance(hours=2)
        late = stripe.Subscription.retrieve(id, expand=["latest_invoice"])
        assert (late.status, late.latest_invoice.status) == ("past_due", "open")

    def test_it_is_aborted_once_nobody_has_paid(self, account, now, customer, price) -> None:
        schedule = stripe.SubscriptionSchedule.create(
            customer=customer, start_date="now", phases=[phase(price(1000), iterations=2)]
        )
        account.advance(days=20)
        assert stripe.SubscriptionSchedule.retrieve(schedule.id).status == "canceled"
        assert stripe.Subscription.retrieve(schedule.subscription).status == "canceled"
        assert account.events("subscription_schedule.aborted")
        assert not account.events("subscription_schedule.canceled")

    def test_a_phase_that_is_billed_at_once_does_not_stop_time(
        self, account, now, customer, price
    ) -> None:
        stripe.SubscriptionSchedule.create(
            customer=customer,
            start_date="now",
            phases=[
                {"items": [{"price": price(1000)}], "end_date": now + 2 * DAY_S},
                phase(price(2000), proration_behavior="always_invoice"),
            ],
        )
        account.advance(days=3)
        assert account.now == now + 3 * DAY_S


def test_a_phase_without_an_end_lasts_a_period(account, now, customer, price) -> None:
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer,
        start_date=now + DAY_S,
        phases=[{"items": [{"price": price(1000), "quantity": 1}]}],
    )
    [only] = schedule.phases
    assert (only.start_date, only.end_date) == (now + DAY_S, now + DAY_S + 31 * DAY_S)


def test_a_phase_says_all_of_its_items_and_of_its_first_invoice(
    account, now, customer, price
) -> None:
    mug = stripe.Price.create(currency="usd", unit_amount=500, product_data={"name": "Mug"}).id
    rate = stripe.TaxRate.create(display_name="VAT", percentage=10, inclusive=False).id
    item = {"price": price(1000), "metadata": {"seat": "7"}}
    added = {"price": mug, "tax_rates": [rate], "metadata": {"gift": "yes"}}
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer,
        start_date="now",
        default_settings={"invoice_settings": {"footer": "Thanks"}},
        phases=[{
            "items": [item],
            "add_invoice_items": [added],
            "invoice_settings": {"description": "Club"},
        }],
    )  # fmt: skip
    subscription = stripe.Subscription.retrieve(schedule.subscription, expand=["latest_invoice"])
    assert subscription["items"].data[0].metadata.to_dict() == {"seat": "7"}
    invoice = subscription.latest_invoice
    assert (invoice.total, invoice.description, invoice.footer) == (1550, "Club", "Thanks")
    [mugs] = [line for line in invoice.lines.data if line.amount == 500]
    assert mugs.metadata.to_dict() == {"gift": "yes"}
    assert (mugs.period.start, mugs.period.end) == (now, schedule.phases[0].end_date)


@pytest.mark.parametrize("which", [None, "recurring"])
def test_items_added_by_a_phase_have_a_price_paid_once(
    account, now, customer, price, which
) -> None:
    added = {"quantity": 2} if which is None else {"price": price(700)}
    with pytest.raises(stripe.InvalidRequestError) as raised:
        stripe.SubscriptionSchedule.create(
            customer=customer,
            start_date="now",
            phases=[phase(price(1000)), phase(price(1000), add_invoice_items=[added])],
        )
    assert raised.value.param == "phases[1][add_invoice_items][0][price]"


def test_a_schedule_of_a_subscription_leaves_how_it_is_collected(
    account, now, customer, price
) -> None:
    dear, cheap = price(3000), price(1000)
    made = stripe.Subscription.create(
        customer=customer,
        items=[{"price": dear}],
        collection_method="send_invoice",
        days_until_due=9,
        description="Club",
        invoice_settings={"footer": "Thanks"},
    )
    schedule = stripe.SubscriptionSchedule.create(from_subscription=made.id)
    first = schedule.phases[0]
    current = {"start_date": first.start_date, "end_date": first.end_date}
    stripe.SubscriptionSchedule.modify(
        schedule.id, phases=[{**current, "items": [{"price": dear}]}, phase(cheap)]
    )
    account.advance(days=35)
    then = stripe.Subscription.retrieve(made.id, expand=["latest_invoice"])
    assert then["items"].data[0].price.id == cheap
    assert (then.collection_method, then.days_until_due) == ("send_invoice", 9)
    assert (then.description, then.latest_invoice.footer) == ("Club", "Thanks")


def test_phases_that_no_subscription_could_have_are_refused_at_once(
    account, now, customer, price
) -> None:
    def made(currency: str, interval: str) -> str:
        return stripe.Price.create(
            currency=currency,
            unit_amount=900,
            product_data={"name": "Other"},
            recurring={"interval": interval},
        ).id

    monthly, weekly, euros = price(1000), made("usd", "week"), made("eur", "month")
    for items in ([monthly, weekly], [euros]):
        with pytest.raises(stripe.InvalidRequestError):
            stripe.SubscriptionSchedule.create(
                customer=customer,
                start_date="now",
                phases=[phase(monthly), {"items": [{"price": one} for one in items]}],
            )
    assert stripe.SubscriptionSchedule.list().data == []


def test_a_paused_subscription_gets_no_schedule(account, now, customer, price) -> None:
    made = stripe.Subscription.create(customer=customer, items=[{"price": price(1000)}])
    stripe.Subscription.pause(made.id, type="subscription")
    account.advance(days=90)
    with pytest.raises(stripe.InvalidRequestError, match="is paused"):
        stripe.SubscriptionSchedule.create(from_subscription=made.id)


def test_a_schedule_that_begins_when_its_only_phase_is_over_ends(
    account, now, customer, price
) -> None:
    """As in the moment in which another process moves the clock."""
    made = stripe.Subscription.create(customer=customer, items=[{"price": price(1000)}])
    clock.move(Scope(account.store), now + 40 * DAY_S)
    schedule = stripe.SubscriptionSchedule.create(from_subscription=made.id)
    account.advance(days=1)
    assert stripe.SubscriptionSchedule.retrieve(schedule.id).status == "released"
    assert stripe.Subscription.retrieve(made.id).schedule is None
