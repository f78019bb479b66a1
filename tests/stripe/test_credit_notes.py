"""Credit notes: what they take back of invoices, before and after those are paid."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.billing import buyer, events_of, invoice_of, price_of_calls


def note(invoice: Any, amount: int | None = None, **more: Any) -> Any:
    """Issue a credit note, by default of one line of its own."""
    if amount is not None:
        line = {"type": "custom_line_item", "description": "Sorry", "unit_amount": amount}
        more.setdefault("lines", [line])
    return stripe.CreditNote.create(invoice=invoice.id, **more)


def paid(account: Any, **more: Any) -> Any:
    """Return an invoice of 50 dollars that a card paid."""
    return stripe.Invoice.pay(invoice_of(account, 5000, **more).id)


def of_line(invoice: Any, **more: Any) -> list[Any]:
    """Return the parameter that credits a part of an invoice's first line."""
    line = invoice.lines.data[0].id
    return [{"type": "invoice_line_item", "invoice_line_item": line, **more}]


class TestBeforePayment:
    def test_a_note_takes_from_what_remains_to_be_paid(self, account) -> None:
        invoice = invoice_of(account, 5000)
        made = note(invoice, 1500, reason="order_change", memo="Less than agreed")
        assert made.number == f"{invoice.number}-CN-01"
        assert (made.type, made.status, made.amount) == ("pre_payment", "issued", 1500)
        assert (made.pre_payment_amount, made.post_payment_amount) == (1500, 0)
        now = stripe.Invoice.retrieve(invoice.id)
        assert (now.total, now.amount_due, now.amount_remaining) == (5000, 3500, 3500)
        assert now.pre_payment_credit_notes_amount == 1500
        done = stripe.Invoice.pay(invoice.id, expand=["payments"])
        assert (done.status, done.amount_paid) == ("paid", 3500)
        assert done.payments.data[0].amount_paid == 3500

    def test_the_last_of_it_pays_the_invoice(self, account) -> None:
        invoice = invoice_of(account, 5000)
        note(invoice, 2000)
        second = note(invoice, 3000)
        assert second.number == f"{invoice.number}-CN-02"
        now = stripe.Invoice.retrieve(invoice.id, expand=["payments"])
        assert (now.status, now.amount_paid, now.amount_due) == ("paid", 0, 0)
        assert [one.status for one in now.payments.data] == ["canceled"]
        told = events_of(account, "credit_note.*", "invoice.*")
        assert told[-4:] == [
            "credit_note.created", "invoice.updated", "invoice.paid", "invoice.payment_succeeded",
        ]  # fmt: skip

    def test_a_void_one_is_owed_again(self, account) -> None:
        invoice = invoice_of(account, 5000)
        first = note(invoice, 2000)
        gone = stripe.CreditNote.void_credit_note(first.id)
        assert (gone.status, gone.voided_at) == ("void", account.now)
        now = stripe.Invoice.retrieve(invoice.id)
        assert (now.amount_remaining, now.pre_payment_credit_notes_amount) == (5000, 0)
        assert stripe.Invoice.pay(invoice.id).amount_paid == 5000
        assert account.events("credit_note.voided")
        with pytest.raises(stripe.InvalidRequestError, match="void already"):
            stripe.CreditNote.void_credit_note(first.id)

    def test_a_note_of_what_is_paid_cannot_be_voided(self, account) -> None:
        invoice = invoice_of(account, 5000)
        first = note(invoice, 2000)
        stripe.Invoice.pay(invoice.id)
        with pytest.raises(stripe.InvalidRequestError, match="waits to be paid"):
            stripe.CreditNote.void_credit_note(first.id)


class TestAfterPayment:
    def test_a_refund_is_of_the_invoices_charge(self, account) -> None:
        invoice = paid(account)
        made = note(invoice, 500, refund_amount=500)
        assert (made.type, made.amount, made.post_payment_amount) == ("post_payment", 500, 500)
        [linked] = made.refunds
        assert (linked.amount_refunded, linked.type) == (500, "refund")
        refund = stripe.Refund.retrieve(linked.refund, expand=["charge"])
        assert (refund.amount, refund.charge.amount_refunded) == (500, 500)
        now = stripe.Invoice.retrieve(invoice.id)
        assert (now.amount_paid, now.amount_due) == (5000, 5000)
        assert now.post_payment_credit_notes_amount == 500

    def test_a_credit_goes_onto_the_balance(self, account) -> None:
        invoice = paid(account)
        made = note(
            invoice, 900, credit_amount=700, out_of_band_amount=200,
            expand=["customer_balance_transaction"],
        )  # fmt: skip
        transaction = made.customer_balance_transaction
        assert (transaction.amount, transaction.type) == (-700, "credit_note")
        assert (transaction.credit_note, transaction.invoice) == (made.id, invoice.id)
        assert stripe.Customer.retrieve(invoice.customer).balance == -700
        assert made.out_of_band_amount == 200

    def test_a_refund_made_before_can_be_what_gave_it_back(self, account) -> None:
        invoice = paid(account, expand=["payments"])
        intent = stripe.InvoicePayment.list(invoice=invoice.id).data[0].payment.payment_intent
        refund = stripe.Refund.create(payment_intent=intent, amount=800)
        made = note(invoice, 300, refunds=[{"refund": refund.id, "amount_refunded": 300}])
        assert made.refunds[0].refund == refund.id
        assert note(invoice, 500, refunds=[{"refund": refund.id}]).refunds[0].amount_refunded == 500
        with pytest.raises(stripe.InvalidRequestError, match="has 0 that no credit note is for"):
            note(invoice, 1, refunds=[{"refund": refund.id}])

    def test_one_note_takes_from_both(self, account) -> None:
        customer = stripe.Customer.create(balance=-2000)
        invoice = invoice_of(account, 5000, customer=customer.id)
        assert invoice.amount_due == 3000
        made = note(invoice, 4000, credit_amount=1000)
        assert (made.type, made.pre_payment_amount, made.post_payment_amount) == (
            "mixed", 3000, 1000,
        )  # fmt: skip
        assert stripe.Invoice.retrieve(invoice.id).status == "paid"
        assert stripe.Customer.retrieve(customer.id).balance == -1000


class TestLines:
    def test_a_quantity_takes_its_part_of_discounts_and_taxes(self, account) -> None:
        rate = stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=False)
        coupon = stripe.Coupon.create(amount_off=1000, currency="usd", duration="once")
        invoice = invoice_of(
            account, 3333, quantity=3, tax_rates=[rate.id], discounts=[{"coupon": coupon.id}]
        )
        assert (invoice.subtotal, invoice.total) == (8999, 10709)  # and 19 % of it
        first = note(invoice, lines=of_line(invoice, quantity=1))
        rest = note(invoice, lines=of_line(invoice, quantity=2))
        [line] = first.lines.data
        assert (line.amount, line.discount_amount, line.unit_amount) == (3333, 333, 3333)
        assert [one.amount for one in line.taxes] == [570]
        assert (first.subtotal, first.total_excluding_tax, first.total) == (3000, 3000, 3570)
        assert first.total + rest.total == invoice.total
        assert stripe.Invoice.retrieve(invoice.id).status == "paid"

    def test_an_amount_of_a_line(self, account) -> None:
        invoice = invoice_of(account, 5000)
        made = note(invoice, lines=of_line(invoice, amount=1234))
        [line] = made.lines.data
        assert (line.amount, line.quantity, line.type) == (1234, None, "invoice_line_item")
        with pytest.raises(stripe.InvalidRequestError, match="by amount before"):
            note(invoice, lines=of_line(invoice, quantity=1))

    def test_taxes_of_a_line_of_its_own(self, account) -> None:
        rate = stripe.TaxRate.create(display_name="VAT", percentage=20, inclusive=True)
        line = {
            "type": "custom_line_item", "description": "Sorry", "quantity": 2,
            "unit_amount": 600, "tax_rates": [rate.id],
        }  # fmt: skip
        made = note(invoice_of(account, 5000), lines=[line])
        assert (made.total, made.total_excluding_tax, made.subtotal_excluding_tax) == (
            1200, 1000, 1000,
        )  # fmt: skip
        assert made.lines.data[0].tax_rates[0].id == rate.id

    @pytest.mark.parametrize("seed", range(8))
    def test_parts_of_a_line_add_up_to_it(self, account, seed) -> None:
        chance = random.Random(seed)
        rates = [
            stripe.TaxRate.create(
                display_name="Tax", percentage=chance.randint(1, 2500) / 100, inclusive=inclusive
            ).id
            for inclusive in chance.choice([(), (True,), (False,), (False, False)])
        ]
        coupon = stripe.Coupon.create(percent_off=chance.randint(1, 90), duration="once").id
        quantity = chance.randint(2, 9)
        invoice = invoice_of(
            account, chance.randint(100, 5000), quantity=quantity,
            tax_rates=rates, discounts=[{"coupon": coupon}],
        )  # fmt: skip
        notes, left = [], quantity
        while left:
            many = chance.randint(1, left)
            notes.append(note(invoice, lines=of_line(invoice, quantity=many)))
            left -= many
        for name in ("subtotal", "total", "total_excluding_tax"):
            assert sum(made[name] for made in notes) == invoice[name], (seed, name)
        taxes = [tax.amount for made in notes for tax in made.total_taxes]
        assert sum(taxes) == sum(tax.amount for tax in invoice.total_taxes)
        assert stripe.Invoice.retrieve(invoice.id).status == "paid"

    def test_an_amount_paid_by_billing_credits_is_not_credited_again(self, account) -> None:
        account.freeze()
        price = price_of_calls()
        customer = buyer()
        stripe.billing.CreditGrant.create(
            customer=customer.id,
            category="paid",
            amount={"type": "monetary", "monetary": {"currency": "usd", "value": 300}},
            applicability_config={"scope": {"price_type": "metered"}},
        )
        stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}])
        stripe.billing.MeterEvent.create(
            event_name="calls", payload={"stripe_customer_id": customer.id, "value": "100"}
        )
        account.advance(days=32)
        invoice = stripe.Invoice.list(customer=customer.id).data[0]
        assert (invoice.subtotal, invoice.total, invoice.status) == (1000, 700, "paid")
        made = note(invoice, lines=of_line(invoice, quantity=100), refund_amount=700)
        assert (made.subtotal, made.total) == (1000, 700)
        [credit] = made.lines.data[0].pretax_credit_amounts
        assert (credit.type, credit.amount) == ("credit_balance_transaction", 300)

    def test_many_lines_have_a_list(self, account) -> None:
        line = {"type": "custom_line_item", "description": "Sorry", "unit_amount": 10}
        invoice = invoice_of(account, 5000)
        made = note(invoice, lines=[line] * 12)
        assert (len(made.lines.data), made.lines.has_more) == (10, True)
        found = stripe.CreditNote.list_lines(made.id, limit=100)
        assert len(found.data) == 12
        previewed = stripe.CreditNote.preview_lines(invoice=invoice.id, lines=[line] * 12, limit=11)
        assert (len(previewed.data), previewed.has_more) == (11, True)


def test_a_preview_issues_nothing(account) -> None:
    invoice = paid(account)
    seen = stripe.CreditNote.preview(invoice=invoice.id, amount=700, refund_amount=700)
    assert (seen.amount, seen.number) == (700, f"{invoice.number}-CN-01")
    assert not stripe.CreditNote.list(invoice=invoice.id).data
    assert not stripe.Refund.list().data
    assert not account.events("credit_note.*")


def test_notes_are_found_and_changed(account) -> None:
    invoice, other = invoice_of(account, 5000), invoice_of(account, 5000)
    first, second = note(invoice, 100), note(other, 200)
    assert [one.id for one in stripe.CreditNote.list(invoice=invoice.id)] == [first.id]
    assert [one.id for one in stripe.CreditNote.list(customer=other.customer)] == [second.id]
    changed = stripe.CreditNote.modify(first.id, memo="By mistake", metadata={"a": "b"})
    assert (changed.memo, changed.metadata["a"]) == ("By mistake", "b")
    [told] = account.events("credit_note.updated")
    assert told["data"]["previous_attributes"] == {"memo": None, "metadata": {"a": None}}


def test_before_clover_a_note_does_not_say_what_was_paid(account) -> None:
    made = note(paid(account), 500, refund_amount=500, stripe_version="2025-03-31.basil")
    assert {"post_payment_amount", "pre_payment_amount"}.isdisjoint(made.to_dict())
    assert made.refunds[0].to_dict().keys() == {"amount_refunded", "refund"}


def test_of_notes_at_once_no_more_are_issued_than_there_is(account) -> None:
    invoice = paid(account)

    def issue(_: int) -> bool:
        with tigerstripe.connect(account.store.directory, namespace=account.name) as other:
            notes = other.client().v1.credit_notes
            wanted = {"invoice": invoice.id, "amount": 2000, "refund_amount": 2000}
            try:
                notes.create(wanted)
            except stripe.InvalidRequestError:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(issue, range(4))) == [False, False, True, True]
    numbers = {made.number for made in stripe.CreditNote.list(invoice=invoice.id)}
    assert numbers == {f"{invoice.number}-CN-01", f"{invoice.number}-CN-02"}
    assert stripe.Charge.list().data[0].amount_refunded == 4000


class TestRefused:
    def test_more_than_is_left(self, account) -> None:
        invoice = paid(account)
        note(invoice, 4000, refund_amount=4000)
        with pytest.raises(stripe.InvalidRequestError, match="more than is left") as error:
            note(invoice, 1001, refund_amount=1001)
        assert error.value.param == "lines"
        open_one = invoice_of(account, 5000)
        with pytest.raises(stripe.InvalidRequestError, match="more than is left"):
            stripe.CreditNote.create(invoice=open_one.id, amount=5001)
        with pytest.raises(stripe.InvalidRequestError, match="quantity of 1 left"):
            note(open_one, lines=of_line(open_one, quantity=2))
        with pytest.raises(stripe.InvalidRequestError, match="5000 left to credit"):
            note(open_one, lines=of_line(open_one, amount=5001))
        assert stripe.Invoice.retrieve(open_one.id).amount_remaining == 5000

    @pytest.mark.parametrize("more", [{}, {"refund_amount": 400}, {"credit_amount": 501}])
    def test_it_has_to_be_said_where_all_of_it_goes(self, account, more) -> None:
        invoice = paid(account)
        with pytest.raises(stripe.InvalidRequestError, match="what the credit note gives back"):
            note(invoice, 500, **more)
        assert stripe.Customer.retrieve(invoice.customer).balance == 0

    def test_a_part_below_nothing(self, account) -> None:
        with pytest.raises(stripe.InvalidRequestError) as error:
            note(paid(account), 500, refund_amount=-100, credit_amount=600)
        assert error.value.param == "refund_amount"

    def test_a_refund_of_what_no_charge_paid(self, account) -> None:
        invoice = invoice_of(account, 5000)
        stripe.Invoice.pay(invoice.id, paid_out_of_band=True)
        with pytest.raises(stripe.InvalidRequestError, match="paid without a charge"):
            note(invoice, 500, refund_amount=500)

    def test_a_draft_and_a_void_invoice(self, account) -> None:
        customer = stripe.Customer.create()
        draft = stripe.Invoice.create(customer=customer.id)
        with pytest.raises(stripe.InvalidRequestError, match="open or paid"):
            note(draft, 100)
        gone = stripe.Invoice.void_invoice(invoice_of(account, 5000).id)
        with pytest.raises(stripe.InvalidRequestError, match="is void"):
            note(gone, 100)

    def test_lines_that_do_not_fit(self, account) -> None:
        invoice = invoice_of(account, 5000)
        own = {"type": "custom_line_item", "description": "Sorry", "unit_amount": 100}
        for line, words in (
            ({**own, "amount": 5}, "is not for a custom_line_item"),
            ({**own, "unit_amount_decimal": "5"}, "both unit_amount and unit_amount_decimal"),
            ({"type": "custom_line_item", "unit_amount": 1}, "lines\\[0\\]\\[description\\]"),
            ({**own, "quantity": 0}, "greater than or equal to 1"),
            ({"type": "invoice_line_item", "amount": 1}, "invoice_line_item"),
            (of_line(invoice)[0], "lines\\[0\\]\\[amount\\]"),
            (of_line(invoice, amount=1, quantity=1)[0], "both amount and quantity"),
            ({**of_line(invoice)[0], "invoice_line_item": "il_1"}, "No such invoice line item"),
        ):
            with pytest.raises(stripe.InvalidRequestError, match=words):
                note(invoice, lines=[line])
        with pytest.raises(stripe.InvalidRequestError, match="what the lines add up to: 100"):
            stripe.CreditNote.create(invoice=invoice.id, lines=[own], amount=99)

    def test_a_debit_that_is_with_the_bank(self, account) -> None:
        customer = stripe.Customer.create()
        method = stripe.PaymentMethod.attach("pm_usBankAccount_success", customer=customer.id)
        invoice = invoice_of(account, 5000, customer=customer.id)
        stripe.Invoice.pay(invoice.id, payment_method=method.id)
        with pytest.raises(stripe.InvalidRequestError, match="is with the bank"):
            note(invoice, 100)
