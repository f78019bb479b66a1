"""Whose the money of an invoice is: the platform's fee, and what its accounts get."""

from __future__ import annotations

import pytest
import stripe


@pytest.fixture
def club(client) -> str:
    return stripe.Price.create(
        product_data={"name": "Club"},
        unit_amount=10000,
        currency="usd",
        recurring={"interval": "month"},
    ).id


def payer(**options: str) -> str:
    return stripe.Customer.create(
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
        **options,
    ).id


def charge_of(invoice: str, **options: str) -> stripe.Charge:
    payment = stripe.InvoicePayment.list(invoice=invoice, **options).data[0]
    intent = stripe.PaymentIntent.retrieve(payment.payment.payment_intent, **options)
    return stripe.Charge.retrieve(intent.latest_charge, **options)


def test_each_period_shares_its_money_in_percent(account, shop, club) -> None:
    account.freeze()
    made = stripe.Subscription.create(
        customer=payer(),
        items=[{"price": club}],
        application_fee_percent=12.5,
        transfer_data={"destination": shop},
        on_behalf_of=shop,
    )
    account.advance(days=32)
    for invoice in stripe.Invoice.list(subscription=made.id).data:
        charge = charge_of(invoice.id)
        assert (charge.application_fee_amount, charge.on_behalf_of) == (1250, shop)
        assert charge.transfer_data.destination == shop


def test_a_part_of_an_invoice_goes_to_an_account(shop) -> None:
    customer = payer()
    stripe.InvoiceItem.create(customer=customer, amount=5000, currency="usd")
    draft = stripe.Invoice.create(
        customer=customer,
        pending_invoice_items_behavior="include",
        transfer_data={"destination": shop, "amount": 4000},
    )
    stripe.Invoice.pay(draft.id)
    assert stripe.Transfer.list(destination=shop).data[0].amount == 4000


def test_an_account_that_is_not_there_is_refused(club) -> None:
    customer = payer()
    for params in (
        {"transfer_data": {"destination": "acct_none"}},
        {"on_behalf_of": "acct_none"},
        {"application_fee_percent": 101},
    ):
        with pytest.raises((stripe.InvalidRequestError, stripe.PermissionError)):
            stripe.Subscription.create(customer=customer, items=[{"price": club}], **params)
    assert not stripe.Subscription.list(status="all").data


def test_a_fee_of_the_platform_s_own_money_is_refused_before_time_asks_for_it(
    account, shop, club
) -> None:
    wanted = {"customer": payer(), "items": [{"price": club}], "application_fee_percent": 5}
    with pytest.raises(stripe.InvalidRequestError) as raised:
        stripe.Subscription.create(**wanted, trial_period_days=7)
    assert raised.value.param == "application_fee_percent"
    made = stripe.Subscription.create(**wanted, transfer_data={"destination": shop})
    with pytest.raises(stripe.InvalidRequestError, match="application_fee_percent"):
        stripe.Subscription.modify(made.id, transfer_data="")
    account.advance(days=40)
    assert {one.status for one in stripe.Invoice.list().data} == {"paid"}
