"""What a change in the middle of a period gives back and asks for, with Stripe's own examples."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import stripe

from tests.stripe.billing import amounts, buyer, price_of_calls
from tests.stripe.refusals import refused
from tests.stripe.subscribing import again, begin, invoices, recurring

APRIL = int(datetime(2027, 4, 1, tzinfo=timezone.utc).timestamp())
DAY_S = 24 * 3600
CLASSIC = {"billing_mode": {"type": "classic"}}


@pytest.fixture(autouse=True)
def still(account: Any) -> None:
    account.freeze(APRIL)


@pytest.fixture
def ten(account: Any) -> str:
    return recurring("month", 1000)


@pytest.fixture
def twenty(account: Any) -> str:
    return recurring("month", 2000)


def change(subscription: Any, number: int = 0, **item: Any) -> Any:
    """Change an item of a subscription; what is not of the item is of the subscription."""
    own = ("quantity", "price", "deleted")
    named = {name: item.pop(name) for name in own if name in item}
    id = subscription["items"].data[number].id
    return stripe.Subscription.modify(
        subscription.id, items=[{"id": id, **named}], expand=["latest_invoice"], **item
    )


def waiting(subscription: Any) -> list[Any]:
    """Return the invoice items that wait, oldest first."""
    return list(stripe.InvoiceItem.list(customer=subscription.customer, pending=True).data)[::-1]


@pytest.mark.parametrize("days", [0, 10])
def test_what_was_paid_by_usage_gives_nothing_back(account, ten, days) -> None:
    """With periods that began anew in their first second, that was a division by zero."""
    made = begin(price_of_calls().id)
    account.advance(days=days)
    stripe.Subscription.modify(made.id, billing_cycle_anchor="now")
    made = change(made, price=ten, proration_behavior="none")
    account.advance(days=1)
    change(made, quantity=3)
    [debit] = waiting(made)
    assert debit.amount == 2900


def test_what_was_tried_by_usage_gives_nothing_back(account, ten) -> None:
    """The quantity of that was None, as a text: no SDK could read it."""
    made = begin(price_of_calls().id, trial_period_days=14)
    fee = {"currency": "usd", "product": stripe.Product.create(name="Fee").id, "unit_amount": 9000}
    late = change(
        made,
        price=ten,
        add_invoice_items=[{"price_data": fee}],
        payment_behavior="default_incomplete",
    )
    assert late.status == "past_due"
    change(made, quantity=3)
    assert [one.quantity for one in waiting(made)] == [3]


# --- Stripe's page on prorations ---


def test_an_upgrade_half_way_costs_half_of_the_difference(account, ten, twenty) -> None:
    made = begin(ten)
    account.advance(days=15)
    change(made, price=twenty)
    credit, debit = waiting(made)
    assert (credit.amount, debit.amount) == (-500, 1000)
    assert credit.description == "Unused time on Plan after 16 Apr 2027"
    assert debit.description == "Remaining time on Plan after 16 Apr 2027"
    assert (credit.proration, credit.discountable, credit.quantity) == (True, False, 1)
    assert credit.period.to_dict() == {"start": account.now, "end": APRIL + 30 * DAY_S}
    assert len(invoices(made)) == 1
    account.advance(days=15, hours=1)
    assert amounts(again(made).latest_invoice) == [-500, 1000, 2000]
    lines = again(made).latest_invoice.lines.data
    undone = lines[0].parent.subscription_item_details.proration_details.credited_items
    first = invoices(made)[0]
    assert undone.invoice == first.id
    assert undone.invoice_line_items == [first.lines.data[0].id]
    assert lines[1].parent.subscription_item_details.proration_details.credited_items is None
    assert lines[0].pricing.unit_amount_decimal is None


@pytest.mark.parametrize(("mode", "total"), [("classic", -334), ("flexible", 0)])
def test_after_a_change_without_prorations_the_modes_differ(
    account, ten, twenty, mode, total
) -> None:
    made = begin(ten, billing_mode={"type": mode})
    account.advance(days=10)
    change(made, price=twenty, proration_behavior="none")
    account.advance(days=10)
    now = change(made, price=ten, proration_behavior="always_invoice")
    assert now.latest_invoice.total == total


@pytest.mark.parametrize(("mode", "credit"), [("classic", -250), ("flexible", -417)])
def test_an_amount_off_for_all_is_given_back_as_the_mode_says(
    account, ten, twenty, mode, credit
) -> None:
    five = stripe.Coupon.create(amount_off=500, currency="usd", duration="forever").id
    made = begin(
        "",
        items=[{"price": ten}, {"price": twenty}],
        discounts=[{"coupon": five}],
        billing_mode={"type": mode},
    )
    first = made.latest_invoice
    assert (first.total, first.subtotal) == (2500, 3000)
    off = [line.discount_amounts[0].amount for line in first.lines.data]
    assert off == [166, 334]
    account.advance(days=15)
    stripe.SubscriptionItem.delete(made["items"].data[0].id)
    assert [one.amount for one in waiting(made)] == [credit]


@pytest.mark.parametrize(("mode", "credit"), [("classic", -250), ("flexible", -250)])
def test_a_discount_that_is_used_up_is_within_the_credit(account, ten, mode, credit) -> None:
    half = stripe.Coupon.create(percent_off=50, duration="once").id
    made = begin(ten, discounts=[{"coupon": half}], billing_mode={"type": mode})
    assert (made.latest_invoice.total, made.discounts) == (500, [])
    account.advance(days=15)
    change(made, quantity=2)
    assert [one.amount for one in waiting(made)] == [credit, 1000]


def test_another_discount_alone_changes_nothing_until_the_next_period(account, ten) -> None:
    made = begin(ten)
    half = stripe.Coupon.create(percent_off=50, duration="forever").id
    account.advance(days=15)
    stripe.Subscription.modify(made.id, discounts=[{"coupon": half}])
    assert waiting(made) == []
    change(made, quantity=2)
    assert [one.amount for one in waiting(made)] == [-500, 500]
    account.advance(days=16)
    assert invoices(made)[-1].total == -500 + 500 + 1000


# --- To the second ---


@pytest.mark.parametrize(
    ("price", "seconds", "part"),
    [(8500, 2_592_000 - 2_578_574, 8456), (3500, 2_592_000 - 2_384_330, 3220), (1, 1_296_000, 1)],
)
def test_amounts_are_rounded_to_the_nearest_as_recorded(account, price, seconds, part) -> None:
    made = begin(recurring("month", price))
    account.advance(seconds=seconds)
    change(made, quantity=2)
    credit, debit = waiting(made)
    assert credit.amount == -part
    assert abs(debit.amount - 2 * part) <= 1


def test_changes_of_one_second_undo_each_other(account, ten) -> None:
    made = begin(ten)
    account.advance(days=7)
    for quantity in (5, 2, 9, 1):
        change(made, quantity=quantity)
    assert sum(one.amount for one in waiting(made)) == 0


def test_a_date_of_the_past_is_gone_by_and_one_outside_refused(account, ten) -> None:
    made = begin(ten)
    account.advance(days=20)
    change(made, quantity=2, proration_date=APRIL + 15 * DAY_S)
    assert [one.amount for one in waiting(made)] == [-500, 1000]
    wrong = refused(change, made, quantity=3, proration_date=APRIL - 1)
    assert wrong.param == "proration_date"
    assert refused(change, made, quantity=3, proration_date=APRIL + 31 * DAY_S)


# --- What is billed when ---


@pytest.mark.parametrize(
    ("behavior", "waits", "count"),
    [("create_prorations", 2, 1), ("always_invoice", 0, 2), ("none", 0, 1)],
)
def test_prorations_wait_or_are_billed_or_are_none(account, ten, behavior, waits, count) -> None:
    made = begin(ten)
    account.advance(days=15)
    now = change(made, quantity=3, proration_behavior=behavior)
    assert (len(waiting(made)), len(invoices(made))) == (waits, count)
    if behavior == "always_invoice":
        last = now.latest_invoice
        assert (last.billing_reason, last.status, last.total) == (
            "subscription_update",
            "paid",
            1000,
        )


def test_a_downgrade_is_the_customers_until_it_is_used(account, ten, twenty) -> None:
    made = begin(twenty)
    account.advance(days=15)
    now = change(made, price=ten, proration_behavior="always_invoice")
    last = now.latest_invoice
    assert (last.total, last.amount_due, last.status) == (-500, 0, "paid")
    assert stripe.Customer.retrieve(made.customer).balance == -500
    account.advance(days=15, hours=1)
    renewal = again(made).latest_invoice
    assert (renewal.total, renewal.starting_balance, renewal.ending_balance) == (1000, -500, 0)
    assert renewal.amount_paid == 500


def test_an_item_that_is_added_is_paid_for_the_rest_and_one_that_goes_is_given_back(
    account, ten, twenty
) -> None:
    made = begin(ten)
    account.advance(days=20)
    item = stripe.SubscriptionItem.create(subscription=made.id, price=twenty)
    assert item.current_period_end == APRIL + 30 * DAY_S
    assert [one.amount for one in waiting(made)] == [667]
    account.advance(days=5)
    stripe.SubscriptionItem.delete(item.id)
    assert [one.amount for one in waiting(made)] == [667, -334]  # half of 667


def test_a_free_item_gives_nothing_back(account, ten) -> None:
    made = begin(recurring("month", 0))
    account.advance(days=15)
    change(made, price=ten)
    assert [one.amount for one in waiting(made)] == [0, 500]


def test_in_classic_mode_periods_begin_with_the_first_price_that_costs(account, ten) -> None:
    made = begin(recurring("month", 0), **CLASSIC)
    account.advance(days=15)
    now = change(made, price=ten)
    assert now.billing_cycle_anchor == account.now
    assert now.latest_invoice.amount_paid == 1000


# --- Other intervals ---


def test_in_classic_mode_another_interval_begins_periods_anew(account, ten) -> None:
    made = begin(ten, **CLASSIC)
    account.advance(days=15)
    now = change(made, price=recurring("year", 9000))
    assert now.billing_cycle_anchor == account.now
    last = now.latest_invoice
    assert amounts(last) == [-500, 9000]
    assert last.period_start == last.period_end == account.now
    assert [line.parent.subscription_item_details.proration for line in last.lines.data] == [
        True, False,
    ]  # fmt: skip


def test_in_flexible_mode_another_interval_keeps_the_anchor(account, ten) -> None:
    made = begin(ten)
    account.advance(seconds=3)
    now = change(made, price=recurring("year", 25000), proration_behavior="always_invoice")
    (item,) = now["items"].data
    assert (now.billing_cycle_anchor, item.current_period_start) == (APRIL, APRIL)
    assert item.current_period_end == APRIL + 366 * DAY_S
    last = now.latest_invoice
    assert amounts(last) == [-1000, 25000]
    assert (last.period_start, last.period_end) == (APRIL, account.now)
    assert last.lines.data[1].parent.subscription_item_details.proration is True


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_an_anchor_now_gives_back_all_and_bills_all(account, ten, twenty, mode) -> None:
    items = [{"price": ten}, {"price": twenty}]
    made = begin("", items=items, billing_mode={"type": mode})
    account.advance(days=10)
    now = stripe.Subscription.modify(
        made.id, billing_cycle_anchor={"type": "now"}, expand=["latest_invoice"]
    )
    assert sorted(amounts(now.latest_invoice)) == [-1333, -667, 1000, 2000]
    assert now.latest_invoice.status == "paid"
    assert {item.current_period_start for item in now["items"].data} == {account.now}


def test_an_anchor_now_without_prorations_gives_nothing_back(account, ten) -> None:
    made = begin(ten)
    account.advance(days=10)
    now = stripe.Subscription.modify(
        made.id,
        billing_cycle_anchor={"type": "now"},
        proration_behavior="none",
        expand=["latest_invoice"],
    )
    assert amounts(now.latest_invoice) == [1000]


# --- Taxes ---


def test_taxes_of_prorations_go_with_them(account, ten) -> None:
    on_top = stripe.TaxRate.create(display_name="VAT", percentage=10, inclusive=False).id
    within = stripe.TaxRate.create(display_name="GST", percentage=25, inclusive=True).id
    made = begin(ten, default_tax_rates=[on_top, within])
    assert (made.latest_invoice.subtotal, made.latest_invoice.total) == (1000, 1080)
    account.advance(days=15)
    now = change(made, quantity=3, proration_behavior="always_invoice")
    last = now.latest_invoice
    assert (last.subtotal, last.total, last.total_excluding_tax) == (1000, 1080, 800)
    taxes = [[tax.amount for tax in line.taxes] for line in last.lines.data]
    assert taxes == [[-40, -100], [120, 300]]


# --- Previews ---


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_a_preview_is_what_comes(account, ten, twenty, mode) -> None:
    made = begin(ten, billing_mode={"type": mode})
    account.advance(days=12, seconds=7)
    item = {"id": made["items"].data[0].id, "price": twenty, "quantity": 3}
    how = {"items": [item], "proration_behavior": "always_invoice", "proration_date": account.now}
    preview = stripe.Invoice.create_preview(subscription=made.id, subscription_details=how)
    assert stripe.InvoiceItem.list().data == []
    assert again(made)["items"].data[0].quantity == 1
    came = stripe.Subscription.modify(made.id, **how, expand=["latest_invoice"]).latest_invoice
    assert amounts(preview) == amounts(came)
    assert (preview.total, preview.amount_due) == (came.total, came.amount_due)
    next_ = stripe.Invoice.create_preview(subscription=made.id)
    account.advance(days=18)
    renewal = again(made).latest_invoice
    assert (next_.total, next_.period_end) == (renewal.total, renewal.period_end)


def test_a_preview_shows_what_would_wait_on_the_next_invoice(account, ten) -> None:
    made = begin(ten)
    account.advance(days=15)
    item = {"id": made["items"].data[0].id, "quantity": 2}
    preview = stripe.Invoice.create_preview(
        subscription=made.id,
        subscription_details={"items": [item]},
        discounts=[{"coupon": stripe.Coupon.create(percent_off=10, duration="forever").id}],
        invoice_items=[{"amount": 300, "currency": "usd"}],
    )
    assert sorted(amounts(preview)) == [-500, 300, 900, 2000]
    assert preview.total == 300 - 500 + 900 + 2000 - 230
    assert stripe.InvoiceItem.list().data == []


def test_the_anchor_of_a_preview_is_that_of_the_subscription(account, ten) -> None:
    anchor = {"type": "timestamp", "timestamp": APRIL + 15 * DAY_S}
    details = {"items": [{"price": ten}], "billing_cycle_anchor": anchor}
    customer = buyer().id
    shown = stripe.Invoice.create_preview(customer=customer, subscription_details=details)
    assert shown.total == 484  # 15 of the 31 days before
    came = begin(ten, customer, billing_cycle_anchor=anchor["timestamp"])
    assert came.latest_invoice.total == shown.total
    wrong = refused(
        stripe.Invoice.create_preview,
        subscription=came.id,
        subscription_details={"billing_cycle_anchor": anchor},
    )
    assert wrong.param == "subscription_details[billing_cycle_anchor]"


def test_a_preview_of_an_end_now_gives_back_what_is_left(account, ten) -> None:
    made = begin(ten)
    account.advance(days=15)
    preview = stripe.Invoice.create_preview(
        subscription=made.id, subscription_details={"cancel_now": True}
    )
    assert preview.total == -500
    assert again(made).status == "active"
    came = stripe.Subscription.cancel(made.id, prorate=True, invoice_now=True)
    assert stripe.Invoice.retrieve(came.latest_invoice).total == -500


@pytest.mark.parametrize(
    "params",
    [
        {"preview_mode": "recurring"},
        {"subscription_details": {"resume_at": "now"}},
        {"subscription_details": {"start_date": APRIL - DAY_S}},
        {"schedule_details": {"end_behavior": "cancel"}},
    ],
)
def test_a_preview_says_which_parts_it_cannot_show_yet(account, ten, params) -> None:
    made = begin(ten)
    with pytest.raises(stripe.APIError) as raised:
        stripe.Invoice.create_preview(subscription=made.id, **params)
    assert raised.value.http_status == 501


def test_a_preview_of_nothing_is_refused(account, ten) -> None:
    made = begin(ten)
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    wrong = refused(stripe.Invoice.create_preview, subscription=made.id)
    assert (wrong.code, wrong.http_status) == ("invoice_upcoming_none", 404)
    wrong = refused(stripe.Invoice.create_preview, customer=buyer().id)
    assert wrong.code == "invoice_upcoming_none"
    assert "You must either provide" in str(refused(stripe.Invoice.create_preview))


@pytest.mark.parametrize("anchor", ["now", "unchanged"])
def test_a_preview_of_a_new_subscription_has_the_anchor_of_a_new_one(
    monthly: str, anchor: str
) -> None:
    details = {"items": [{"price": monthly}], "billing_cycle_anchor": anchor}
    preview = stripe.Invoice.create_preview(customer=buyer().id, subscription_details=details)
    assert preview.total == 1000


def test_half_a_cent_is_given_to_the_customer(account, client) -> None:
    """Of 1 cent for two days one is left: -0.5 comes to -1, and 0.5 of the same to nothing."""
    account.freeze(1_900_000_000)
    one, other = (
        stripe.Price.create(
            product_data={"name": name},
            unit_amount=1,
            currency="usd",
            recurring={"interval": "day", "interval_count": 2},
        ).id
        for name in ("Mug", "Cup")
    )
    customer = stripe.Customer.create(
        payment_method="pm_card_visa", invoice_settings={"default_payment_method": "pm_card_visa"}
    ).id
    made = stripe.Subscription.create(customer=customer, items=[{"price": one}])
    account.advance(days=1)
    stripe.Subscription.modify(made.id, items=[{"id": made["items"].data[0].id, "price": other}])
    waiting = stripe.InvoiceItem.list(customer=customer, pending=True).data
    assert sorted(item.amount for item in waiting) == [-1, 0]


def test_a_preview_is_of_the_customer_of_its_subscription(monthly: str) -> None:
    made = begin(monthly)
    error = refused(stripe.Invoice.create_preview, subscription=made.id, customer=buyer(None).id)
    assert error.param == "customer"


def test_a_preview_is_of_the_customer_as_they_would_be(monthly: str) -> None:
    customer = buyer(None, address={"country": "DE"}).id
    wanted = {"automatic_tax": {"enabled": True}, "customer": customer}
    stripe.InvoiceItem.create(customer=customer, amount=1000, currency="usd")
    assert stripe.Invoice.create_preview(**wanted).total == 1190
    exempt = {"tax_exempt": "exempt"}
    assert stripe.Invoice.create_preview(**wanted, customer_details=exempt).total == 1000
    assert stripe.Customer.retrieve(customer).tax_exempt == "none"


@pytest.mark.parametrize(
    ("call", "params"),
    [
        ("preview", {"on_behalf_of": "acct_1"}),
        ("preview", {"preview_mode": "recurring"}),
        ("change", {"trial_from_plan": True}),
        ("resume", {"proration_date": 1}),
        ("item", {"tax_behavior": "inclusive"}),
    ],
)
def test_a_missing_part_is_reported(monthly: str, call: str, params: dict[str, Any]) -> None:
    made = begin(monthly)
    calls = {
        "change": lambda: stripe.Subscription.modify(made.id, **params),
        "item": lambda: stripe.InvoiceItem.create(customer=made.customer, amount=1, **params),
        "preview": lambda: stripe.Invoice.create_preview(subscription=made.id, **params),
        "resume": lambda: stripe.Subscription.resume(made.id, **params),
    }
    with pytest.raises(stripe.APIError, match="does not have the parameter") as raised:
        calls[call]()
    assert (raised.value.http_status, raised.value.json_body["error"]["param"]) == (
        501, next(iter(params)),
    )  # fmt: skip
