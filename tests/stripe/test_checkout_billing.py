"""Sessions that begin a subscription, and those that have an invoice of their payment."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.billing import buyer, events_of, price_of_calls
from tests.stripe.refusals import refused
from tests.stripe.shop import HERE, Session, completed_at_once, shipping_rate
from tests.stripe.visiting import CARD, visit

DAY_S = 24 * 3600
ASKS = "pm_card_authenticationRequired"
TAXED = {"automatic_tax": {"enabled": True}}
GERMAN = {"country": "DE", "line1": "1 Main St", "city": "Ulm", "postal_code": "89073"}
IBANS = {"succeeds": "AT611904300234573201", "fails": "AT861904300235473202"}


def session_of(price: str, quantity: int = 1, **params: Any) -> Any:
    items = [{"price": price, "quantity": quantity}, *params.pop("others", [])]
    return Session.create(**{"mode": "subscription", "line_items": items, **HERE, **params})


def debit(iban: str) -> dict[str, Any]:
    """Return the details of a buyer who pays by a debit."""
    whose = {"email": "jane@example.com", "name": "Jane"}
    method = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": whose}
    return {"payment_method": None, "payment_method_data": method}


def euros(**more: Any) -> str:
    """Return the id of a price of 10 euros, by default once."""
    data = {"currency": "eur", "unit_amount": 1000, "product_data": {"name": "Plan"}, **more}
    return stripe.Price.create(**data).id


@pytest.fixture
def vat(account) -> str:
    return stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=False).id


class TestSubscriptions:
    def test_a_buyer_subscribes(self, account, monthly) -> None:
        session = session_of(monthly, 2, subscription_data={"metadata": {"plan": "a"}})
        done = account.complete_checkout(session, email="jane@example.com", name="Jane")
        assert (done["status"], done["payment_status"]) == ("complete", "paid")
        assert (done["payment_intent"], done["setup_intent"]) == (None, None)
        found = Session.retrieve(session.id, expand=["subscription", "invoice", "customer"])
        subscription, invoice = found.subscription, found.invoice
        assert (subscription.status, subscription.metadata["plan"]) == ("active", "a")
        assert subscription["items"].data[0].quantity == 2
        assert (invoice.status, invoice.amount_paid) == ("paid", 2000)
        assert invoice.billing_reason == "subscription_create"
        assert subscription.latest_invoice == invoice.id
        assert found.customer.email == "jane@example.com"
        methods = stripe.PaymentMethod.list(customer=found.customer.id).data
        assert [one.id for one in methods] == [subscription.default_payment_method]
        assert events_of(account, "customer.*", "invoice.*", "charge.s*", "checkout.*") == [
            "customer.created", "charge.succeeded", "invoice.created", "customer.updated",
            "invoice.finalized", "customer.subscription.created", "invoice.paid",
            "invoice.payment_succeeded", "customer.subscription.updated",
            "checkout.session.completed",
        ]  # fmt: skip

    def test_it_is_renewed_with_the_buyers_card(self, account, monthly) -> None:
        done = account.complete_checkout(session_of(monthly))
        account.advance(days=32)
        invoices = stripe.Invoice.list(subscription=done["subscription"]).data
        assert [one.status for one in invoices] == ["paid", "paid"]
        charges = stripe.Charge.list(customer=done["customer"]).data
        assert len({charge.payment_method for charge in charges}) == 1

    def test_its_invoice_is_what_the_session_says(self, account, monthly, price, vat) -> None:
        coupon = stripe.Coupon.create(percent_off=25, duration="once")
        session = session_of(
            monthly, 3,
            others=[{"price": price, "quantity": 1}],
            discounts=[{"coupon": coupon.id}],
            subscription_data={"default_tax_rates": [vat]},
        )  # fmt: skip
        done = account.complete_checkout(session)
        invoice = stripe.Invoice.retrieve(done["invoice"])
        assert invoice.total == session.amount_total == 4017  # 3375 and 19 % of each line
        assert invoice.amount_paid == invoice.total
        lines = {line.amount for line in invoice.lines.data}
        assert lines == {3000, 1500}
        assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 1
        assert len(stripe.Subscription.retrieve(done["subscription"])["items"].data) == 1

    def test_an_inline_price_and_one_that_was_deactivated(self, account, monthly) -> None:
        data = {"currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}}
        inline = {"price_data": {**data, "product_data": {"name": "Extra"}}, "quantity": 1}
        session = session_of(monthly, others=[inline])
        stripe.Price.modify(monthly, active=False)
        done = account.complete_checkout(session)
        items = stripe.Subscription.retrieve(done["subscription"])["items"].data
        assert [item.price.unit_amount for item in items] == [1000, 500]

    def test_a_known_customer_pays_less_by_their_balance(self, account, monthly) -> None:
        customer = buyer(None, balance=-400)
        done = account.complete_checkout(session_of(monthly, customer=customer.id))
        invoice = stripe.Invoice.retrieve(done["invoice"])
        assert (invoice.customer, invoice.amount_due, invoice.amount_paid) == (
            customer.id, 600, 600,
        )  # fmt: skip
        assert stripe.Customer.retrieve(customer.id).balance == 0

    def test_a_customer_on_a_test_clock(self, account, monthly) -> None:
        clock = stripe.test_helpers.TestClock.create(frozen_time=account.now - 10 * DAY_S)
        customer = buyer(None, test_clock=clock.id)
        done = account.complete_checkout(session_of(monthly, customer=customer.id))
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert (subscription.created, subscription.test_clock) == (clock.frozen_time, clock.id)
        assert subscription.status == "active"

    def test_a_metered_price_costs_nothing_yet(self, account) -> None:
        account.freeze()
        price = price_of_calls()
        items = [{"price": price.id}]
        session = Session.create(mode="subscription", line_items=items, **HERE)
        done = account.complete_checkout(session)
        assert (session.amount_total, done["payment_status"]) == (0, "no_payment_required")
        payload = {"stripe_customer_id": done["customer"], "value": "300"}
        stripe.billing.MeterEvent.create(event_name="calls", payload=payload)
        account.advance(days=32)
        assert [charge.amount for charge in stripe.Charge.list().data] == [3000]

    def test_its_money_may_be_an_account_s(self, account, monthly) -> None:
        shop = account.onboard(stripe.Account.create(type="express"))["id"]
        data = {
            "application_fee_percent": 12.5,
            "transfer_data": {"destination": shop},
            "on_behalf_of": shop,
        }
        account.freeze()
        done = account.complete_checkout(session_of(monthly, 8, subscription_data=data))
        account.advance(days=32)
        charges = stripe.Charge.list().data
        assert [charge.application_fee_amount for charge in charges] == [1000, 1000]
        assert {charge.transfer_data.destination for charge in charges} == {shop}
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert (subscription.application_fee_percent, subscription.on_behalf_of) == (12.5, shop)
        error = refused(session_of, monthly, subscription_data={"on_behalf_of": "acct_x"})
        assert error.param == "subscription_data[on_behalf_of]"

    @pytest.mark.parametrize(
        ("version", "mode"), [("2025-08-27.basil", "classic"), (None, "flexible")]
    )
    def test_it_is_billed_as_in_the_session_s_version(
        self, account, monthly, version, mode
    ) -> None:
        more = {"stripe_version": version} if version else {}
        done = account.complete_checkout(session_of(monthly, **more))
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert subscription.billing_mode.type == mode

    def test_of_many_completions_one_wins(self, account, monthly) -> None:
        session = session_of(monthly)
        assert completed_at_once(account, session.id) == 1
        assert len(stripe.Subscription.list().data) == len(stripe.Charge.list().data) == 1


class TestTrials:
    def test_a_method_is_set_up_for_later(self, account, monthly) -> None:
        session = session_of(monthly, subscription_data={"trial_period_days": 14})
        assert session.amount_total == 0
        with pytest.raises(tigerstripe.Refused, match="payment_method"):
            account.complete_checkout(session, None)
        done = account.complete_checkout(session)
        assert done["payment_status"] == "no_payment_required"
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert (subscription.status, subscription.trial_end) == (
            "trialing", subscription.created + 14 * DAY_S,
        )  # fmt: skip
        assert subscription.default_payment_method
        assert not stripe.Charge.list().data
        account.advance(days=15)
        assert stripe.Subscription.retrieve(subscription.id).status == "active"
        assert [charge.amount for charge in stripe.Charge.list().data] == [1000]

    def test_none_is_needed_if_the_session_says_so(self, account, monthly) -> None:
        settings = {"end_behavior": {"missing_payment_method": "cancel"}}
        session = session_of(
            monthly,
            payment_method_collection="if_required",
            subscription_data={"trial_period_days": 14, "trial_settings": settings},
        )
        done = account.complete_checkout(session, None)
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert (subscription.status, subscription.default_payment_method) == ("trialing", None)
        account.advance(days=15)
        assert stripe.Subscription.retrieve(subscription.id).status == "canceled"

    def test_one_time_items_are_paid_at_once(self, account, monthly, price) -> None:
        session = session_of(
            monthly,
            others=[{"price": price, "quantity": 1}],
            subscription_data={"trial_period_days": 14},
        )
        done = account.complete_checkout(session)
        assert (session.amount_total, done["payment_status"]) == (1500, "paid")
        assert stripe.Invoice.retrieve(done["invoice"]).amount_paid == 1500
        assert stripe.Subscription.retrieve(done["subscription"]).status == "trialing"

    @pytest.mark.parametrize("card", ["pm_card_chargeDeclined", ASKS])
    def test_a_setup_that_fails_begins_nothing(self, account, monthly, card) -> None:
        session = session_of(monthly, subscription_data={"trial_period_days": 14})
        with pytest.raises(tigerstripe.Declined):
            account.complete_checkout(session, card, authenticate=False)
        assert not stripe.Subscription.list().data
        assert account.complete_checkout(session)["status"] == "complete"


class TestTheFirstPayment:
    def test_a_card_that_declines_begins_nothing(self, account, monthly) -> None:
        coupon = stripe.Coupon.create(amount_off=100, currency="usd", max_redemptions=1,
                                      duration="once")  # fmt: skip
        session = session_of(monthly, discounts=[{"coupon": coupon.id}])
        with pytest.raises(tigerstripe.Declined) as declined:
            account.complete_checkout(session, "pm_card_visa_chargeDeclinedInsufficientFunds")
        assert declined.value.error["decline_code"] == "insufficient_funds"
        assert Session.retrieve(session.id).status == "open"
        assert not stripe.Subscription.list(status="all").data
        assert not stripe.Invoice.list().data
        done = account.complete_checkout(session)
        assert done["payment_status"] == "paid"
        assert [intent.amount for intent in stripe.PaymentIntent.list().data] == [900]

    @pytest.mark.parametrize("succeed", [True, False])
    def test_a_buyer_authenticates_or_fails_to(self, account, monthly, succeed) -> None:
        session = session_of(monthly)
        waiting = account.complete_checkout(session, ASKS, authenticate=None)
        assert (waiting["status"], waiting["subscription"]) == ("open", None)
        [intent] = stripe.PaymentIntent.list().data
        account.authenticate(intent, succeed=succeed)
        found = Session.retrieve(session.id, expand=["subscription"])
        if succeed:
            assert (found.status, found.subscription.status) == ("complete", "active")
        else:
            assert (found.status, found.subscription) == ("open", None)

    def test_a_session_that_expires_gives_its_payment_up(self, account, monthly) -> None:
        session = session_of(monthly)
        account.complete_checkout(session, ASKS, authenticate=None)
        account.advance(days=1)
        assert Session.retrieve(session.id).status == "expired"
        assert [intent.status for intent in stripe.PaymentIntent.list().data] == ["canceled"]

    @pytest.mark.parametrize("how", ["succeeds", "fails"])
    def test_a_debit_takes_days(self, account, how) -> None:
        account.freeze()
        session = session_of(
            euros(recurring={"interval": "month"}), payment_method_types=["sepa_debit"]
        )
        done = account.complete_checkout(session, **debit(IBANS[how]))
        assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
        subscription = stripe.Subscription.retrieve(done["subscription"])
        assert subscription.status == "active"
        assert stripe.Invoice.retrieve(done["invoice"]).status == "open"
        account.advance(hours=1)
        now = stripe.Subscription.retrieve(done["subscription"], expand=["latest_invoice"])
        session = Session.retrieve(session.id)
        if how == "succeeds":
            assert (session.payment_status, now.latest_invoice.status) == ("paid", "paid")
            assert (now.status, now.latest_invoice.attempt_count) == ("active", 1)
            assert account.events("checkout.session.async_payment_succeeded")
        else:
            assert (session.payment_status, now.latest_invoice.status) == ("unpaid", "open")
            assert (now.status, now.latest_invoice.attempt_count) == ("past_due", 1)
            assert now.latest_invoice.next_payment_attempt
            assert account.events("checkout.session.async_payment_failed")


class TestAnchors:
    def test_a_first_period_is_shorter(self, account, monthly) -> None:
        account.freeze(1_798_761_600)  # 2027-01-01
        session = session_of(
            monthly, 3, subscription_data={"billing_cycle_anchor": account.now + 10 * DAY_S}
        )
        assert session.amount_total == 968  # ten of 31 days
        done = account.complete_checkout(session)
        assert stripe.Invoice.retrieve(done["invoice"]).amount_paid == 968
        item = stripe.Subscription.retrieve(done["subscription"])["items"].data[0]
        assert item.current_period_end == account.now + 10 * DAY_S

    def test_it_costs_less_the_later_its_buyer_comes(self, account, monthly) -> None:
        account.freeze(1_798_761_600)
        session = session_of(
            monthly, 31, subscription_data={"billing_cycle_anchor": account.now + 10 * DAY_S}
        )
        assert session.amount_total == 10000
        account.advance(hours=12)
        account.complete_checkout(session, ASKS, authenticate=None)
        account.advance(hours=1)
        [intent] = stripe.PaymentIntent.list().data
        assert intent.amount == 9500
        account.authenticate(intent)
        done = Session.retrieve(session.id, expand=["invoice"])
        assert (done.amount_total, done.invoice.amount_due, done.invoice.amount_paid) == (
            9500, 9500, 9500,
        )  # fmt: skip

    def test_or_nothing_at_all(self, account, monthly) -> None:
        data = {"billing_cycle_anchor": account.now + 10 * DAY_S, "proration_behavior": "none"}
        session = session_of(monthly, subscription_data=data)
        done = account.complete_checkout(session)
        assert (session.amount_total, done["payment_status"]) == (0, "no_payment_required")
        assert stripe.Subscription.retrieve(done["subscription"]).status == "active"

    @pytest.mark.parametrize(
        ("data", "param", "words"),
        [
            ({"billing_cycle_anchor": 1}, "billing_cycle_anchor", "in the future"),
            ({"billing_cycle_anchor": 4_000_000_000}, "billing_cycle_anchor", "next natural"),
            ({"proration_behavior": "none"}, "proration_behavior", "with a `billing_cycle_anchor`"),
            ({"trial_end": 1_000_000_000}, "trial_end", "at least 48 hours"),
        ],
    )
    def test_what_cannot_be_is_refused(self, account, monthly, data, param, words) -> None:
        error = refused(session_of, monthly, subscription_data=data)
        assert error.param == f"subscription_data[{param}]"
        assert words in str(error)


class TestInvoicesOfPayments:
    def test_a_payment_has_an_invoice(self, account, price, vat) -> None:
        coupon = stripe.Coupon.create(amount_off=500, currency="usd", duration="once")
        data = {"description": "Thanks", "metadata": {"order": "1"}, "footer": "Bye"}
        session = Session.create(
            mode="payment",
            line_items=[{"price": price, "quantity": 2, "tax_rates": [vat]}],
            discounts=[{"coupon": coupon.id}],
            invoice_creation={"enabled": True, "invoice_data": data},
            shipping_options=[{"shipping_rate": shipping_rate("Post", 700)}],
            **HERE,
        )
        done = account.complete_checkout(session)
        invoice = stripe.Invoice.retrieve(done["invoice"], expand=["payments"])
        assert (invoice.status, invoice.amount_paid, invoice.total) == ("paid", 3675, 3675)
        assert (invoice.amount_shipping, invoice.subtotal) == (700, 3000)
        assert (invoice.description, invoice.footer) == ("Thanks", "Bye")
        assert invoice.metadata["order"] == "1"
        assert invoice.customer == done["customer"]
        [payment] = invoice.payments.data
        assert payment.payment.payment_intent == done["payment_intent"]
        found = stripe.InvoicePayment.list(
            payment={"type": "payment_intent", "payment_intent": done["payment_intent"]}
        )
        assert [one.invoice for one in found.data] == [invoice.id]
        assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 1
        note = stripe.CreditNote.create(invoice=invoice.id, amount=100, refund_amount=100)
        refund = stripe.Refund.retrieve(note.refunds[0].refund)
        assert refund.payment_intent == done["payment_intent"]

    def test_the_customers_balance_has_no_part_in_it(self, account, price) -> None:
        customer = buyer(None, balance=-400)
        session = Session.create(
            mode="payment",
            line_items=[{"price": price, "quantity": 1}],
            customer=customer.id,
            invoice_creation={"enabled": True},
            **HERE,
        )
        done = account.complete_checkout(session)
        assert stripe.Invoice.retrieve(done["invoice"]).amount_paid == 1500
        assert stripe.Customer.retrieve(customer.id).balance == -400

    def test_of_a_debit_once_it_is_paid(self, account) -> None:
        account.freeze()
        session = Session.create(
            mode="payment",
            line_items=[{"price": euros(), "quantity": 1}],
            payment_method_types=["sepa_debit"],
            invoice_creation={"enabled": True},
            **HERE,
        )
        done = account.complete_checkout(session, **debit(IBANS["succeeds"]))
        assert done["invoice"] is None
        account.advance(hours=1)
        invoice = Session.retrieve(session.id, expand=["invoice"]).invoice
        assert (invoice.status, invoice.amount_paid) == ("paid", 1000)

    def test_a_free_session_has_one_too(self, account, price) -> None:
        coupon = stripe.Coupon.create(percent_off=100, duration="once")
        session = Session.create(
            mode="payment",
            line_items=[{"price": price, "quantity": 1}],
            discounts=[{"coupon": coupon.id}],
            invoice_creation={"enabled": True},
            **HERE,
        )
        invoice = stripe.Invoice.retrieve(account.complete_checkout(session)["invoice"])
        assert (invoice.status, invoice.total) == ("paid", 0)


class TestAutomaticTax:
    """By the place of the buyer, from the small table."""

    def test_a_buyer_s_place_says_the_rate(self, account, monthly) -> None:
        session = session_of(monthly, **TAXED)
        assert session.automatic_tax.status == "requires_location_inputs"
        assert session.amount_total == 1000
        with pytest.raises(tigerstripe.Refused, match=r"address\[country\]"):
            account.complete_checkout(session)
        done = account.complete_checkout(session, address=GERMAN)
        assert (done["amount_total"], done["automatic_tax"]["status"]) == (1190, "complete")
        invoice = stripe.Invoice.retrieve(done["invoice"])
        assert (invoice.total, invoice.amount_paid) == (1190, 1190)
        account.advance(days=32)
        totals = [one.total for one in stripe.Invoice.list(customer=done["customer"])]
        assert totals == [1190, 1190]

    @pytest.mark.parametrize(("behavior", "total"), [("exclusive", 1785), ("inclusive", 1500)])
    def test_a_payment_and_its_invoice(self, account, behavior, total) -> None:
        price = stripe.Price.create(
            currency="usd", unit_amount=1500, product_data={"name": "Mug"}, tax_behavior=behavior
        )
        session = Session.create(
            mode="payment",
            line_items=[{"price": price.id, "quantity": 1}],
            invoice_creation={"enabled": True},
            **TAXED,
            **HERE,
        )
        done = account.complete_checkout(session, address=GERMAN)
        assert done["amount_total"] == total
        invoice = stripe.Invoice.retrieve(done["invoice"])
        assert (invoice.total, invoice.amount_paid) == (total, total)
        shown = Session.retrieve(session.id, expand=["total_details.breakdown"])
        [tax] = shown.total_details.breakdown.taxes
        assert (tax.rate.percentage, tax.amount) == (19, shown.total_details.amount_tax)

    def test_a_known_customer_is_where_their_record_says(self, account, price) -> None:
        customer = buyer(None, address=GERMAN)
        session = Session.create(
            mode="payment",
            line_items=[{"price": price, "quantity": 1}],
            customer=customer.id,
            **TAXED,
            **HERE,
        )
        assert (session.amount_total, session.automatic_tax.status) == (1785, "complete")
        done = account.complete_checkout(session, address={"country": "GB"})
        assert done["amount_total"] == 1785

    def test_unless_the_session_lets_it_be_changed(self, account, monthly) -> None:
        customer = buyer(None)
        session = session_of(
            monthly, customer=customer.id, customer_update={"address": "auto"}, **TAXED
        )
        done = account.complete_checkout(session, address={"country": "GB"})
        assert done["amount_total"] == 1200
        assert stripe.Customer.retrieve(customer.id).address.country == "GB"

    def test_what_cannot_be_taxed_is_refused(self, account, price, vat) -> None:
        items = [{"price": price, "quantity": 1}]
        wanted = {"mode": "payment", **TAXED, **HERE}
        error = refused(Session.create, customer=buyer(None).id, line_items=items, **wanted)
        assert error.code == "customer_tax_location_invalid"
        items[0]["tax_rates"] = [vat]
        assert "cannot be given" in str(refused(Session.create, line_items=items, **wanted))

    def test_the_page_shows_the_new_total_first(self, served, price) -> None:
        session = Session.create(
            mode="payment", line_items=[{"price": price, "quantity": 1}], **TAXED, **HERE
        )
        assert "Country" in visit(session.url)[1]
        form = {**CARD, "billing_country": "DE", "expected_amount": "1500"}
        text = visit(session.url, form)[1]
        assert "The total is $17.85 now." in text
        assert 'name="expected_amount" value="1785"' in text
        assert visit(session.url, {**form, "expected_amount": "1785"})[0] == 303
        assert stripe.Charge.list().data[0].amount == 1785


def test_a_payment_link_begins_subscriptions(served, monthly) -> None:
    link = stripe.PaymentLink.create(
        line_items=[{"price": monthly, "quantity": 1}],
        subscription_data={"trial_period_days": 7, "metadata": {"from": "link"}},
    )
    session = visit(link.url)[2]
    assert "Subscribe for $0.00" in visit(session)[1]
    assert visit(session, {**CARD, "email": "jane@example.com"})[0] == 303
    [subscription] = stripe.Subscription.list().data
    assert (subscription.status, subscription.metadata["from"]) == ("trialing", "link")
    [done] = Session.list().data
    assert (done.payment_link, done.subscription) == (link.id, subscription.id)


def test_the_page_asks_a_subscriber_to_authenticate(served, monthly) -> None:
    session = session_of(monthly)
    bank = visit(session.url, {**CARD, "number": "4000 0025 0000 3155"})[2]
    assert "whether it is you who wants to pay $10.00" in visit(bank)[1]
    assert visit(bank, {"outcome": "succeed"})[0] == 303
    assert Session.retrieve(session.id, expand=["subscription"]).subscription.status == "active"


def test_the_remainder_of_a_discount_is_on_the_line_where_the_invoice_has_it(account) -> None:
    """The buyer pays what the invoice says, though it has what is sold once first."""
    rate = stripe.TaxRate.create(display_name="VAT", percentage=20, inclusive=False).id
    monthly = {"currency": "usd", "unit_amount": 101, "recurring": {"interval": "month"}}
    monthly["product_data"] = {"name": "Monthly"}
    once = {"currency": "usd", "unit_amount": 103, "product_data": {"name": "Once"}}
    coupon = stripe.Coupon.create(amount_off=77, currency="usd").id
    session = stripe.checkout.Session.create(
        mode="subscription",
        success_url="https://shop.test",
        line_items=[
            {"price_data": monthly, "quantity": 1, "tax_rates": [rate]},
            {"price_data": once, "quantity": 1},
        ],
        discounts=[{"coupon": coupon}],
    )
    done = account.complete_checkout(session)
    invoice = stripe.Invoice.retrieve(done["invoice"])
    assert (invoice.total, invoice.amount_paid) == (session.amount_total, session.amount_total)


class TestSharesOfPaymentLinks:
    @pytest.fixture
    def shop(self, served) -> str:
        return str(served.onboard(stripe.Account.create(type="express"))["id"])

    @pytest.mark.parametrize(
        ("kind", "fee"),
        [("price", {"application_fee_amount": 150}), ("monthly", {"application_fee_percent": 10})],
    )
    def test_the_money_is_an_account_s(self, served, price, monthly, shop, kind, fee) -> None:
        item = {"price": price if kind == "price" else monthly, "quantity": 1}
        link = stripe.PaymentLink.create(
            line_items=[item], transfer_data={"destination": shop}, on_behalf_of=shop, **fee
        )
        assert link.transfer_data.destination == shop
        assert visit(visit(link.url)[2], CARD)[0] == 303
        [charge] = stripe.Charge.list().data
        assert charge.transfer_data.destination == shop
        assert charge.application_fee_amount == charge.amount // 10

    def test_a_meaningless_parameter_is_refused(self, served, price, monthly, shop) -> None:
        for item, params, param in (
            (price, {"application_fee_percent": 10}, "application_fee_percent"),
            (monthly, {"application_fee_amount": 10}, "application_fee_amount"),
            (price, {"on_behalf_of": "acct_x"}, "on_behalf_of"),
            (monthly, {"transfer_data": {"destination": shop, "amount": 5}},
             "transfer_data[amount]"),
        ):  # fmt: skip
            items = [{"price": item, "quantity": 1}]
            error = refused(stripe.PaymentLink.create, line_items=items, **params)
            assert error.param == param
