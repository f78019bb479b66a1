"""Billing credits: granted, used by metered lines of invoices, expired and taken back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused

NOW = 1_800_000_000
DAY = 86400
METERED = {"scope": {"price_type": "metered"}}


@pytest.fixture
def customer(account: Any) -> str:
    account.freeze(NOW)
    return str(stripe.Customer.create(email="a@b.c").id)


def grant(customer: str, value: int = 1000, **more: Any) -> Any:
    more.setdefault("applicability_config", METERED)
    return stripe.billing.CreditGrant.create(
        customer=customer,
        amount={"type": "monetary", "monetary": {"value": value, "currency": "usd"}},
        **more,
    )


def balance(customer: str, **scope: Any) -> tuple[int, int]:
    """Return what can be used now, and what there is in all."""
    wanted = scope or {"price_type": "metered"}
    found = stripe.billing.CreditBalanceSummary.retrieve(
        customer=customer, filter={"type": "applicability_scope", "applicability_scope": wanted}
    ).balances
    if not found:
        return (0, 0)
    return tuple(
        part.monetary.value for part in (found[0].available_balance, found[0].ledger_balance)
    )


def moved(customer: str) -> list[tuple[str, int]]:
    """Return what came and went, newest first."""
    listed = stripe.billing.CreditBalanceTransaction.list(customer=customer).data
    both = [one.credit or one.debit for one in listed]
    return [(one.type, one.amount.monetary.value) for one in both]


def test_credits_are_granted(account, customer) -> None:
    made = grant(customer, category="promotional", name="Welcome", metadata={"a": "b"})
    assert (made.priority, made.category, made.effective_at) == (50, "promotional", NOW)
    assert made.applicability_config.to_dict() == METERED
    assert (made.expires_at, made.voided_at, made.test_clock) == (None, None, None)
    assert balance(customer) == (1000, 1000)
    [one] = stripe.billing.CreditBalanceTransaction.list(credit_grant=made.id).data
    assert (one.type, one.credit.type, one.debit) == ("credit", "credits_granted", None)
    assert stripe.billing.CreditBalanceTransaction.retrieve(one.id).credit_grant == made.id
    assert stripe.billing.CreditGrant.modify(made.id, metadata={"a": "c"}).metadata.a == "c"
    assert [g.id for g in stripe.billing.CreditGrant.list(customer=customer).data] == [made.id]
    assert [event["type"] for event in account.events("billing.*")] == [
        "billing.credit_grant.created", "billing.credit_balance_transaction.created",
        "billing.credit_grant.updated",
    ]  # fmt: skip


def test_credits_begin_and_end_by_the_clock(account, customer) -> None:
    made = grant(customer, effective_at=NOW + DAY, expires_at=NOW + 3 * DAY)
    assert balance(customer) == (0, 1000)
    account.advance(days=2)
    assert balance(customer) == (1000, 1000)
    stripe.billing.CreditGrant.modify(made.id, expires_at=NOW + 5 * DAY)
    account.advance(days=2)
    assert balance(customer) == (1000, 1000)
    account.advance(days=1)
    assert balance(customer) == (0, 0)
    assert moved(customer) == [("credits_expired", 1000), ("credits_granted", 1000)]
    for call in (stripe.billing.CreditGrant.expire, stripe.billing.CreditGrant.void_grant):
        assert "has expired" in str(refused(call, made.id))
    assert "has expired" in str(refused(stripe.billing.CreditGrant.modify, made.id, expires_at=""))


def test_a_grant_is_expired_or_voided_by_hand(account, customer) -> None:
    first, second = grant(customer), grant(customer, 300)
    assert stripe.billing.CreditGrant.expire(first.id).expires_at == NOW
    assert stripe.billing.CreditGrant.void_grant(second.id).voided_at == NOW
    assert moved(customer)[:2] == [("credits_voided", 300), ("credits_expired", 1000)]
    assert balance(customer) == (0, 0)
    assert "voided" in str(refused(stripe.billing.CreditGrant.void_grant, second.id))


def test_a_summary_is_of_a_scope_or_a_grant(account, customer, monthly) -> None:
    all_, some = grant(customer), grant(customer, 70, applicability_config={
        "scope": {"prices": [{"id": monthly}]},
    })  # fmt: skip
    assert balance(customer) == (1000, 1000)
    assert balance(customer, prices=[{"id": monthly}]) == (70, 70)
    for one, value in ((all_, 1000), (some, 70)):
        found = stripe.billing.CreditBalanceSummary.retrieve(
            customer=customer, filter={"type": "credit_grant", "credit_grant": one.id}
        )
        assert found.balances[0].available_balance.monetary.value == value


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"customer": "cus_no"}, "customer"),
        ({"amount": {"type": "monetary"}}, "amount[monetary]"),
        ({"amount": {"type": "monetary", "monetary": {"value": 0, "currency": "usd"}}},
         "amount[monetary][value]"),
        ({"amount": {"type": "monetary", "monetary": {"value": 5, "currency": "xxx"}}},
         "amount[monetary][currency]"),
        ({"priority": 101}, "priority"),
        ({"priority": -1}, "priority"),
        ({"expires_at": NOW}, "expires_at"),
        ({"effective_at": NOW + DAY, "expires_at": NOW + DAY}, "expires_at"),
        ({"applicability_config": {"scope": {"price_type": "metered", "prices": [{"id": "p"}]}}},
         None),
        ({"applicability_config": {"scope": {"prices": [{"id": "price_no"}]}}},
         "applicability_config[scope][prices][0][id]"),
    ],
)  # fmt: skip
def test_what_cannot_be_granted_is_refused(account, customer, wrong, param) -> None:
    amount = {"type": "monetary", "monetary": {"value": 5, "currency": "usd"}}
    asked = {"customer": customer, "amount": amount, "applicability_config": METERED, **wrong}
    assert refused(stripe.billing.CreditGrant.create, **asked).param == param
    assert stripe.billing.CreditGrant.list().data == []


# --- Used ---


class Shop:
    """A customer on a test clock who pays 5 cents for each call, at the end of the month."""

    def __init__(self) -> None:
        self.clock = stripe.test_helpers.TestClock.create(frozen_time=NOW).id
        method = "pm_card_visa"
        self.customer = stripe.Customer.create(
            test_clock=self.clock, email="a@b.c", payment_method=method,
            invoice_settings={"default_payment_method": method},
        ).id  # fmt: skip
        self.meter = stripe.billing.Meter.create(
            display_name="Calls", event_name="calls", default_aggregation={"formula": "sum"}
        ).id
        recurring = {"interval": "month", "usage_type": "metered", "meter": self.meter}
        price = {"currency": "usd", "unit_amount": 5, "recurring": recurring}
        self.price = stripe.Price.create(product_data={"name": "Calls"}, **price).id

    def subscribe(self, *prices: str, **more: Any) -> Any:
        items = [{"price": price} for price in (self.price, *prices)]
        return stripe.Subscription.create(customer=self.customer, items=items, **more)

    def use(self, calls: int) -> None:
        payload = {"stripe_customer_id": self.customer, "value": str(calls)}
        stripe.billing.MeterEvent.create(event_name="calls", payload=payload)

    def next_invoice(self, months: int = 1) -> Any:
        to = NOW + months * 32 * DAY
        stripe.test_helpers.TestClock.advance(self.clock, frozen_time=to)
        return stripe.Invoice.list(customer=self.customer).data[0]


@pytest.fixture
def shop(account: Any) -> Shop:
    return Shop()


def credits_of(invoice: Any) -> list[int]:
    found = invoice.total_pretax_credit_amounts
    return [one.amount for one in found if one.type == "credit_balance_transaction"]


def test_credits_pay_for_what_was_used_before_anything_else(account, shop) -> None:
    shop.subscribe()
    made = grant(shop.customer, 400)
    shop.use(100)
    invoice = shop.next_invoice()
    assert (invoice.status, invoice.subtotal, invoice.total, invoice.amount_paid) == (
        "paid", 500, 100, 100,
    )  # fmt: skip
    assert credits_of(invoice) == [400]
    [line] = [one for one in invoice.lines.data if one.amount]
    [taken] = line.pretax_credit_amounts
    debit = stripe.billing.CreditBalanceTransaction.retrieve(taken.credit_balance_transaction)
    assert (debit.debit.type, debit.credit_grant) == ("credits_applied", made.id)
    assert debit.debit.credits_applied.to_dict() == {
        "invoice": invoice.id, "invoice_line_item": line.id,
    }  # fmt: skip
    assert balance(shop.customer) == (0, 0)
    assert "paid for something" in str(refused(stripe.billing.CreditGrant.void_grant, made.id))


def test_credits_are_used_in_their_order(account, shop) -> None:
    shop.subscribe()
    last = grant(shop.customer, 100, priority=60)
    paid = grant(shop.customer, 100)
    soon = grant(shop.customer, 100, expires_at=NOW + 90 * DAY)
    given = grant(shop.customer, 100, category="promotional")
    shop.use(50)  # 250
    invoice = shop.next_invoice()
    used = [
        stripe.billing.CreditBalanceTransaction.retrieve(one.credit_balance_transaction)
        for one in invoice.total_pretax_credit_amounts
    ]
    assert [one.credit_grant for one in used] == [soon.id, given.id, paid.id]
    assert credits_of(invoice) == [100, 100, 50]
    assert balance(shop.customer) == (150, 150)
    assert last.priority == 60


def test_credits_pay_for_no_more_than_was_used_and_for_nothing_else(account, shop, monthly) -> None:
    shop.subscribe(monthly)
    grant(shop.customer, 100_000)
    euros = {"type": "monetary", "monetary": {"value": 9, "currency": "eur"}}
    stripe.billing.CreditGrant.create(
        customer=shop.customer, amount=euros, applicability_config=METERED
    )
    shop.use(10)
    invoice = shop.next_invoice()
    assert (invoice.total, credits_of(invoice)) == (1000, [50])  # the month, not the calls


def test_credits_come_after_discounts_and_before_taxes(account, shop) -> None:
    rate = stripe.TaxRate.create(display_name="VAT", percentage=10, inclusive=False).id
    half = stripe.Coupon.create(percent_off=50, duration="forever").id
    shop.subscribe(default_tax_rates=[rate], discounts=[{"coupon": half}])
    grant(shop.customer, 100)
    shop.use(100)
    invoice = shop.next_invoice()
    assert [one.amount for one in invoice.total_discount_amounts] == [250]
    assert (invoice.total_taxes[0].amount, invoice.total_excluding_tax) == (15, 150)
    assert invoice.total == 500 - 250 - 100 + 15


def test_a_voided_invoice_gives_its_credits_back(account, shop) -> None:
    shop.subscribe(collection_method="send_invoice", days_until_due=90)
    grant(shop.customer, 400)
    shop.use(100)
    invoice = shop.next_invoice()
    assert (invoice.status, invoice.amount_due) == ("open", 100)
    assert balance(shop.customer) == (0, 0)
    stripe.Invoice.void_invoice(invoice.id)
    assert moved(shop.customer)[0] == ("credits_application_invoice_voided", 400)
    assert balance(shop.customer) == (400, 400)


def test_credits_that_expired_before_pay_for_nothing(account, shop) -> None:
    shop.subscribe()
    grant(shop.customer, 400, expires_at=NOW + 5 * DAY)
    shop.use(100)
    invoice = shop.next_invoice()
    assert (invoice.total, credits_of(invoice)) == (500, [])
    assert moved(shop.customer)[0] == ("credits_expired", 400)


def test_a_preview_shows_what_credits_would_pay(account, shop) -> None:
    made = shop.subscribe()
    grant(shop.customer, 400)
    grant(shop.customer, 50, expires_at=NOW + 5 * DAY)  # before the invoice would come
    shop.use(100)
    preview = stripe.Invoice.create_preview(subscription=made.id)
    assert (preview.total, preview.amount_due, credits_of(preview)) == (100, 100, [400])
    assert balance(shop.customer) == (450, 450)
    assert shop.next_invoice().total == preview.total


def test_credits_granted_after_a_period_are_not_for_it(account, shop) -> None:
    shop.subscribe()
    shop.use(100)
    stripe.test_helpers.TestClock.advance(shop.clock, frozen_time=NOW + 31 * DAY + 60)
    [draft] = stripe.Invoice.list(customer=shop.customer).data
    assert draft.status == "draft"
    grant(shop.customer, 400)
    invoice = shop.next_invoice()
    assert (invoice.id, invoice.status, credits_of(invoice)) == (draft.id, "paid", [])
    assert balance(shop.customer) == (400, 400)


def test_credits_given_back_to_an_expired_grant_expire(account, shop) -> None:
    shop.subscribe(collection_method="send_invoice", days_until_due=90)
    grant(shop.customer, 400, expires_at=NOW + 40 * DAY)
    shop.use(100)
    invoice = shop.next_invoice()
    assert credits_of(invoice) == [400]
    stripe.test_helpers.TestClock.advance(shop.clock, frozen_time=NOW + 41 * DAY)
    stripe.Invoice.void_invoice(invoice.id)
    assert moved(shop.customer)[:2] == [
        ("credits_expired", 400), ("credits_application_invoice_voided", 400),
    ]  # fmt: skip
    assert balance(shop.customer) == (0, 0)


def test_a_customer_has_a_hundred_unused_grants_at_most(account, customer) -> None:
    made = [grant(customer, 1) for _ in range(100)]
    assert "100" in str(refused(grant, customer, 1))
    stripe.billing.CreditGrant.void_grant(made[0].id)
    grant(customer, 1)
    stripe.billing.CreditGrant.expire(made[1].id)
    grant(customer, 1, effective_at=NOW + DAY)
    assert "100" in str(refused(grant, customer, 1))
