"""Quotes: offered, made binding, accepted; what comes of them is an invoice or a subscription."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused

NOW = 1_800_000_000
DAY = 86400
MONTH = {"interval": "month"}


@pytest.fixture
def customer(account: Any) -> str:
    account.freeze(NOW)
    made = stripe.Customer.create(email="a@b.c", payment_method="pm_card_visa")
    [method] = stripe.PaymentMethod.list(customer=made.id).data
    default = {"default_payment_method": method.id}
    return str(stripe.Customer.modify(made.id, invoice_settings=default).id)


def price(amount: int, currency: str = "usd", **more: Any) -> str:
    named = {"name": "Setup"}
    return str(
        stripe.Price.create(currency=currency, unit_amount=amount, product_data=named, **more).id
    )


def quote(customer: str | None, *prices: str, **more: Any) -> Any:
    items = [{"price": one, "quantity": 2} for one in prices]
    of = {"customer": customer} if customer else {}
    return stripe.Quote.create(line_items=items, **of, **more)


def accepted(made: Any, **more: Any) -> Any:
    stripe.Quote.finalize_quote(made.id)
    return stripe.Quote.accept(made.id, **more)


def test_a_quote_is_drafted(account, customer) -> None:
    made = quote(customer, price(1099), description="An offer", metadata={"a": "b"})
    assert (made.status, made.number, made.currency) == ("draft", None, "usd")
    assert (made.amount_subtotal, made.amount_total) == (2198, 2198)
    assert (made.computed.recurring, made.computed.upfront.amount_total) == (None, 2198)
    assert made.expires_at == NOW + 30 * DAY
    assert (made.collection_method, made.description) == ("charge_automatically", "An offer")
    assert "line_items" not in made
    assert "line_items" not in made.computed.upfront
    assert made.status_transitions.to_dict() == {
        "accepted_at": None, "canceled_at": None, "finalized_at": None,
    }  # fmt: skip
    assert stripe.Quote.retrieve(made.id) == made
    [item] = stripe.Quote.list_line_items(made.id).data
    assert (item.object, item.quantity, item.amount_total) == ("item", 2, 2198)
    [same] = stripe.Quote.retrieve(made.id, expand=["line_items"]).line_items.data
    assert same == item
    assert [one["type"] for one in account.events(type="quote.*")] == ["quote.created"]


def test_a_quote_without_anything_cannot_be_finalized(account, customer) -> None:
    empty = stripe.Quote.create()
    assert (empty.currency, empty.amount_total, empty.customer) == (None, 0, None)
    assert "line items" in str(refused(stripe.Quote.finalize_quote, empty.id))
    stripe.Quote.modify(empty.id, line_items=[{"price": price(500), "quantity": 1}])
    assert "customer" in str(refused(stripe.Quote.finalize_quote, empty.id))
    stripe.Quote.modify(empty.id, customer=customer)
    assert stripe.Quote.finalize_quote(empty.id).amount_total == 500


def test_one_time_prices_become_a_draft_of_an_invoice(account, customer) -> None:
    made = quote(customer, price(1099))
    stripe.Quote.finalize_quote(made.id)
    account.freeze(NOW + 5)
    done = stripe.Quote.accept(made.id, expand=["invoice"])
    prefix = stripe.Customer.retrieve(customer).invoice_prefix
    assert (done.status, done.number) == ("accepted", f"QT-{prefix}-0001-1")
    times = done.status_transitions
    assert (times.finalized_at, times.accepted_at) == (NOW, NOW + 5)
    invoice = done.invoice
    assert (invoice.status, invoice.billing_reason) == ("draft", "quote_accept")
    assert (invoice.total, invoice.auto_advance) == (2198, False)
    assert invoice.parent.quote_details.quote == done.id
    assert invoice.parent.type == "quote_details"
    assert [line.amount for line in invoice.lines.data] == [2198]
    assert stripe.Invoice.pay(invoice.id).status == "paid"
    told = [one["type"] for one in account.events(type="quote.*")]
    assert told == ["quote.created", "quote.finalized", "quote.accepted"]


def test_an_invoice_is_as_its_quote_says(account, customer) -> None:
    rate = stripe.TaxRate.create(display_name="VAT", percentage=10, inclusive=False)
    coupon = stripe.Coupon.create(amount_off=198, currency="usd")
    made = quote(
        customer,
        price(1099),
        collection_method="send_invoice",
        invoice_settings={"days_until_due": 7},
        default_tax_rates=[rate.id],
        discounts=[{"coupon": coupon.id}],
    )
    assert (made.amount_subtotal, made.amount_total) == (2198, 2200)
    totals = made.total_details
    assert (totals.amount_discount, totals.amount_tax, totals.amount_shipping) == (198, 200, 0)
    shown = stripe.Quote.retrieve(made.id, expand=["discounts", "total_details.breakdown"])
    assert shown.discounts[0].source.coupon == coupon.id
    assert shown.discounts[0].id == made.discounts[0]
    parts = shown.total_details.breakdown
    assert (parts.discounts[0].amount, parts.taxes[0].amount) == (198, 200)
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 0
    invoice = accepted(made, expand=["invoice"]).invoice
    assert (invoice.total, invoice.collection_method) == (2200, "send_invoice")
    assert invoice.due_date == NOW + 7 * DAY
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 1


def test_recurring_prices_become_a_subscription(account, customer) -> None:
    coupon = stripe.Coupon.create(percent_off=50, duration="once")
    made = quote(
        customer,
        price(1000, recurring=MONTH),
        price(300),
        discounts=[{"coupon": coupon.id}],
        subscription_data={"description": "Monthly", "metadata": {"a": "b"}},
    )
    assert (made.amount_subtotal, made.amount_total) == (2600, 1300)
    monthly = made.computed.recurring
    assert (monthly.amount_subtotal, monthly.amount_total) == (2000, 2000)
    assert (monthly.interval, monthly.interval_count) == ("month", 1)
    assert made.computed.upfront.amount_total == 1300
    done = accepted(made, expand=["subscription.latest_invoice"])
    begun = done.subscription
    assert (begun.status, begun.description, begun.metadata.to_dict()) == (
        "active", "Monthly", {"a": "b"},
    )  # fmt: skip
    assert (begun.latest_invoice.total, begun.latest_invoice.status) == (1300, "paid")
    assert (done.invoice, done.subscription_schedule) == (None, None)


def test_a_trial_is_not_paid_for_yet(account, customer) -> None:
    monthly = price(1000, recurring=MONTH)
    made = quote(customer, monthly, price(300), subscription_data={"trial_period_days": 10})
    assert (made.amount_total, made.computed.recurring.amount_total) == (2600, 2000)
    assert made.computed.upfront.amount_total == 600
    lines = stripe.Quote.list_computed_upfront_line_items(made.id).data
    assert [one.amount_total for one in lines] == [0, 600]
    wanted = ["computed.upfront.line_items"]
    shown = stripe.Quote.retrieve(made.id, expand=wanted).computed.upfront.line_items
    assert [one.id for one in shown.data] == [one.id for one in lines]
    begun = accepted(made, expand=["subscription.latest_invoice"]).subscription
    assert (begun.status, begun.trial_end) == ("trialing", NOW + 10 * DAY)
    assert begun.latest_invoice.total == 600


def test_a_later_beginning_becomes_a_schedule(account, customer) -> None:
    monthly = price(1000, recurring=MONTH)
    start = NOW + 20 * DAY
    data = {"effective_date": start, "trial_period_days": 5}
    made = quote(customer, monthly, price(300), subscription_data=data)
    done = accepted(made, expand=["subscription_schedule"])
    assert (done.subscription, done.invoice) == (None, None)
    schedule = done.subscription_schedule
    assert (schedule.status, schedule.phases[0].start_date) == ("not_started", start)
    account.advance(days=21)
    begun = stripe.SubscriptionSchedule.retrieve(schedule.id, expand=["subscription"]).subscription
    assert (begun.status, begun.items.data[0].quantity) == ("trialing", 2)
    assert begun.trial_end == start + 5 * DAY


def test_a_start_that_is_over_is_now(account, customer) -> None:
    data = {"effective_date": NOW + DAY}
    made = quote(customer, price(1000, recurring=MONTH), subscription_data=data)
    account.freeze(NOW + 2 * DAY)
    assert accepted(made, expand=["subscription"]).subscription.start_date == NOW + 2 * DAY


def test_a_subscription_that_cannot_be_paid_leaves_the_quote_open(account) -> None:
    poor = stripe.Customer.create().id
    made = quote(poor, price(1000, recurring=MONTH))
    stripe.Quote.finalize_quote(made.id)
    assert "payment" in str(refused(stripe.Quote.accept, made.id))
    assert stripe.Quote.retrieve(made.id).status == "open"
    assert stripe.Subscription.list(customer=poor).data == []


def test_a_draft_can_be_changed(account, customer) -> None:
    coupon = stripe.Coupon.create(percent_off=50)
    made = quote(customer, price(1000), price(300))
    [first, second] = stripe.Quote.list_line_items(made.id).data
    changed = stripe.Quote.modify(
        made.id,
        line_items=[{"id": first.id, "quantity": 3}, {"price": price(50), "quantity": 1}],
        header="Offer",
        metadata={"a": "b"},
    )
    assert (changed.amount_total, changed.header) == (3050, "Offer")
    kept = stripe.Quote.list_line_items(made.id).data
    assert first.id in [one.id for one in kept]
    assert second.id not in [one.id for one in kept]
    changed = stripe.Quote.modify(made.id, discounts=[{"coupon": coupon.id}])
    assert (changed.amount_total, changed.header) == (1525, "Offer")
    assert stripe.Quote.modify(made.id, discounts="").amount_total == 3050
    other = stripe.Customer.create().id
    assert "customer" in str(refused(stripe.Quote.modify, made.id, customer=other))
    error = refused(stripe.Quote.modify, made.id, line_items=[{"id": "li_none", "quantity": 1}])
    assert "li_none" in str(error)


def test_an_open_quote_only_gets_another_end(account, customer) -> None:
    made = quote(customer, price(1000))
    stripe.Quote.finalize_quote(made.id, expires_at=NOW + 3 * DAY)
    assert stripe.Quote.modify(made.id, expires_at=NOW + 4 * DAY).expires_at == NOW + 4 * DAY
    assert stripe.Quote.modify(made.id, metadata={"a": "b"}).metadata.to_dict() == {"a": "b"}
    assert "draft" in str(refused(stripe.Quote.modify, made.id, header="New"))
    assert "draft" in str(refused(stripe.Quote.finalize_quote, made.id))
    assert "expires_at" in str(refused(stripe.Quote.modify, made.id, expires_at=NOW))


def test_only_what_is_open_is_accepted(account, customer) -> None:
    made = quote(customer, price(1000))
    assert "finalize" in str(refused(stripe.Quote.accept, made.id))
    done = accepted(made)
    for what in (stripe.Quote.accept, stripe.Quote.cancel):
        assert "accepted" in str(refused(what, done.id))
    assert "accepted" in str(refused(stripe.Quote.modify, done.id, expires_at=NOW + DAY))


@pytest.mark.parametrize("is_open", [False, True])
def test_a_quote_is_canceled(account, customer, is_open: bool) -> None:
    made = quote(customer, price(1000))
    if is_open:
        stripe.Quote.finalize_quote(made.id)
    gone = stripe.Quote.cancel(made.id)
    assert (gone.status, gone.status_transitions.canceled_at) == ("canceled", NOW)
    assert "canceled" in str(refused(stripe.Quote.accept, made.id))
    assert len(account.events(type="quote.canceled")) == 1


def test_a_quote_expires(account, customer) -> None:
    made = quote(customer, price(1000), expires_at=NOW + DAY)
    open_ = quote(customer, price(1000))
    stripe.Quote.finalize_quote(open_.id, expires_at=NOW + 2 * DAY)
    account.advance(days=1)
    assert stripe.Quote.retrieve(made.id).status == "canceled"
    assert [one.id for one in stripe.Quote.list(status="open").data] == [open_.id]
    account.advance(days=1)
    gone = stripe.Quote.retrieve(open_.id)
    assert (gone.status, gone.status_transitions.canceled_at) == ("canceled", NOW + 2 * DAY)
    assert len(account.events(type="quote.canceled")) == 2
    assert "expires_at" in str(refused(quote, customer, price(1000), expires_at=NOW))


def test_quotes_go_by_a_clock(account) -> None:
    account.freeze(NOW)
    clock = stripe.test_helpers.TestClock.create(frozen_time=NOW + 100 * DAY)
    customer = stripe.Customer.create(test_clock=clock.id).id
    made = quote(customer, price(1000))
    assert (made.test_clock, made.created) == (clock.id, NOW + 100 * DAY)
    alone = quote(None, price(1000), test_clock=clock.id)
    assert alone.created == NOW + 100 * DAY
    assert stripe.Quote.list().data == []
    assert [one.id for one in stripe.Quote.list(test_clock=clock.id).data] == [alone.id, made.id]
    plain = stripe.Customer.create().id
    assert "clock" in str(refused(stripe.Quote.modify, alone.id, customer=plain))
    stripe.test_helpers.TestClock.advance(clock.id, frozen_time=NOW + 131 * DAY)
    assert stripe.Quote.retrieve(made.id).status == "canceled"


def test_a_revision_takes_the_place_of_its_quote(account, customer) -> None:
    made = quote(customer, price(1000), header="Offer", metadata={"a": "b"})
    first = stripe.Quote.finalize_quote(made.id)
    copied = stripe.Quote.create(from_quote={"quote": first.id})
    assert (copied.status, copied.header, copied.amount_total) == ("draft", "Offer", 2000)
    assert copied.from_quote.to_dict() == {"is_revision": False, "quote": first.id}
    again = stripe.Quote.create(from_quote={"quote": first.id, "is_revision": True}, header="New")
    assert (again.header, again.customer) == ("New", customer)
    before, after = (stripe.Quote.list_line_items(one.id).data[0] for one in (first, again))
    assert (before.id != after.id, before.price.id) == (True, after.price.id)
    number = stripe.Quote.finalize_quote(again.id).number
    assert number == first.number.replace("-0001-1", "-0001-2")
    assert stripe.Quote.retrieve(first.id).status == "canceled"
    assert stripe.Quote.finalize_quote(copied.id).number.endswith("-0002-1")


def test_what_cannot_be_quoted_is_refused(account, customer) -> None:
    yearly = price(100, recurring={"interval": "year"})
    monthly = price(100, recurring=MONTH)
    assert "interval" in str(refused(quote, customer, yearly, monthly))
    assert "price" in str(refused(quote, customer, "price_none"))
    assert "No such customer" in str(refused(quote, "cus_none", monthly))
    assert "No such coupon" in str(refused(quote, customer, monthly, discounts=[{"coupon": "x"}]))
    sent = quote(customer, monthly, collection_method="send_invoice")
    assert "days_until_due" in str(refused(stripe.Quote.finalize_quote, sent.id))
    days = {"trial_period_days": -1}
    error = refused(quote, customer, monthly, subscription_data=days)
    assert error.param == "subscription_data[trial_period_days]"
    fee = quote(customer, monthly, application_fee_amount=5)
    assert "recurring" in str(refused(stripe.Quote.finalize_quote, fee.id))
    fee = quote(customer, price(100), application_fee_percent=5)
    assert "recurring" in str(refused(stripe.Quote.finalize_quote, fee.id))


@pytest.mark.parametrize("recurring", [None, MONTH])
def test_taxes_are_reckoned(account, customer, recurring: Any) -> None:
    more = {"recurring": recurring} if recurring else {}
    made = quote(customer, price(1000, **more), automatic_tax={"enabled": True})
    assert (made.automatic_tax.status, made.amount_total) == ("requires_location_inputs", 2000)
    assert refused(stripe.Quote.finalize_quote, made.id).code == "customer_tax_location_invalid"
    stripe.Customer.modify(customer, address={"country": "AT"})
    made = quote(customer, price(1000, **more), automatic_tax={"enabled": True})
    assert (made.automatic_tax.status, made.amount_total) == ("complete", 2400)
    assert made.computed.upfront.total_details.amount_tax == 400
    done = accepted(made, expand=["invoice", "subscription.latest_invoice"])
    invoice = done.subscription.latest_invoice if recurring else done.invoice
    assert (invoice.total, invoice.automatic_tax.enabled) == (2400, True)


@pytest.mark.parametrize("recurring", [None, MONTH])
def test_a_part_goes_to_another_account(account, customer, recurring: Any) -> None:
    wanted = {"transfers": {"requested": True}, "card_payments": {"requested": True}}
    shop = account.onboard(stripe.Account.create(type="express", capabilities=wanted))["id"]
    more = {"recurring": recurring} if recurring else {}
    fee = {"application_fee_percent": 10} if recurring else {"application_fee_amount": 200}
    made = quote(customer, price(1000, **more), transfer_data={"destination": shop}, **fee)
    assert made.transfer_data.destination == shop
    done = accepted(made)
    if not recurring:
        stripe.Invoice.pay(done.invoice)
    [charge] = stripe.Charge.list(customer=customer).data
    assert (charge.destination, charge.application_fee_amount) == (shop, 200)


def test_of_many_who_accept_at_once_one_does(account, customer) -> None:
    made = quote(customer, price(1000, recurring=MONTH))
    stripe.Quote.finalize_quote(made.id)

    def accept(_: int) -> bool:
        try:
            stripe.Quote.accept(made.id)
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(accept, range(8))) == 1
    assert len(stripe.Subscription.list(customer=customer).data) == 1


def test_quotes_finalized_at_once_have_numbers_of_their_own(account, customer) -> None:
    one = price(1000)
    ids = [quote(customer, one).id for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        numbers = [made.number for made in pool.map(stripe.Quote.finalize_quote, ids)]
    assert sorted(number[-6:] for number in numbers) == [f"{n:04d}-1" for n in range(1, 9)]


def test_a_quote_is_what_its_invoice_will_be(account, customer) -> None:
    rate = stripe.TaxRate.create(display_name="VAT", percentage=20, inclusive=False).id
    coupon = stripe.Coupon.create(amount_off=77, currency="usd").id
    made = stripe.Quote.create(
        customer=customer,
        line_items=[
            {"price": price(101, recurring=MONTH), "quantity": 1, "tax_rates": [rate]},
            {"price": price(103), "quantity": 1},
        ],
        discounts=[{"coupon": coupon}],
    )
    invoice = accepted(made, expand=["subscription.latest_invoice"]).subscription.latest_invoice
    assert invoice.total == made.amount_total == made.computed.upfront.amount_total
