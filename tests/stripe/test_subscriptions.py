"""Subscriptions: how they begin, stand, change and end; what is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer, calls_counted, events_of
from tests.stripe.refusals import refused
from tests.stripe.subscribing import (
    T0,
    again,
    begin,
    card,
    invoices,
    recurring,
    told,
    unpaid_change,
)

DAY_S = 24 * 3600
LASTING = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2060, "cvc": "314"}


@pytest.fixture(autouse=True)
def still(account: Any) -> None:
    account.freeze(T0)


@pytest.fixture
def yearly(account: Any) -> str:
    return recurring("year", 9000)


# --- How they begin ---


def test_a_subscription_begins_with_an_invoice_that_is_paid_at_once(account, monthly) -> None:
    made = begin(monthly)
    assert (made.status, made.latest_invoice.status) == ("active", "paid")
    assert made.latest_invoice.billing_reason == "subscription_create"
    assert (made.latest_invoice.amount_paid, made.latest_invoice.attempt_count) == (1000, 1)
    (item,) = made["items"].data
    assert item.current_period_start == T0 == made.billing_cycle_anchor
    assert item.current_period_end == T0 + 28 * DAY_S  # February
    assert made.plan.id == monthly
    assert made.quantity == 1


@pytest.mark.parametrize(
    ("behavior", "method", "status", "invoice", "intent"),
    [
        ("allow_incomplete", "pm_card_chargeCustomerFail", "incomplete", "open",
         "requires_payment_method"),
        ("allow_incomplete", "pm_card_authenticationRequired", "incomplete", "open",
         "requires_action"),
        ("default_incomplete", "pm_card_visa", "incomplete", "open", "requires_confirmation"),
        ("default_incomplete", None, "incomplete", "open", "requires_payment_method"),
        ("allow_incomplete", "pm_card_visa", "active", "paid", "succeeded"),
        ("error_if_incomplete", "pm_card_visa", "active", "paid", "succeeded"),
    ],
)  # fmt: skip
def test_the_first_payment_decides_how_a_subscription_begins(
    account, monthly, behavior, method, status, invoice, intent
) -> None:
    made = begin(monthly, buyer(method).id, payment_behavior=behavior)
    assert (made.status, made.latest_invoice.status) == (status, invoice)
    (payment,) = made.latest_invoice.payments.data
    found = stripe.PaymentIntent.retrieve(payment.payment.payment_intent)
    assert found.status == intent or (intent == "requires_confirmation" and method)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ],
)
def test_an_error_if_incomplete_leaves_nothing_behind(account, monthly, method, code) -> None:
    customer = buyer(method).id
    with pytest.raises(stripe.CardError) as raised:
        begin(monthly, customer, payment_behavior="error_if_incomplete")
    assert (raised.value.code, raised.value.http_status) == (code, 402)
    assert stripe.Subscription.list(customer=customer, status="all").data == []
    assert stripe.Invoice.list(customer=customer).data == []
    assert stripe.Customer.retrieve(customer).next_invoice_sequence == 1
    assert stripe.Charge.list(customer=customer).data == []


def test_without_a_method_to_pay_with_nothing_begins(account, monthly) -> None:
    customer = buyer(None).id
    stripe.PaymentMethod.attach("pm_card_visa", customer=customer)  # attached is not default
    wrong = refused(begin, monthly, customer)
    assert (wrong.http_status, wrong.code, wrong.param) == (400, "resource_missing", None)
    assert "no attached payment source or default payment method" in str(wrong)
    assert stripe.Invoice.list(customer=customer).data == []


def test_a_free_subscription_needs_no_method_and_asks_for_one(account) -> None:
    made = begin(recurring("month", 0), buyer(None).id)
    assert (made.status, made.latest_invoice.status) == ("active", "paid")
    assert made.pending_setup_intent is not None
    assert begin(recurring("month", 0)).pending_setup_intent is None


def test_an_incomplete_one_is_active_once_it_is_paid(account, monthly) -> None:
    customer = buyer("pm_card_chargeCustomerFail").id
    made = begin(monthly, customer)
    good = stripe.PaymentMethod.attach("pm_card_visa", customer=customer)
    stripe.Invoice.pay(made.latest_invoice.id, payment_method=good.id)
    assert again(made).status == "active"
    changes = [before for what, before in told(account) if what == "updated"]
    assert changes == [{"status": "incomplete"}]


def test_one_that_is_to_be_authenticated_is_active_after_that(account, monthly) -> None:
    made = begin(monthly, buyer("pm_card_authenticationRequired").id)
    (payment,) = made.latest_invoice.payments.data
    account.authenticate(payment.payment.payment_intent)
    assert again(made).status == "active"
    assert again(made).latest_invoice.status == "paid"


def test_an_incomplete_one_expires_after_23_hours_and_its_invoice_is_void(account, monthly) -> None:
    made = begin(monthly, buyer("pm_card_chargeCustomerFail").id)
    account.advance(hours=22, minutes=59)
    assert again(made).status == "incomplete"
    account.advance(minutes=1)
    now = again(made)
    assert (now.status, now.ended_at) == ("incomplete_expired", T0 + 23 * 3600)
    assert now.latest_invoice.status == "void"
    assert stripe.PaymentIntent.list().data[0].status == "canceled"
    account.advance(days=70)
    assert len(invoices(made)) == 1
    wrong = refused(stripe.Invoice.pay, made.latest_invoice.id)
    assert wrong.http_status == 400


def test_an_incomplete_one_expires_with_the_change_that_it_waits_for(account, monthly) -> None:
    made = begin(monthly, buyer("pm_card_chargeCustomerFail").id)
    changed = stripe.Subscription.modify(
        made.id, billing_cycle_anchor="now", payment_behavior="pending_if_incomplete"
    )
    stripe.Invoice.mark_uncollectible(changed.latest_invoice)
    assert again(made).pending_update is not None
    account.advance(hours=24)
    assert (again(made).status, again(made).pending_update) == ("incomplete_expired", None)


# --- Trials ---


def test_a_trial_is_free_and_then_the_first_period_is_paid(account, monthly) -> None:
    made = begin(monthly, trial_period_days=14)
    assert (made.status, made.trial_start, made.trial_end) == ("trialing", T0, T0 + 14 * DAY_S)
    assert made.billing_cycle_anchor == made.trial_end
    first = made.latest_invoice
    assert (first.total, first.status, first.attempted, first.attempt_count) == (0, "paid", True, 0)
    assert first.lines.data[0].description == "Free trial for 1 \N{MULTIPLICATION SIGN} Plan"
    assert first.payments.data == []
    account.advance(days=11)
    assert [what for what, _ in told(account)][-1] == "trial_will_end"
    account.advance(days=3)
    now = again(made)
    assert (now.status, now.latest_invoice.status) == ("active", "draft")
    account.advance(hours=1)
    assert again(made).latest_invoice.amount_paid == 1000
    (item,) = again(made)["items"].data
    assert item.current_period_start == made.trial_end


@pytest.mark.parametrize(
    ("behavior", "status", "count"),
    [("cancel", "canceled", 1), ("pause", "paused", 1), ("create_invoice", "active", 2)],
)
def test_a_trial_ends_as_it_says_where_there_is_no_method(
    account, monthly, behavior, status, count
) -> None:
    made = begin(
        monthly,
        buyer(None).id,
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    account.advance(days=7)
    assert again(made).status == status
    assert len(invoices(made)) == count
    if behavior == "create_invoice":
        account.advance(hours=2)
        assert again(made).status == "past_due"


def test_a_trial_is_ended_now_and_another_is_given(account, monthly) -> None:
    made = begin(monthly, trial_period_days=14)
    account.advance(days=2)
    ended = stripe.Subscription.modify(made.id, trial_end="now", expand=["latest_invoice"])
    assert (ended.status, ended.trial_end) == ("active", T0 + 2 * DAY_S)
    assert (ended.latest_invoice.status, ended.latest_invoice.total) == ("paid", 1000)
    assert ended.billing_cycle_anchor == T0 + 2 * DAY_S
    later = account.now + 20 * DAY_S
    more = stripe.Subscription.modify(made.id, trial_end=later)
    assert (more.status, more.trial_end, more.billing_cycle_anchor) == ("trialing", later, later)
    credit = stripe.InvoiceItem.list(pending=True).data[0]
    assert (credit.amount, credit.proration) == (-1000, True)
    account.advance(days=20, hours=1)
    assert again(made).latest_invoice.total == 0  # the month is paid by what was given back


def test_a_trial_that_ends_now_is_no_news_without_a_trial(account, monthly) -> None:
    made = begin(monthly)
    same = stripe.Subscription.modify(made.id, trial_end="now")
    assert same.status == "active"
    assert len(invoices(made)) == 1


def test_a_trial_comes_from_the_price_if_it_is_asked_for(account) -> None:
    price = recurring("month", recurring={"interval": "month", "trial_period_days": 5})
    assert begin(price).status == "active"
    assert begin(price, trial_from_plan=True).trial_end == T0 + 5 * DAY_S


# --- Anchors ---


def test_periods_end_on_the_last_day_where_a_month_is_shorter(account, monthly) -> None:
    account.advance(T0 + 58 * DAY_S)  # 31 March
    made = begin(monthly, card_that_lasts())
    ends = []
    for _ in range(12):
        ends.append(again(made)["items"].data[0].current_period_end)
        account.advance(ends[-1])
    days = [stamp(end) for end in ends]
    assert days[:3] == ["2027-04-30", "2027-05-31", "2027-06-30"]
    assert days[-3:] == ["2028-01-31", "2028-02-29", "2028-03-31"]


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")


def card_that_lasts() -> str:
    """Return the id of a customer whose card does not expire on the way."""
    customer = buyer(None).id
    made = stripe.PaymentMethod.create(type="card", card=LASTING)
    card(customer, made.id)
    return customer


def test_an_anchor_makes_the_first_period_shorter(account, monthly) -> None:
    made = begin(monthly, billing_cycle_anchor=T0 + 7 * DAY_S)
    (line,) = made.latest_invoice.lines.data
    assert (line.amount, line.period.end) == (226, T0 + 7 * DAY_S)  # 7 of 31 days, of January
    account.advance(days=7)
    assert invoices(made)[-1].lines.data[0].amount == 1000


def test_a_first_period_that_is_not_prorated_has_no_invoice(account, monthly) -> None:
    made = begin(monthly, billing_cycle_anchor=T0 + 7 * DAY_S, proration_behavior="none")
    assert (made.status, made.latest_invoice) == ("active", None)
    account.advance(days=7, hours=1)
    assert again(made).latest_invoice.amount_paid == 1000


def test_after_a_trial_the_time_until_the_anchor_is_a_part(account, monthly) -> None:
    made = begin(monthly, trial_end=T0 + 7 * DAY_S, billing_cycle_anchor=T0 + 14 * DAY_S)
    account.advance(days=7)
    (line,) = invoices(made)[-1].lines.data
    assert (line.amount, line.period.end) == (226, T0 + 14 * DAY_S)
    account.advance(days=7)
    assert invoices(made)[-1].lines.data[0].amount == 1000


def test_the_anchor_by_its_day_is_the_last_of_short_months(account, monthly) -> None:
    made = begin(monthly, billing_cycle_anchor_config={"day_of_month": 31})
    assert stamp(made.billing_cycle_anchor) == "2027-03-31"
    assert stamp(made["items"].data[0].current_period_end) == "2027-02-28"
    account.advance(days=28, hours=2)
    assert stamp(again(made)["items"].data[0].current_period_end) == "2027-03-31"


def test_the_first_whole_period_is_within_one_interval(account) -> None:
    price = recurring("month", recurring={"interval": "month", "interval_count": 2})
    made = begin(price, billing_cycle_anchor_config={"day_of_month": 15, "month": 8})
    assert stamp(made["items"].data[0].current_period_end) == "2027-02-15"


# --- How they are billed ---


def test_a_subscription_is_flexible_since_clover_and_classic_before(account, monthly) -> None:
    now = begin(monthly).billing_mode
    assert (now.type, now.flexible.proration_discounts, now.updated_at) == (
        "flexible", "included", T0,
    )  # fmt: skip
    old = begin(monthly, stripe_version="2025-03-31.basil").billing_mode
    assert old.type == "classic"
    asked = begin(monthly, billing_mode={"type": "classic"}).billing_mode
    assert asked.type == "classic"


def test_itemized_discounts_of_prorations_are_not_built(account, monthly) -> None:
    mode = {"type": "flexible", "flexible": {"proration_discounts": "itemized"}}
    with pytest.raises(stripe.APIError) as raised:
        begin(monthly, billing_mode=mode)
    assert raised.value.http_status == 501


def test_an_invoice_that_is_sent_is_due_and_then_overdue(account, monthly) -> None:
    customer = stripe.Customer.create(email="jane@example.com").id
    made = begin(monthly, customer, collection_method="send_invoice", days_until_due=10)
    assert (made.status, made.latest_invoice.status) == ("active", "draft")
    account.advance(hours=1)
    first = again(made).latest_invoice
    assert (first.status, first.due_date) == ("open", T0 + 10 * DAY_S)
    assert first.attempt_count == 0
    account.advance(days=10)
    assert again(made).status == "past_due"
    assert "invoice.overdue" in events_of(account, "invoice.*")
    stripe.Invoice.pay(first.id, paid_out_of_band=True)
    assert again(made).status == "active"


def test_items_of_several_intervals_are_billed_together_when_they_meet(
    account, monthly, yearly
) -> None:
    made = begin(monthly, items=[{"price": monthly, "quantity": 2}, {"price": yearly}])
    assert [line.amount for line in made.latest_invoice.lines.data] == [2000, 9000]
    account.advance(days=28)
    assert [line.amount for line in invoices(made)[-1].lines.data] == [2000]
    ends = {item.current_period_end for item in again(made)["items"].data}
    assert ends == {T0 + 59 * DAY_S, T0 + 365 * DAY_S}
    account.advance(T0 + 365 * DAY_S)
    assert sorted(line.amount for line in invoices(made)[-1].lines.data) == [2000, 9000]


# --- What pays ---


def test_the_invoices_method_comes_before_the_subscriptions_and_that_before_the_customers(
    account, monthly
) -> None:
    customer = buyer("pm_card_visa").id
    own = stripe.PaymentMethod.attach("pm_card_mastercard", customer=customer).id
    third = stripe.PaymentMethod.attach("pm_card_amex", customer=customer).id
    assert paid_by(begin(monthly, customer).latest_invoice) == "visa"
    made = begin(monthly, customer, default_payment_method=own)
    assert made.default_payment_method == own
    assert paid_by(made.latest_invoice) == "mastercard"
    account.advance(days=28)
    draft = invoices(made)[-1]
    stripe.Invoice.modify(draft.id, default_payment_method=third)
    account.advance(hours=1)
    assert paid_by(invoices(made)[-1]) == "amex"


def paid_by(invoice: Any) -> str:
    (payment,) = stripe.InvoicePayment.list(invoice=invoice.id).data
    intent = stripe.PaymentIntent.retrieve(payment.payment.payment_intent, expand=["latest_charge"])
    brand: str = intent.latest_charge.payment_method_details.card.brand
    return brand


def test_a_method_of_another_customer_is_refused(account, monthly) -> None:
    other = stripe.PaymentMethod.attach("pm_card_visa", customer=buyer().id).id
    wrong = refused(begin, monthly, default_payment_method=other)
    assert wrong.param == "default_payment_method"


# --- What is billed once with them ---


def test_added_items_are_on_the_first_invoice_alone(account, monthly, price) -> None:
    extra = [
        {"price": price, "quantity": 2},
        {"price": price, "period": {"start": {"type": "now"},
                                    "end": {"type": "timestamp", "timestamp": T0 + 9}}},
    ]  # fmt: skip
    made = begin(monthly, add_invoice_items=extra)
    first = made.latest_invoice
    assert sorted(line.amount for line in first.lines.data) == [1000, 1500, 3000]
    periods = {line.amount: (line.period.start, line.period.end) for line in first.lines.data}
    assert periods == {
        1000: (T0, T0 + 28 * DAY_S), 3000: (T0, T0 + 28 * DAY_S), 1500: (T0, T0 + 9),
    }  # fmt: skip
    account.advance(days=28)
    assert invoices(made)[-1].total == 1000


def test_items_added_to_a_change_are_billed_at_once(account, monthly, price) -> None:
    made = begin(monthly)
    now = stripe.Subscription.modify(
        made.id, add_invoice_items=[{"price": price}], expand=["latest_invoice"]
    )
    last = now.latest_invoice
    assert (last.amount_paid, last.billing_reason) == (1500, "subscription_update")


def test_items_added_in_a_trial_are_billed_at_once(account, monthly, price) -> None:
    made = begin(monthly, trial_period_days=9)
    now = stripe.Subscription.modify(
        made.id, add_invoice_items=[{"price": price}], expand=["latest_invoice"]
    )
    assert (now.status, now.latest_invoice.amount_paid) == ("trialing", 1500)
    wrong = refused(stripe.Subscription.modify, made.id, billing_cycle_anchor={"type": "now"})
    assert wrong.param == "billing_cycle_anchor"


def test_a_period_that_ends_before_it_starts_is_refused(account, monthly, price) -> None:
    times = [{"type": "timestamp", "timestamp": T0 + n} for n in (9, 5)]
    period = {"start": times[0], "end": times[1]}
    wrong = refused(begin, monthly, add_invoice_items=[{"price": price, "period": period}])
    assert wrong.param == "add_invoice_items[0][period][end]"


# --- How they end ---


def test_the_end_of_the_period_is_its_end_unless_that_is_undone(account, monthly) -> None:
    made = begin(monthly)
    ending = stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    end = T0 + 28 * DAY_S
    assert (ending.status, ending.cancel_at, ending.canceled_at) == ("active", end, T0)
    assert ending.cancellation_details.reason == "cancellation_requested"
    stays = stripe.Subscription.modify(made.id, cancel_at_period_end=False)
    assert (stays.cancel_at, stays.canceled_at, stays.cancellation_details.reason) == (
        None, None, None,
    )  # fmt: skip
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    account.advance(days=40)
    over = again(made)
    assert (over.status, over.ended_at, over.canceled_at) == ("canceled", end, T0)
    assert over.cancel_at_period_end is True
    assert len(invoices(made)) == 1
    assert told(account)[-1][0] == "deleted"


def test_the_end_moves_with_the_period(account, monthly) -> None:
    made = begin(monthly)
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    account.advance(days=10)
    anew = stripe.Subscription.modify(made.id, billing_cycle_anchor={"type": "now"})
    assert anew.cancel_at == anew["items"].data[0].current_period_end


def test_at_the_end_what_waits_is_billed(account, monthly) -> None:
    made = begin(monthly)
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    stripe.InvoiceItem.create(customer=made.customer, amount=700, currency="usd")
    account.advance(days=28, hours=1)
    last = again(made).latest_invoice
    assert (last.billing_reason, last.total, last.status) == ("subscription_cycle", 700, "paid")


def test_a_subscription_that_is_canceled_now_is_not_billed_any_more(account, monthly) -> None:
    made = begin(monthly)
    account.advance(days=7)
    over = stripe.Subscription.cancel(
        made.id, cancellation_details={"comment": "too dear", "feedback": "too_expensive"}
    )
    assert (over.status, over.canceled_at, over.ended_at) == (
        "canceled", account.now, account.now,
    )  # fmt: skip
    assert over.cancellation_details.comment == "too dear"
    assert over.cancellation_details.reason == "cancellation_requested"
    assert stripe.InvoiceItem.list().data == []
    account.advance(days=60)
    assert len(invoices(made)) == 1
    assert stripe.Subscription.list().data == []
    assert len(stripe.Subscription.list(status="all").data) == 1
    again_ = refused(stripe.Subscription.cancel, made.id)
    assert (again_.http_status, again_.code) == (404, "resource_missing")


def test_the_rest_is_given_back_and_billed_on_request(account, monthly) -> None:
    made = begin(monthly)
    account.advance(days=7)
    stripe.Subscription.cancel(made.id, prorate=True)
    (credit,) = stripe.InvoiceItem.list(pending=True).data
    assert credit.amount == -750
    other = begin(monthly)
    account.advance(days=7)
    over = stripe.Subscription.cancel(other.id, prorate=True, invoice_now=True)
    last = stripe.Invoice.retrieve(over.latest_invoice)
    assert last.total == -round(1000 * 21 / 28)


def test_open_invoices_of_one_that_is_canceled_are_not_tried_again(account, monthly) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(days=28, hours=1)
    stripe.Subscription.cancel(made.id)
    unpaid = invoices(made)[-1]
    assert (unpaid.status, unpaid.auto_advance, unpaid.next_payment_attempt) == (
        "open", False, None,
    )  # fmt: skip
    account.advance(days=30)
    assert invoices(made)[-1].attempt_count == 1


def test_a_time_to_end_is_kept(account, monthly) -> None:
    made = begin(monthly, cancel_at=T0 + 40 * DAY_S)
    assert made.cancel_at == T0 + 40 * DAY_S
    account.advance(days=39)
    assert again(made).status == "active"
    account.advance(days=1)
    assert again(made).status == "canceled"


# --- Collection is paused ---


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")],
)
def test_while_collection_is_paused_invoices_are_held_back(
    account, monthly, behavior, status
) -> None:
    made = begin(monthly)
    paused = stripe.Subscription.modify(made.id, pause_collection={"behavior": behavior})
    assert paused.pause_collection.to_dict() == {"behavior": behavior, "resumes_at": None}
    assert paused.status == "active"
    account.advance(days=28, hours=2)
    assert invoices(made)[-1].status == status
    stripe.Subscription.modify(made.id, pause_collection="")
    assert again(made).pause_collection is None
    account.advance(days=31)
    assert invoices(made)[-1].status == "paid"
    assert again(made).status == "active"


def test_collection_goes_on_when_it_was_to(account, monthly) -> None:
    made = begin(monthly)
    pause = {"behavior": "void", "resumes_at": T0 + 30 * DAY_S}
    stripe.Subscription.modify(made.id, pause_collection=pause)
    account.advance(days=31)
    assert again(made).pause_collection is None
    account.advance(days=29)
    assert [one.status for one in invoices(made)] == ["paid", "void", "paid"]


# --- Changes that wait for their payment ---


def fee(amount: int = 900) -> dict[str, Any]:
    """Return the price of a new product."""
    return {
        "currency": "usd",
        "product": stripe.Product.create(name="Fee").id,
        "unit_amount": amount,
    }


@pytest.fixture
def waiting(account, monthly) -> Any:
    """A subscription whose change is not paid for."""
    made = begin(monthly)
    account.advance(days=14)
    return unpaid_change(made)


def test_a_change_waits_for_its_payment_and_is_made_with_it(account, waiting) -> None:
    assert waiting.quantity == 1
    assert waiting.status == "active"
    assert waiting.pending_update.expires_at == account.now + 23 * 3600
    (item,) = waiting.pending_update.subscription_items
    assert item.quantity == 3
    assert waiting.latest_invoice.total == 1000
    wrong = refused(stripe.Subscription.modify, waiting.id, items=[{"price": "x"}])
    assert "pending update" in str(wrong)
    good = stripe.PaymentMethod.attach("pm_card_visa", customer=waiting.customer)
    stripe.Invoice.pay(waiting.latest_invoice.id, payment_method=good.id)
    now = again(waiting)
    assert (now.quantity, now.pending_update) == (3, None)
    assert "pending_update_applied" in [what for what, _ in told(account)]


def test_a_trial_whose_end_waits_for_its_payment_ends_with_it(account, monthly) -> None:
    """It stayed in its trial, with an end that had passed: `advance` went on for ever."""
    customer = buyer().id
    made = begin(monthly, customer, trial_period_days=14)
    card(customer, "pm_card_chargeCustomerFail")
    now = {"trial_end": "now", "payment_behavior": "pending_if_incomplete"}
    waiting = stripe.Subscription.modify(made.id, **now)
    asked_at = account.now
    assert (waiting.status, waiting.trial_end) == ("trialing", made.trial_end)
    assert waiting.pending_update.trial_end == asked_at
    account.advance(hours=1)
    good = stripe.PaymentMethod.attach("pm_card_visa", customer=customer)
    stripe.Invoice.pay(waiting.latest_invoice, payment_method=good.id)
    active = again(made)
    assert (active.status, active.trial_end, active.pending_update) == ("active", asked_at, None)
    card(customer)
    account.advance(days=31)
    assert [one.total for one in invoices(made)] == [0, 1000, 1000]


@pytest.mark.parametrize("hours", [2, 22, 24])
def test_a_change_waits_no_longer_than_the_trial_it_ends(account, monthly, hours) -> None:
    customer = buyer().id
    made = begin(monthly, customer, trial_end=account.now + hours * 3600)
    card(customer, "pm_card_chargeCustomerFail")
    now = {"trial_end": "now", "payment_behavior": "pending_if_incomplete"}
    waiting = stripe.Subscription.modify(made.id, **now)
    assert waiting.pending_update.expires_at == account.now + min(hours, 23) * 3600
    account.advance(hours=26)  # the invoice of the first period is a draft for an hour
    assert again(made).pending_update is None
    assert stripe.Invoice.retrieve(waiting.latest_invoice).status == "void"
    assert again(made).status == "past_due"


def test_a_trial_that_waits_for_its_payment_is_given_up_with_its_end(account, monthly) -> None:
    """It could be paid for after its end: then a trial began that was over."""
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    waiting = stripe.Subscription.modify(
        made.id,
        trial_end=account.now + 3600,
        add_invoice_items=[{"price_data": fee()}],
        proration_behavior="none",
        payment_behavior="pending_if_incomplete",
    )
    assert waiting.pending_update.expires_at == account.now + 3600


def test_a_change_of_a_paused_subscription_waits_though_its_period_is_over(
    account, monthly
) -> None:
    made = begin(monthly)
    account.client().v1.subscriptions.pause(made.id, {"type": "subscription"})
    account.advance(days=40)
    card(made.customer, "pm_card_chargeCustomerFail")
    waiting = stripe.Subscription.modify(
        made.id,
        trial_end=account.now + 90 * DAY_S,
        add_invoice_items=[{"price_data": fee(9000)}],
        payment_behavior="pending_if_incomplete",
    )
    assert waiting.pending_update.expires_at == account.now + 23 * 3600


@pytest.mark.parametrize("hours", [2, 22])
def test_a_change_of_an_incomplete_subscription_is_given_up_in_time(
    account, monthly, hours
) -> None:
    """It waited longer than it should."""
    customer = buyer().id
    made = begin(monthly, customer, payment_behavior="default_incomplete")
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(hours=2)
    waiting = stripe.Subscription.modify(
        made.id, trial_end=account.now + hours * 3600, payment_behavior="pending_if_incomplete",
        add_invoice_items=[{"price_data": fee()}],
    )  # fmt: skip
    assert waiting.pending_update is not None
    account.advance(hours=3)
    assert (again(made).pending_update is None) == (hours == 2)
    account.advance(hours=18)
    assert (again(made).status, again(made).pending_update) == ("incomplete_expired", None)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"default_payment_method": "pm_card_visa"}, "default_payment_method"),
        ({"description": "Tea"}, "description"),
        ({"cancel_at": "min_period_end"}, "cancel_at"),
        ({"items": [{"quantity": 2, "tax_rates": ""}]}, "items[0][tax_rates]"),
    ],
)
def test_what_cannot_wait_for_a_payment_is_refused(account, monthly, change, param) -> None:
    """It was lost if the change was not paid for at once."""
    made = begin(monthly)
    for item in change.get("items", ()):
        item["id"] = made["items"].data[0].id
    how = {"payment_behavior": "pending_if_incomplete"}
    error = refused(stripe.Subscription.modify, made.id, **change, **how)
    assert error.param == param
    assert "in a request of its own" in str(error)


def test_metadata_discounts_and_an_end_wait_with_a_change(account, monthly) -> None:
    """They were lost. Other metadata stays as it is then."""
    made = begin(monthly, metadata={"tea": "black", "milk": "yes"})
    card(made.customer, "pm_card_chargeCustomerFail")
    coupon = stripe.Coupon.create(percent_off=50, duration="forever")
    waiting = stripe.Subscription.modify(
        made.id,
        items=[{"id": made["items"].data[0].id, "quantity": 3}],
        metadata={"tea": "green", "milk": ""},
        discounts=[{"coupon": coupon.id}],
        cancel_at_period_end=True,
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    update = waiting.pending_update
    assert update.metadata.to_dict() == {"tea": "green"}
    assert (len(update.discounts), update.cancel_at_period_end) == (1, True)
    assert (waiting.discounts, waiting.cancel_at, waiting.metadata.tea) == ([], None, "black")
    stripe.Subscription.modify(made.id, metadata={"cup": "big"})
    card(made.customer)
    stripe.Invoice.pay(waiting.latest_invoice)
    now = again(made)
    assert now.metadata.to_dict() == {"tea": "green", "cup": "big"}
    assert (now.discounts, now.cancel_at_period_end) == (update.discounts, True)
    assert now.cancel_at == now["items"].data[0].current_period_end


def test_a_change_whose_invoice_is_void_waits_no_longer(account, waiting) -> None:
    stripe.Invoice.void_invoice(waiting.latest_invoice.id)
    assert (again(waiting).pending_update, again(waiting).quantity) == (None, 1)
    card(waiting.customer)
    item = {"id": waiting["items"].data[0].id, "quantity": 2}
    assert stripe.Subscription.modify(waiting.id, items=[item]).quantity == 2


@pytest.mark.parametrize(
    "change", [{"billing_cycle_anchor": "now"}, {"trial_end": T0 + 90 * DAY_S}]
)
def test_while_a_change_waits_no_other_moves_the_periods_that_it_is_of(waiting, change) -> None:
    error = refused(stripe.Subscription.modify, waiting.id, **change)
    assert f"pay or void the invoice {waiting.latest_invoice.id}" in str(error)


def test_a_change_is_made_once_it_is_paid_for_though_there_is_a_later_invoice(
    account, waiting
) -> None:
    """It was paid for, but not made."""
    card(waiting.customer)
    later = stripe.Subscription.modify(waiting.id, add_invoice_items=[{"price_data": fee()}])
    assert later.latest_invoice != waiting.latest_invoice.id
    stripe.Invoice.pay(waiting.latest_invoice.id)
    assert (again(waiting).quantity, again(waiting).pending_update) == (3, None)
    account.advance(days=14)
    assert invoices(waiting)[-1].total == 3000


def test_an_item_that_is_not_paid_for_yet_is_answered_and_found_once_it_is(
    account, monthly
) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    item = stripe.SubscriptionItem.create(
        subscription=made.id,
        price=recurring("month", 4000),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    assert len(again(made)["items"].data) == 1
    assert refused(stripe.SubscriptionItem.retrieve, item.id).code == "resource_missing"
    card(customer)
    stripe.Invoice.pay(again(made).latest_invoice.id)
    assert stripe.SubscriptionItem.modify(item.id, quantity=2).quantity == 2


def test_a_change_that_is_not_paid_in_time_is_none(account, waiting) -> None:
    account.advance(hours=23)
    now = again(waiting)
    assert (now.quantity, now.pending_update, now.status) == (1, None, "active")
    assert stripe.Invoice.retrieve(waiting.latest_invoice.id).status == "void"
    assert "pending_update_expired" in [what for what, _ in told(account)]
    card(waiting.customer)
    account.advance(days=14)
    assert invoices(waiting)[-1].total == 1000


@pytest.mark.parametrize(
    ("behavior", "status", "quantity"),
    [("allow_incomplete", "past_due", 3), ("default_incomplete", "past_due", 3)],
)
def test_a_change_that_is_not_paid_makes_it_past_due(
    account, monthly, behavior, status, quantity
) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    now = stripe.Subscription.modify(
        made.id,
        items=[{"id": made["items"].data[0].id, "quantity": 3}],
        proration_behavior="always_invoice",
        payment_behavior=behavior,
    )
    assert (now.status, now.quantity) == (status, quantity)


def test_an_error_if_incomplete_changes_nothing(account, monthly) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        stripe.Subscription.modify(
            made.id,
            items=[{"id": made["items"].data[0].id, "quantity": 3}],
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert again(made).quantity == 1
    assert len(invoices(made)) == 1
    assert stripe.InvoiceItem.list().data == []


@pytest.mark.parametrize("then", ["canceled", "unpaid", "past_due"])
@pytest.mark.parametrize("behavior", ["allow_incomplete", "pending_if_incomplete"])
def test_a_change_that_fails_at_its_only_try_leaves_the_state_of_the_table(
    account, monthly, behavior, then
) -> None:
    """Its end was told of, and it went on."""
    account.set_dunning(retry_days=[], then=then)
    made = begin(monthly)
    account.advance(days=14)
    card(made.customer, "pm_card_chargeCustomerFail")
    changed = stripe.Subscription.modify(
        made.id,
        items=[{"id": made["items"].data[0].id, "quantity": 3}],
        proration_behavior="always_invoice",
        payment_behavior=behavior,
    )
    is_made = behavior == "allow_incomplete"
    assert changed.status == again(made).status == (then if is_made else "active")
    ends = [what for what, _ in told(account) if what == "deleted"]
    assert ends == (["deleted"] if changed.status == "canceled" else [])


def test_a_change_is_paid_for_with_the_method_that_it_brings(account, monthly) -> None:
    made = begin(monthly)
    bad = stripe.PaymentMethod.attach("pm_card_chargeCustomerFail", customer=made.customer).id
    with pytest.raises(stripe.CardError):
        stripe.Subscription.modify(
            made.id,
            default_payment_method=bad,
            items=[{"id": made["items"].data[0].id, "quantity": 3}],
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )


# --- What is told ---


def test_a_beginning_is_told_of_in_order(account, monthly) -> None:
    customer = buyer().id
    seen = len(account.events())
    begin(monthly, customer)
    types = [event["type"] for event in account.events()[seen:]]
    types.remove("customer.updated")  # it has a currency now
    assert types == [
        "invoice.created", "payment_intent.created", "invoice.finalized",
        "charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid", "invoice.paid",
        "invoice.payment_succeeded", "customer.subscription.created",
    ]  # fmt: skip


def test_changes_are_told_of_with_what_was_before(account, monthly) -> None:
    made = begin(monthly)
    stripe.Subscription.modify(made.id, metadata={"seat": "4"})
    stripe.Subscription.modify(made.id, metadata={"seat": "4"})  # no change is no news
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    stripe.Subscription.cancel(made.id)
    assert [(name, sorted(before or ())) for name, before in told(account)] == [
        ("created", []),
        ("updated", ["metadata"]),
        ("updated", ["cancel_at", "cancel_at_period_end", "canceled_at", "cancellation_details"]),
        ("deleted", []),
    ]


def test_a_renewal_is_told_of_in_order(account, monthly) -> None:
    begin(monthly)
    seen = len(account.events())
    account.advance(days=28, hours=1)
    types = [event["type"] for event in account.events()[seen:]]
    assert [type for type in types if type.startswith(("invoice.", "customer.sub"))] == [
        "invoice.created", "customer.subscription.updated", "invoice.finalized", "invoice.paid",
        "invoice.payment_succeeded",
    ]  # fmt: skip
    updated = account.events("customer.subscription.updated")[-1]
    assert set(updated["data"]["previous_attributes"]) == {"items", "latest_invoice"}


# --- What is refused ---


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"trial_end": T0 - 1}, "trial_end"),
        ({"trial_end": T0}, "trial_end"),
        ({"trial_end": T0 + 800 * DAY_S}, "trial_end"),
        ({"trial_period_days": -1}, "trial_period_days"),
        ({"trial_period_days": 800}, "trial_end"),
        ({"trial_period_days": 3, "trial_end": T0 + DAY_S}, None),
        ({"billing_cycle_anchor": T0 - 1}, "billing_cycle_anchor"),
        ({"billing_cycle_anchor": T0 + 60 * DAY_S}, "billing_cycle_anchor"),
        ({"cancel_at": T0 - 1}, "cancel_at"),
        ({"items": [{"price": "$", "quantity": -1}]}, "items[0][quantity]"),
        ({"items": [{"price": "price_none"}]}, "items[0][price]"),
        ({"items": [{"quantity": 1}]}, "items[0][price]"),
        ({"items": []}, "items"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"default_tax_rates": ["txr_none"]}, "default_tax_rates[0]"),
        ({"days_until_due": 3}, "days_until_due"),
        ({"customer": "cus_none"}, "customer"),
    ],
)
def test_a_subscription_that_cannot_begin_is_refused_and_nothing_is_left(
    account, monthly, params, param
) -> None:
    params = {"customer": buyer().id, "items": [{"price": monthly}], **params}
    for item in params["items"]:
        if item.get("price") == "$":
            item["price"] = monthly
    before = len(account.events())
    wrong = refused(stripe.Subscription.create, **params)
    assert (wrong.http_status, wrong.param) == (400, param), wrong
    assert len(account.events()) == before
    assert stripe.Subscription.list(status="all").data == []


def test_a_price_for_one_time_or_that_is_inactive_is_refused(account, price, monthly) -> None:
    wrong = refused(begin, price)
    assert wrong.param == "items[0][price]"
    assert "only accepts prices with `type=recurring`" in str(wrong)
    stripe.Price.modify(monthly, active=False)
    assert refused(begin, monthly).param == "items[0][price]"


def test_two_intervals_in_classic_mode_and_two_currencies_are_refused(
    account, monthly, yearly
) -> None:
    items = [{"price": monthly}, {"price": yearly}]
    wrong = refused(begin, "", items=items, billing_mode={"type": "classic"})
    assert "Found mismatch in interval field" in str(wrong)
    euro = recurring("month", currency="eur")
    assert refused(begin, "", items=[{"price": monthly}, {"price": euro}]).http_status == 400
    customer = begin(monthly).customer
    assert "cannot combine currencies" in str(refused(begin, euro, customer))


def test_an_interval_has_to_be_a_multiple_of_the_shortest(account, monthly) -> None:
    week = recurring("week")
    wrong = refused(begin, "", items=[{"price": week}, {"price": monthly}])
    assert wrong.param == "items"
    two, three = (
        recurring("month", recurring={"interval": "month", "interval_count": n}) for n in (2, 3)
    )
    assert refused(begin, "", items=[{"price": two}, {"price": three}]).param == "items"
    assert begin("", items=[{"price": recurring("day")}, {"price": three}]).status == "active"


def test_a_metered_price_has_no_quantity(account) -> None:
    meter = calls_counted()
    price = recurring(
        "month", recurring={"interval": "month", "usage_type": "metered", "meter": meter.id}
    )
    assert refused(begin, "", items=[{"price": price, "quantity": 2}]).param == (
        "items[0][quantity]"
    )
    made = begin(price)
    assert (made.status, made.latest_invoice) == ("active", None)
    classic = begin(price, billing_mode={"type": "classic"})
    assert [line.amount for line in classic.latest_invoice.lines.data] == [0]


def test_a_coupon_that_expired_between_preview_and_creation_is_refused(account, monthly) -> None:
    customer = buyer().id
    coupon = stripe.Coupon.create(percent_off=50, duration="once", redeem_by=T0 + 60)
    params: dict[str, Any] = {"customer": customer, "discounts": [{"coupon": coupon.id}]}
    preview = stripe.Invoice.create_preview(
        **params, subscription_details={"items": [{"price": monthly}]}
    )
    assert preview.total == 500
    account.advance(seconds=61)
    wrong = refused(begin, monthly, customer=customer, discounts=params["discounts"])
    assert wrong.param == "discounts[0][coupon]"
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 0


def test_a_customer_that_is_deleted_ends_its_subscriptions(account, monthly) -> None:
    made = begin(monthly)
    stripe.Customer.delete(made.customer)
    assert stripe.Subscription.retrieve(made.id).status == "canceled"
    account.advance(days=70)
    assert len(stripe.Invoice.list().data) == 1


def test_a_price_that_is_deactivated_goes_on_for_those_who_have_it(account, monthly) -> None:
    made = begin(monthly)
    product = stripe.Price.retrieve(monthly).product
    stripe.Price.modify(monthly, active=False)
    stripe.Product.modify(product, active=False)
    account.advance(days=28, hours=1)
    assert again(made).latest_invoice.amount_paid == 1000
    assert again(made)["items"].data[0].price.active is False


def test_quantity_is_of_the_item_where_items_are_given(account, monthly) -> None:
    made = begin(monthly)
    items = [{"id": made["items"].data[0].id, "quantity": 2}]
    older = {"quantity": 2, "stripe_version": "2025-10-29.clover"}
    wrong = refused(stripe.Subscription.modify, made.id, items=items, **older)
    assert "Received both items and quantity parameters" in str(wrong)
    changed = stripe.Subscription.modify(made.id, **older)
    assert changed["items"].data[0].quantity == 2


def test_a_canceled_one_changes_no_more_but_its_metadata(account, monthly) -> None:
    made = begin(monthly)
    stripe.Subscription.cancel(made.id)
    assert refused(stripe.Subscription.modify, made.id, cancel_at_period_end=True)
    assert stripe.Subscription.modify(made.id, metadata={"a": "b"}).metadata["a"] == "b"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"items": [{"id": "si_none", "quantity": 2}]}, "No such subscription_item"),
        ({"items": [{"id": "$", "deleted": True}]}, "at least one"),
        ({"items": [{"id": "$", "quantity": -2}]}, "greater than or equal to 0"),
        ({"proration_date": T0 - 10}, "proration_date"),
        ({"cancel_at": T0 - 10}, "timestamp"),
        ({"trial_end": T0 - 10}, "timestamp"),
        ({"cancel_at": T0 + DAY_S, "cancel_at_period_end": True}, "only one"),
        ({"collection_method": "send_invoice"}, "email"),
    ],
)
def test_what_cannot_be_changed_is_refused(account, monthly, params, words) -> None:
    made = begin(monthly)
    if "items" in params and params["items"][0]["id"] == "$":
        item = {**params["items"][0], "id": made["items"].data[0].id}
        params = {**params, "items": [item]}
    before = again(made)
    wrong = refused(stripe.Subscription.modify, made.id, **params)
    assert words in str(wrong), wrong
    assert again(made) == before


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [("day_of_month", 0, 1), ("day_of_month", 32, 31), ("month", 13, 12), ("hour", 24, 23),
     ("minute", 60, 59), ("second", -1, 0)],
)  # fmt: skip
def test_an_anchor_is_configured_as_a_calendar_has_it(
    monthly: str, name: str, value: int, bound: int
) -> None:
    config = {"day_of_month": 2, name: value}
    error = refused(begin, monthly, billing_cycle_anchor_config=config)
    assert error.param == f"billing_cycle_anchor_config[{name}]"
    assert str(error).endswith(f"equal to {bound}.")


@pytest.mark.parametrize("resumes_at", [0, T0])
def test_a_collection_is_not_paused_until_a_time_that_is_over(
    account: Any, monthly: str, resumes_at: int
) -> None:
    made = begin(monthly)
    pause = {"behavior": "void", "resumes_at": resumes_at}
    error = refused(stripe.Subscription.modify, made.id, pause_collection=pause)
    assert error.param == "pause_collection[resumes_at]"
    account.advance(days=40)
    assert len(invoices(made)) == 2


@pytest.mark.parametrize("by", ["subscription", "item"])
def test_an_item_s_discounts_are_changed(account: Any, monthly: str, by: str) -> None:
    half = stripe.Coupon.create(percent_off=50, duration="forever").id
    made = begin(monthly)
    item = made["items"].data[0].id
    wanted = {"discounts": [{"coupon": half}]}
    if by == "item":
        stripe.SubscriptionItem.modify(item, **wanted)
    else:
        stripe.Subscription.modify(made.id, items=[{"id": item, **wanted}])
    account.advance(days=30)
    assert [invoice.total for invoice in invoices(made)] == [1000, 500]
    stripe.SubscriptionItem.modify(item, discounts="")
    account.advance(days=31)
    assert invoices(made)[-1].total == 1000


def test_invoices_say_what_a_subscription_lets_them_or_else_its_customer(
    account: Any, monthly: str
) -> None:
    field = {"name": "Order", "value": "7"}
    customer = buyer().id
    stripe.Customer.modify(customer, invoice_settings={"footer": "Hi", "custom_fields": [field]})
    made = begin(monthly, customer, invoice_settings={"footer": "Thanks"})
    assert made.latest_invoice.footer == "Thanks"
    assert [one.to_dict() for one in made.latest_invoice.custom_fields] == [field]
    error = None
    try:
        begin(monthly, customer, invoice_settings={"account_tax_ids": ["txi_1"]})
    except stripe.APIError as raised:
        error = raised
    assert error is not None
    assert error.http_status == 501
