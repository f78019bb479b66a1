"""The hosted page of an invoice, with a browser and without; its document, and receipts."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.billing import buyer, invoice_of
from tests.stripe.visiting import CARD, visit

ASKS = "4000 0025 0000 3155"


def status_of(invoice: Any) -> str:
    return stripe.Invoice.retrieve(invoice.id).status


class TestThePage:
    def test_it_shows_what_is_owed_and_takes_a_card(self, served) -> None:
        rate = stripe.TaxRate.create(display_name="VAT", percentage=20, inclusive=False)
        coupon = stripe.Coupon.create(amount_off=500, currency="usd", duration="once")
        customer = buyer(None, balance=-300)
        invoice = invoice_of(
            served, 1000, quantity=2, customer=customer.id,
            tax_rates=[rate.id], discounts=[{"coupon": coupon.id}],
        )  # fmt: skip
        assert invoice.hosted_invoice_url.startswith("http://127.0.0.1:")
        status, text, _ = visit(invoice.hosted_invoice_url)
        assert status == 200
        for words in (
            "no money moves", f"Invoice {invoice.number}", "2 of Mug", "$20.00", "-$5.00",
            "Tax</td><td>$3.00", "Total</td><td>$18.00", "Applied balance</td><td>-$3.00",
            "Amount due</td><td>$15.00", "Pay $15.00", invoice.invoice_pdf,
            'value="card" checked',
        ):  # fmt: skip
            assert words in text, words
        status, text, _ = visit(invoice.hosted_invoice_url, {**CARD, "number": "4000000000000002"})
        assert (status, "Your card was declined." in text) == (402, True)
        assert "Your card was declined." in visit(invoice.hosted_invoice_url)[1]
        assert status_of(invoice) == "open"
        status, _, location = visit(invoice.hosted_invoice_url, CARD)
        assert (status, location) == (303, invoice.hosted_invoice_url)
        paid = stripe.Invoice.retrieve(invoice.id)
        assert (paid.status, paid.amount_paid) == ("paid", 1500)
        text = visit(invoice.hosted_invoice_url)[1]
        assert "Amount paid</td><td>$15.00" in text
        assert "Pay $" not in text
        charge = stripe.Charge.list().data[0]
        assert charge.receipt_url in text
        receipt = visit(charge.receipt_url)[1]
        for words in (charge.id, f"Invoice {invoice.number}", "2 of Mug"):
            assert words in receipt
        assert "there is nothing to pay" in visit(invoice.hosted_invoice_url, CARD)[1]

    def test_a_bank_asks_and_leads_back(self, served) -> None:
        invoice = invoice_of(served, 1000)
        bank = visit(invoice.hosted_invoice_url, {**CARD, "number": ASKS})[2]
        assert "whether it is you who wants to pay $10.00" in visit(bank)[1]
        status, _, location = visit(bank, {"outcome": "succeed"})
        assert status == 303
        assert location.startswith(invoice.hosted_invoice_url.partition("?")[0])
        assert "Paid" in visit(location)[1]
        assert status_of(invoice) == "paid"

    def test_a_subscription_goes_on_that_its_customer_pays_there(self, served, monthly) -> None:
        subscription = stripe.Subscription.create(
            customer=buyer(None).id,
            items=[{"price": monthly}],
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice"],
        )
        visit(subscription.latest_invoice.hosted_invoice_url, CARD)
        now = stripe.Subscription.retrieve(subscription.id, expand=["default_payment_method"])
        assert (now.status, now.default_payment_method.card.last4) == ("active", "4242")
        [told] = served.events("customer.subscription.updated")
        assert told["data"]["previous_attributes"] == {
            "default_payment_method": None, "status": "incomplete",
        }  # fmt: skip

    def test_a_void_invoice_is_only_shown(self, served) -> None:
        invoice = invoice_of(served, 1000)
        stripe.Invoice.void_invoice(invoice.id)
        text = visit(invoice.hosted_invoice_url)[1]
        assert "Void" in text
        assert "Pay $" not in text

    def test_nobody_is_shown_what_is_not_there(self, served) -> None:
        invoice = invoice_of(served, 1000)
        for url in (invoice.hosted_invoice_url, invoice.invoice_pdf):
            assert visit(url.replace("test_", "test_x"))[0] == 404


def test_documents_say_what_the_real_ones_do(served) -> None:
    customer = buyer("pm_card_visa", name="Jane <Doe>")
    invoice = invoice_of(served, 1000, customer=customer.id, footer="Bye", description="Mugs")
    note = stripe.CreditNote.create(invoice=invoice.id, amount=400, memo="Sorry")
    text = visit(invoice.invoice_pdf)[1]
    for words in ("no money moves", "Jane <Doe>", "Bye", "Mugs", "Credited</td><td>-$4.00"):
        assert words in text, words
    text = visit(note.pdf)[1]
    for words in (f"Credit note {note.number}", "Sorry", "Total</td><td>$4.00"):
        assert words in text, words


def test_a_webhook_says_where_the_page_is(served) -> None:
    secret = stripe.WebhookEndpoint.create(
        url="https://shop.test/hook", enabled_events=["invoice.finalized"]
    ).secret
    invoice = invoice_of(served, 1000)
    got = []

    def hook(path: str, headers: dict[str, str], body: bytes) -> int:
        got.append(stripe.Webhook.construct_event(body, headers["stripe-signature"], secret))
        return 200

    served.deliver(hook)
    [event] = got
    assert event.data.object.hosted_invoice_url == invoice.hosted_invoice_url
    assert "Pay $10.00" in visit(event.data.object.hosted_invoice_url)[1]


class TestWithoutABrowser:
    def test_a_customer_pays(self, account) -> None:
        invoice = invoice_of(account, 1000, customer=buyer(None).id)
        done = account.pay_invoice_page(invoice)
        assert (done["status"], done["amount_paid"]) == ("paid", 1000)
        assert "_" not in done
        with pytest.raises(tigerstripe.Refused, match="is paid: there is nothing to pay"):
            account.pay_invoice_page(invoice.id)

    def test_their_card_declines(self, account) -> None:
        invoice = invoice_of(account, 1000)
        with pytest.raises(tigerstripe.Declined) as declined:
            account.pay_invoice_page(invoice, "pm_card_chargeDeclinedExpiredCard")
        assert declined.value.error["code"] == "expired_card"
        assert status_of(invoice) == "open"
        assert stripe.Invoice.retrieve(invoice.id).attempt_count == 1

    @pytest.mark.parametrize(
        ("authenticate", "status"), [(True, "paid"), (False, "open"), (None, "open")]
    )
    def test_their_bank_asks(self, account, authenticate, status) -> None:
        invoice = invoice_of(account, 1000)
        try:
            account.pay_invoice_page(
                invoice, "pm_card_authenticationRequired", authenticate=authenticate
            )
        except tigerstripe.Declined:
            assert authenticate is False
        assert status_of(invoice) == status
        waits = [intent.status == "requires_action" for intent in stripe.PaymentIntent.list()]
        assert waits == [authenticate is None]

    def test_what_cannot_be_paid_is_refused(self, account) -> None:
        customer = buyer()
        draft = stripe.Invoice.create(customer=customer.id)
        with pytest.raises(tigerstripe.Refused, match="is draft"):
            account.pay_invoice_page(draft)
        with pytest.raises(tigerstripe.Refused, match="No such invoice"):
            account.pay_invoice_page("in_x")
        with pytest.raises(tigerstripe.Refused, match="payment_method"):
            account.pay_invoice_page(invoice_of(account, 500), None)

    def test_of_a_connected_account(self, account) -> None:
        at = {"stripe_account": stripe.Account.create(type="custom").id}
        account.onboard(at["stripe_account"])
        customer = stripe.Customer.create(**at)
        stripe.InvoiceItem.create(customer=customer.id, amount=700, currency="usd", **at)
        wanted = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        invoice = stripe.Invoice.create(**wanted, **at)
        stripe.Invoice.finalize_invoice(invoice.id, **at)
        assert account.pay_invoice_page(invoice.id)["status"] == "paid"
