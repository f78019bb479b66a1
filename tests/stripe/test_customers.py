"""Customers, their balances and tax ids."""

from __future__ import annotations

import pytest
import stripe


def test_a_customer_is_as_it_was_said(account) -> None:
    customer = stripe.Customer.create(
        email="jane@example.com",
        address={"city": "Rome"},
        shipping={"name": "Jane", "address": {"line1": "Via 1"}},
        preferred_locales=["it"],
    )
    assert customer.address.to_dict() == {
        "city": "Rome",
        **dict.fromkeys(("country", "line1", "line2", "postal_code", "state")),
    }
    assert customer.shipping.phone is None
    assert (customer.balance, customer.tax_exempt, customer.livemode) == (0, "none", False)
    changed = stripe.Customer.modify(customer.id, email="", address="", tax_exempt="reverse")
    assert (changed.email, changed.address, changed.tax_exempt) == (None, None, "reverse")


def test_what_cannot_be_a_customer_s_is_refused(account) -> None:
    for params, code, status in [
        ({"email": "nobody"}, "email_invalid", 400),
        ({"tax_exempt": "maybe"}, None, 400),
        ({"shipping": {"name": "x"}}, "parameter_missing", 400),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as raised:
            stripe.Customer.create(**params)
        assert (raised.value.code, raised.value.http_status) == (code, status)
    assert account.store.customers.count() == 0


def test_a_balance_changes_by_transactions(account) -> None:
    customer = stripe.Customer.create(balance=-500)
    first = stripe.Customer.create_balance_transaction(customer.id, amount=200, currency="usd")
    assert (first.amount, first.ending_balance, first.type) == (200, -300, "adjustment")
    got = stripe.Customer.retrieve(customer.id)
    assert (got.balance, got.currency) == (-300, "usd")
    stripe.Customer.modify(customer.id, balance=0)
    listed = stripe.Customer.list_balance_transactions(customer.id).data
    assert [t.amount for t in listed] == [300, 200, -500]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe.Customer.list_balance_transactions("cus_none")


def test_tax_ids_are_a_customer_s_or_the_account_s(account) -> None:
    one, other = (stripe.Customer.create() for _ in range(2))
    made = stripe.Customer.create_tax_id(one.id, type="eu_vat", value="DE123456789")
    own = stripe.TaxId.create(type="us_ein", value="12-3456789")
    assert (made.country, made.customer, own.customer, own.owner.type) == (
        "DE",
        one.id,
        None,
        "self",
    )
    assert [t.id for t in stripe.Customer.list_tax_ids(one.id).data] == [made.id]
    assert stripe.Customer.list_tax_ids(other.id).data == []
    assert [t.id for t in stripe.TaxId.list().data] == [own.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such tax_id"):
        stripe.Customer.retrieve_tax_id(other.id, made.id)
    got = stripe.Customer.retrieve(one.id, expand=["tax_ids", "tax"])
    assert got.tax_ids.data[0].value == "DE123456789"
    assert got.tax.provider == "stripe"
    stripe.Customer.delete_tax_id(one.id, made.id)
    assert stripe.Customer.list_tax_ids(one.id).data == []


@pytest.mark.filterwarnings("ignore:tigerstripe answers API version")
def test_versions_before_basil_give_a_customer_a_discount(account) -> None:
    old = {"stripe_version": "2024-06-20"}
    account.freeze(1_706_659_200)  # 2024-01-31
    stripe.Coupon.create(id="C", percent_off=5, duration="repeating", duration_in_months=1)
    customer = stripe.Customer.create(coupon="C", **old)
    assert customer.discount.coupon.percent_off == 5
    assert customer.discount.end == 1_709_164_800  # 2024-02-29
    new = stripe.Customer.retrieve(customer.id)
    assert (new.discount.source.coupon, new.discount.customer) == ("C", customer.id)
    code = stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": "C"}, code="A")
    changed = stripe.Customer.modify(customer.id, promotion_code=code.id, **old)
    assert changed.discount.promotion_code == code.id
    assert stripe.PromotionCode.retrieve(code.id).times_redeemed == 1
    assert stripe.Coupon.retrieve("C").times_redeemed == 2
    assert stripe.Customer.modify(customer.id, coupon="", **old).discount is None
    kinds = [e["type"] for e in account.events("customer.discount.*")]
    assert [kind.rpartition(".")[2] for kind in kinds] == ["created", "updated", "deleted"]
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: coupon"):
        stripe.Customer.create(coupon="C")
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon: 'none'"):
        stripe.Customer.create(coupon="none", **old)
