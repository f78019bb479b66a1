"""Invoices: drawn up, finalized, paid, given up; their lines, discounts, taxes and numbers."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer, events_of, invoice_of
from tests.stripe.refusals import refused
from tests.stripe.subscribing import T0, begin, card

DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def still(account: Any) -> None:
    account.freeze(T0)


@pytest.fixture
def customer(account: Any) -> str:
    found: str = buyer(email="jane@example.com").id
    return found


def item(customer: str, amount: int = 1000, **more: Any) -> Any:
    """Return a new invoice item."""
    return stripe.InvoiceItem.create(
        **{"customer": customer, "amount": amount, "currency": "usd", **more}
    )


def draft(customer: str, **more: Any) -> Any:
    """Return a new draft with all that waits for its customer's next invoice."""
    more.setdefault("pending_invoice_items_behavior", "include")
    return stripe.Invoice.create(customer=customer, **more)


def off(coupon: str, **more: Any) -> dict[str, Any]:
    return {"discounts": [{"coupon": coupon}], **more}


def coupon(**more: Any) -> str:
    """Return the id of a new coupon; an amount is in dollars."""
    if "amount_off" in more:
        more["currency"] = "usd"
    return stripe.Coupon.create(**{"duration": "forever", **more}).id


# --- Their way ---


def test_a_draft_by_hand_waits_until_somebody_finalizes_it(account, customer) -> None:
    item(customer)
    made = draft(customer)
    assert (made.status, made.number, made.auto_advance) == ("draft", None, False)
    assert (made.amount_due, made.amount_remaining, made.ending_balance) == (1000, 1000, None)
    assert (made.hosted_invoice_url, made.invoice_pdf) == (None, None)
    assert (made.period_start, made.period_end) == (T0, T0)
    account.advance(days=3)
    assert stripe.Invoice.retrieve(made.id).status == "draft"
    final = stripe.Invoice.finalize_invoice(made.id)
    assert (final.status, final.attempted, final.attempt_count) == ("open", False, 0)
    assert final.status_transitions.finalized_at == account.now
    assert final.hosted_invoice_url is not None
    paid = stripe.Invoice.pay(made.id)
    assert (paid.status, paid.amount_paid, paid.attempt_count) == ("paid", 1000, 1)


def test_one_that_advances_by_itself_is_finalized_after_an_hour_and_paid(account, customer) -> None:
    item(customer)
    made = draft(customer, auto_advance=True)
    assert made.automatically_finalizes_at == T0 + 3600
    account.advance(seconds=3599)
    assert stripe.Invoice.retrieve(made.id).status == "draft"
    account.advance(seconds=1)
    assert stripe.Invoice.retrieve(made.id).status == "paid"


def test_a_draft_that_does_not_advance_any_more_stays(account, customer) -> None:
    item(customer)
    made = draft(customer, auto_advance=True)
    stripe.Invoice.modify(made.id, auto_advance=False)
    account.advance(days=1)
    assert stripe.Invoice.retrieve(made.id).status == "draft"
    stripe.Invoice.modify(made.id, auto_advance=True)
    account.advance(hours=1)
    assert stripe.Invoice.retrieve(made.id).status == "paid"


def test_one_that_is_finalized_and_advances_is_tried_an_hour_later(account, customer) -> None:
    item(customer)
    made = stripe.Invoice.finalize_invoice(draft(customer).id, auto_advance=True)
    assert made.status == "open"
    account.advance(hours=1)
    assert stripe.Invoice.retrieve(made.id).status == "paid"


def test_an_invoice_of_zero_is_paid_when_it_is_finalized(account, customer) -> None:
    made = stripe.Invoice.finalize_invoice(draft(customer).id)
    assert (made.status, made.attempted, made.attempt_count) == ("paid", True, 0)
    assert made.number is not None
    assert stripe.InvoicePayment.list(invoice=made.id).data == []


def test_paying_a_draft_finalizes_it(account, customer) -> None:
    item(customer)
    paid = stripe.Invoice.pay(draft(customer).id)
    assert (paid.status, paid.amount_paid) == ("paid", 1000)
    again = refused(stripe.Invoice.pay, paid.id)
    assert again.code == "invoice_already_paid"


def test_one_is_paid_without_stripe(account, customer) -> None:
    made = invoice_of(account, 700, customer=customer)
    paid = stripe.Invoice.pay(made.id, paid_out_of_band=True)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 700, 0)
    assert stripe.Charge.list().data == []
    assert stripe.PaymentIntent.list().data[0].status == "canceled"


def test_a_decline_leaves_it_open(account) -> None:
    customer = buyer("pm_card_chargeCustomerFail").id
    made = invoice_of(account, 700, customer=customer)
    with pytest.raises(stripe.CardError) as raised:
        stripe.Invoice.pay(made.id)
    assert raised.value.code == "card_declined"
    same = stripe.Invoice.retrieve(made.id)
    assert (same.status, same.attempt_count, same.amount_remaining) == ("open", 1, 700)
    card(customer)
    assert stripe.Invoice.pay(made.id).status == "paid"


def test_with_nothing_to_pay_with_it_is_refused(account) -> None:
    made = invoice_of(account, 700, customer=buyer(None).id)
    wrong = refused(stripe.Invoice.pay, made.id)
    assert (wrong.code, wrong.http_status) == ("resource_missing", 400)
    assert stripe.Invoice.retrieve(made.id).attempt_count == 0


def test_a_void_invoice_is_not_owed(account, customer) -> None:
    made = invoice_of(account, 700, customer=customer)
    void = stripe.Invoice.void_invoice(made.id)
    assert (void.status, void.status_transitions.voided_at) == ("void", T0)
    assert stripe.PaymentIntent.list().data[0].status == "canceled"
    assert refused(stripe.Invoice.pay, made.id)
    assert refused(stripe.Invoice.void_invoice, made.id)
    assert refused(stripe.Invoice.mark_uncollectible, made.id)


def test_an_uncollectible_invoice_may_still_be_paid_or_voided(account, customer) -> None:
    made = invoice_of(account, 700, customer=customer)
    given_up = stripe.Invoice.mark_uncollectible(made.id)
    assert given_up.status == "uncollectible"
    assert given_up.status_transitions.marked_uncollectible_at == T0
    assert stripe.Invoice.pay(made.id).status == "paid"
    other = invoice_of(account, 700, customer=customer)
    stripe.Invoice.mark_uncollectible(other.id)
    assert stripe.Invoice.void_invoice(other.id).status == "void"


def test_a_draft_can_be_deleted_and_what_waited_waits_again(account, customer) -> None:
    waits = item(customer)
    made = draft(customer)
    own = item(customer, 500, invoice=made.id)
    assert stripe.Invoice.retrieve(made.id).total == 1500
    assert stripe.Invoice.delete(made.id).to_dict() == {
        "id": made.id, "object": "invoice", "deleted": True,
    }  # fmt: skip
    assert [one.id for one in stripe.InvoiceItem.list(pending=True).data] == [waits.id]
    assert refused(stripe.InvoiceItem.retrieve, own.id).http_status == 404
    final = stripe.Invoice.finalize_invoice(draft(customer).id)
    assert refused(stripe.Invoice.delete, final.id).http_status == 400


@pytest.mark.parametrize("operation", ["void_invoice", "mark_uncollectible"])
def test_a_draft_cannot_be_given_up(account, customer, operation) -> None:
    item(customer)
    made = draft(customer)
    assert refused(getattr(stripe.Invoice, operation), made.id)
    assert stripe.Invoice.retrieve(made.id).status == "draft"


def test_a_finalized_one_keeps_its_amounts(account, customer) -> None:
    made = invoice_of(account, 700, customer=customer)
    assert refused(stripe.Invoice.finalize_invoice, made.id)
    assert refused(item, customer, invoice=made.id)
    (line,) = made.lines.data
    of = line.parent.invoice_item_details.invoice_item
    assert refused(stripe.InvoiceItem.modify, of, amount=1)
    assert refused(stripe.InvoiceItem.delete, of)
    wrong = refused(stripe.Invoice.modify, made.id, discounts=[{"coupon": coupon(percent_off=5)}])
    assert wrong.http_status == 400
    assert stripe.Invoice.modify(made.id, metadata={"a": "b"}).metadata["a"] == "b"


# --- What is sent ---


def test_one_that_is_sent_is_due_when_it_says(account, customer) -> None:
    item(customer)
    made = draft(customer, collection_method="send_invoice", days_until_due=30)
    assert made.due_date == T0 + 30 * DAY_S
    sent = stripe.Invoice.send_invoice(made.id)
    assert sent.status == "open"
    assert events_of(account, "invoice.finalized", "invoice.sent") == [
        "invoice.finalized", "invoice.sent",
    ]  # fmt: skip
    account.advance(days=31)
    assert stripe.Invoice.retrieve(made.id).attempt_count == 0


@pytest.mark.parametrize(
    "params",
    [
        {"collection_method": "send_invoice"},
        {"collection_method": "send_invoice", "due_date": T0 - 1},
        {"days_until_due": 3},
        {"due_date": T0 + 3},
        {"customer": "cus_none"},
        {"subscription": "sub_none"},
        {"currency": "xxx"},
    ],
)
def test_what_cannot_be_invoiced_is_refused(account, customer, params) -> None:
    before = len(account.events())
    assert refused(stripe.Invoice.create, **{"customer": customer, **params}).http_status == 400
    assert len(account.events()) == before


def test_nobody_is_sent_anything_without_an_address(account) -> None:
    nobody = buyer().id
    wrong = refused(draft, nobody, collection_method="send_invoice", days_until_due=3)
    assert str(wrong).endswith(
        "Missing email. In order to create invoices that are sent to the customer, the customer "
        "must have a valid email."
    )


# --- Numbers ---


def test_numbers_have_no_gaps_whatever_becomes_of_drafts(account, customer) -> None:
    prefix = stripe.Customer.retrieve(customer).invoice_prefix
    other = invoice_of(account, 100).number
    numbers = []
    for number in range(6):
        item(customer)
        made = draft(customer)
        if number % 3 == 1:
            stripe.Invoice.delete(made.id)
            continue
        numbers.append(stripe.Invoice.finalize_invoice(made.id).number)
        if number % 3 == 2:
            stripe.Invoice.void_invoice(made.id)
    assert numbers == [f"{prefix}-{n:04}" for n in range(1, 5)]
    assert stripe.Customer.retrieve(customer).next_invoice_sequence == 5
    assert other.endswith("-0001")
    assert other != numbers[0]


# --- Items and lines ---


def test_what_waits_is_left_out_unless_it_is_asked_for(account, customer) -> None:
    waits = item(customer, description="Mug")
    assert draft(customer, pending_invoice_items_behavior="exclude").lines.data == []
    made = draft(customer)
    (line,) = made.lines.data
    assert (line.amount, line.description, line.quantity) == (1000, "Mug", 1)
    assert line.parent.invoice_item_details.invoice_item == waits.id
    assert stripe.InvoiceItem.retrieve(waits.id).invoice == made.id
    assert draft(customer).lines.data == []


def test_an_item_of_a_draft_changes_its_line(account, customer) -> None:
    made = draft(customer)
    one = item(customer, invoice=made.id)
    stripe.InvoiceItem.modify(one.id, amount=300)
    assert stripe.Invoice.retrieve(made.id).total == 300
    stripe.InvoiceItem.delete(one.id)
    same = stripe.Invoice.retrieve(made.id)
    assert (same.total, same.lines.data) == (0, [])


@pytest.mark.parametrize(
    ("params", "amount"),
    [
        ({"unit_amount_decimal": "33.3", "quantity": 3}, 100),
        ({"unit_amount_decimal": "0.5"}, 1),
        ({"unit_amount_decimal": "0.49"}, 0),
        ({"amount": -400}, -400),
    ],
)
def test_an_item_costs_its_amount_or_so_many_of_one(account, customer, params, amount) -> None:
    made = stripe.InvoiceItem.create(customer=customer, currency="usd", **params)
    assert made.amount == amount
    assert made.discountable is (amount >= 0)


def test_an_invoice_has_more_lines_than_it_shows(account, customer) -> None:
    for number in range(13):
        item(customer, 100 + number)
    made = draft(customer)
    assert (len(made.lines.data), made.lines.has_more, made.lines.total_count) == (10, True, 13)
    every = list(stripe.Invoice.list_lines(made.id).auto_paging_iter())
    assert [line.amount for line in every] == [100 + number for number in range(13)]
    assert made.total == sum(line.amount for line in every)


def test_two_currencies_are_not_on_one_invoice(account, customer) -> None:
    item(customer)
    euro = item(customer, currency="eur")
    assert [line.amount for line in draft(customer).lines.data] == [1000]
    assert stripe.InvoiceItem.retrieve(euro.id).invoice is None
    made = draft(customer, pending_invoice_items_behavior="exclude")
    assert refused(item, customer, currency="eur", invoice=made.id).http_status == 400


# --- Discounts and taxes ---


def test_a_discount_of_a_line_is_within_the_subtotal_and_one_of_all_is_not(
    account, customer
) -> None:
    half, tenth = coupon(percent_off=50), coupon(percent_off=10)
    item(customer, 1900, **off(half))
    item(customer, 1000)
    made = draft(customer, **off(tenth))
    assert (made.subtotal, made.total) == (1950, 1755)
    first, second = made.lines.data
    assert [one.amount for one in first.discount_amounts] == [950, 95]
    assert [one.amount for one in second.discount_amounts] == [100]
    assert (len(first.discounts), second.discounts) == (1, [])
    assert sorted(one.amount for one in made.total_discount_amounts) == [195, 950]


def test_discounts_are_taken_in_their_order(account, customer) -> None:
    item(customer, 1000)
    amount, percent = coupon(amount_off=200), coupon(percent_off=50)
    one = draft(customer, discounts=[{"coupon": amount}, {"coupon": percent}])
    assert one.total == 400
    changed = stripe.Invoice.modify(one.id, discounts=[{"coupon": percent}, {"coupon": amount}])
    assert changed.total == 300
    assert stripe.Invoice.modify(one.id, discounts="").total == 1000


def test_a_discount_is_of_its_products_and_never_more_than_all(account, customer, price) -> None:
    product = stripe.Price.retrieve(price).product
    stripe.InvoiceItem.create(customer=customer, pricing={"price": price}, quantity=2)
    item(customer, 1000)
    of = coupon(amount_off=9999, applies_to={"products": [product]})
    made = draft(customer, **off(of))
    assert (made.subtotal, made.total) == (4000, 1000)
    assert draft(customer, **off(of)).total == 0


def test_an_item_that_is_not_discountable_keeps_its_amount(account, customer) -> None:
    item(customer, 1000, discountable=False)
    item(customer, 1000)
    item(customer, -300)
    assert draft(customer, **off(coupon(percent_off=50))).total == 1000 + 500 - 300


def test_the_customers_discount_is_taken_where_there_is_no_other(account, customer) -> None:
    tenth, half = coupon(percent_off=10), coupon(percent_off=50)
    with pytest.warns(UserWarning, match="the oldest it knows"):
        stripe.Customer.modify(customer, coupon=tenth, stripe_version="2024-06-20")
    item(customer, 1000)
    assert draft(customer).total == 900
    item(customer, 1000)
    assert draft(customer, **off(half)).total == 500
    item(customer, 1000)
    assert draft(customer, discounts="").total == 1000


def test_taxes_are_on_top_or_within(account, customer) -> None:
    on_top = stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=False).id
    within = stripe.TaxRate.create(display_name="GST", percentage=7, inclusive=True).id
    item(customer, 1070, tax_rates=[within])
    item(customer, 1000)
    made = draft(customer, default_tax_rates=[on_top], **off(coupon(amount_off=207)))
    first, second = made.lines.data
    assert [one.discount_amounts[0].amount for one in (first, second)] == [107, 100]
    assert [tax.amount for tax in first.taxes] == [63]
    assert first.taxes[0].tax_behavior == "inclusive"
    assert [tax.amount for tax in second.taxes] == [171]
    assert made.subtotal == 2070
    assert made.total == 2070 - 207 + 171
    assert made.total_excluding_tax == made.total - 63 - 171
    assert made.subtotal_excluding_tax == 1000 + 1000


def test_an_exempt_customer_pays_no_taxes(account, customer) -> None:
    stripe.Customer.modify(customer, tax_exempt="exempt")
    on_top = stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=False).id
    item(customer, 1000)
    assert draft(customer, default_tax_rates=[on_top]).total == 1000


# --- The customer's balance ---


def test_the_balance_is_of_its_currency(account, customer) -> None:
    stripe.Customer.create_balance_transaction(customer, amount=-300, currency="usd")
    item(customer, 1000, currency="eur")
    made = draft(customer, currency="eur")
    assert (made.starting_balance, made.amount_due) == (0, 1000)
    final = stripe.Invoice.finalize_invoice(made.id)
    assert (final.amount_due, final.ending_balance) == (1000, 0)
    stripe.Invoice.void_invoice(made.id)
    assert stripe.Customer.retrieve(customer).balance == -300


@pytest.mark.parametrize(
    ("balance", "total", "due", "ending"),
    [
        (-300, 1000, 700, 0),
        (-3000, 1000, 0, -2000),
        (250, 1000, 1250, 0),
        (0, 40, 0, 40),  # too little waits
        (-970, 1000, 0, 30),
        (30, 25, 55, 0),
        (-500, -200, 0, -700),
        (300, -200, 0, 100),
        (77, 0, 0, 77),
    ],
)
def test_the_balance_pays_and_takes(account, customer, balance, total, due, ending) -> None:
    if balance:
        stripe.Customer.create_balance_transaction(customer, amount=balance, currency="usd")
    if total:
        item(customer, total)
    made = draft(customer)
    assert (made.starting_balance, made.amount_due) == (balance, due)
    final = stripe.Invoice.finalize_invoice(made.id)
    assert (final.amount_due, final.ending_balance) == (due, ending)
    assert stripe.Customer.retrieve(customer).balance == ending
    assert final.status == ("open" if due else "paid")
    moved = stripe.Customer.list_balance_transactions(customer).data
    assert sum(one.amount for one in moved) == ending


def test_a_void_invoice_gives_the_balance_back(account, customer) -> None:
    stripe.Customer.create_balance_transaction(customer, amount=-300, currency="usd")
    made = invoice_of(account, 1000, customer=customer)
    assert stripe.Customer.retrieve(customer).balance == 0
    stripe.Invoice.void_invoice(made.id)
    assert stripe.Customer.retrieve(customer).balance == -300
    kinds = [one.type for one in stripe.Customer.list_balance_transactions(customer).data]
    assert kinds == ["unapplied_from_invoice", "applied_to_invoice", "adjustment"]


# --- Payments ---


def test_an_invoice_is_found_by_its_payment(account, customer) -> None:
    made = stripe.Invoice.pay(invoice_of(account, 1000, customer=customer).id, expand=["payments"])
    (payment,) = made.payments.data
    intent = payment.payment.payment_intent
    assert (payment.amount_paid, payment.status, payment.is_default) == (1000, "paid", True)
    found = stripe.InvoicePayment.list(
        payment={"type": "payment_intent", "payment_intent": intent}
    ).data
    assert [one.invoice for one in found] == [made.id]
    paid = stripe.PaymentIntent.retrieve(intent)
    assert (paid.amount_received, paid.description) == (1000, "Payment for Invoice")
    assert paid.payment_details.order_reference == made.id


def test_a_page_pays_by_the_secret(account) -> None:
    made = stripe.Invoice.retrieve(
        invoice_of(account, 1000, customer=buyer(None).id).id, expand=["confirmation_secret"]
    )
    intent = made.confirmation_secret.client_secret.partition("_secret_")[0]
    stripe.PaymentIntent.confirm(intent, payment_method="pm_card_visa")
    assert stripe.Invoice.retrieve(made.id).status == "paid"


# --- What is told ---


def test_events_of_an_invoice_come_in_order(account, customer) -> None:
    item(customer)
    stripe.Invoice.pay(draft(customer).id)
    assert events_of(account, "invoice.created", "invoice.updated", "invoice.finalized",
                     "invoice.paid", "invoice.payment_succeeded", "payment_intent.succeeded",
                     "invoice_payment.paid") == [
        "invoice.created", "invoice.finalized", "payment_intent.succeeded",
        "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded",
    ]  # fmt: skip


def test_searches_for_invoices_find_them(account, customer, monthly) -> None:
    made = begin(monthly, customer)
    item(customer)
    other = draft(customer)
    assert [one.id for one in stripe.Invoice.list(subscription=made.id).data] == [
        made.latest_invoice.id
    ]
    assert [one.id for one in stripe.Invoice.list(status="draft").data] == [other.id]
    wrong = refused(stripe.Invoice.list, customer="cus_none")
    assert (wrong.http_status, wrong.param) == (400, "customer")


def test_a_customer_who_is_deleted_is_not_asked_any_more(account, customer) -> None:
    item(customer)
    made = draft(customer, auto_advance=True)
    open_ = invoice_of(account, 900, customer=customer, auto_advance=True)
    stripe.Customer.delete(customer)
    account.advance(days=10)
    assert stripe.Invoice.retrieve(made.id).status == "draft"
    assert stripe.Invoice.retrieve(open_.id).attempt_count == 0
