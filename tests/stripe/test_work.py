"""A unit of work: one commit of all that was read and written, or none of it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

import tiger
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Resource
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work


@pytest.fixture
def scope(account: Any) -> Scope:
    """The account's tables."""
    return Scope(account.store)


def begin(scope: Scope) -> Work:
    return Work(scope, 1_700_000_000, "2026-10-28.endive", "req_x", is_write=True)


def end(work: Work) -> None:
    work.commit(Log(work.scope))


@pytest.mark.parametrize("change", ["update", "delete", "none"])
def test_records_that_were_read_guard_the_writes(scope, change) -> None:
    scope.table("products").insert({"id": "mug"})
    work = begin(scope)
    assert work.get("products", "mug") == {"id": "mug"}
    work.put("prices", {"id": "small"})
    work.tell("price.created", {"id": "small"})
    if change == "none":
        end(work)
        assert "small" in scope.table("prices")
        return
    if change == "update":
        scope.table("products").insert({"id": "mug", "name": "Mug"})
    else:
        scope.table("products").delete("mug")
    with pytest.raises(tiger.Conflict):
        end(work)
    assert "small" not in scope.table("prices")
    assert scope.table("events").count() == 0


def test_missing_records_guard_too(scope) -> None:
    work = begin(scope)
    assert work.get("products", "mug") is None
    work.put("prices", {"id": "small"})
    scope.table("products").insert({"id": "mug"})
    with pytest.raises(tiger.Conflict):
        end(work)


def test_a_work_sees_what_it_writes(scope) -> None:
    work = begin(scope)
    work.put("products", {"id": "mug"})
    assert work.get("products", "mug") == {"id": "mug"}
    work.delete("products", "mug")
    assert work.get("products", "mug") is None


def test_a_value_is_claimed_once(scope) -> None:
    one, other = begin(scope), begin(scope)
    one.claim("key", "std", "a")
    other.claim("key", "std", "b")
    end(one)
    with pytest.raises((tiger.Conflict, tiger.AlreadyExists)):
        end(other)
    late = begin(scope)
    assert late.holder("key", "std") == "a"
    late.release("key", "std")
    end(late)
    assert begin(scope).holder("key", "std") is None


def test_a_product_is_not_deleted_while_a_price_of_it_is_made(account, scope) -> None:
    product = stripe.Product.create(name="Mug")
    resource = registry.need("product")
    deleting = begin(scope)
    resource.delete(deleting, {"id": product.id}, {})
    stripe.Price.create(product=product.id, currency="usd", unit_amount=5)
    with pytest.raises(tiger.Conflict):
        end(deleting)
    assert product.id in account.store.products


def test_a_request_that_was_overtaken_is_planned_again(account, monkeypatch) -> None:
    customer = stripe.Customer.create(name="Jane")
    commit = Work.commit
    overtakes = [{"email": "a@b.c"}, {"phone": "1"}]

    def overtaken(work: Work, log: Log) -> None:
        if overtakes:
            monkeypatch.setattr(Work, "commit", commit)
            stripe.Customer.modify(customer.id, **overtakes.pop())
            monkeypatch.setattr(Work, "commit", overtaken)
        commit(work, log)

    monkeypatch.setattr(Work, "commit", overtaken)
    changed = stripe.Customer.modify(customer.id, name="Joe")
    assert (changed.name, changed.email, changed.phone) == ("Joe", "a@b.c", "1")
    assert [e["type"] for e in account.events()] == ["customer.created"] + 3 * ["customer.updated"]
    assert account.events()[-1]["data"]["previous_attributes"] == {"name": "Jane"}


def test_a_request_that_is_always_overtaken_is_busy(account, monkeypatch) -> None:
    def overtaken(*_: object) -> None:
        raise tiger.Conflict("always")

    monkeypatch.setattr(Work, "commit", overtaken)
    with pytest.raises(stripe.RateLimitError, match="cannot be accessed right now"):
        stripe.Customer.create(name="Jane", api_key="sk_test_x")


def test_a_decline_is_committed_and_its_answer_kept(account, monkeypatch) -> None:
    from tigerstripe.errors import Declined
    from tigerstripe.resources.coupons import Coupons

    def decline(self: object, work: Work, ids: Any, params: Any) -> Any:
        work.tell("charge.failed", {"id": "ch_1", "object": "charge"})
        raise Declined(
            "Your card was declined.", status=402, type="card_error", code="card_declined"
        )

    monkeypatch.setattr(Coupons, "create", decline)
    registry.handler.cache_clear()
    try:
        for _ in range(2):
            with pytest.raises(stripe.CardError, match="declined"):
                stripe.Coupon.create(percent_off=5, idempotency_key="k")
    finally:
        registry.handler.cache_clear()
    assert [e["type"] for e in account.events()] == ["charge.failed"]


@pytest.mark.parametrize(
    "give",
    [
        lambda customer: stripe.Customer.create_tax_id(
            customer, type="eu_vat", value="DE123456789"
        ),
        lambda customer: stripe.Customer.create_balance_transaction(
            customer, amount=5, currency="usd"
        ),
        lambda customer: stripe.PaymentMethod.attach("pm_card_visa", customer=customer),
        lambda customer: stripe.Customer.create_source(customer, source="tok_visa"),
    ],
    ids=["tax id", "balance transaction", "payment method", "source"],
)
def test_a_customer_is_deleted_with_what_was_given_to_it_meanwhile(scope, give) -> None:
    customer = stripe.Customer.create(source="tok_amex")
    work = begin(scope)
    registry.need("customer").delete(work, {"customer": customer.id}, {})
    give(customer.id)
    with pytest.raises(tiger.Conflict):
        end(work)


def test_a_clock_is_deleted_with_the_customers_made_on_it_meanwhile(scope) -> None:
    clock = stripe.test_helpers.TestClock.create(frozen_time=1)
    work = begin(scope)
    registry.need("test_helpers.test_clock").delete(work, {"test_clock": clock.id}, {})
    stripe.Customer.create(test_clock=clock.id)
    with pytest.raises(tiger.Conflict):
        end(work)


def test_one_commit_is_of_a_platform_and_its_account(scope) -> None:
    account = stripe.Account.create(type="custom")
    work = begin(scope)
    work.put("products", {"id": "mug", "of": "platform"})
    inside = work.inside(account.id)
    assert inside.get("products", "mug") is None
    inside.put("products", {"id": "mug", "of": "account"})
    inside.tell("product.created", {"id": "mug"})
    assert inside.inside(None).get("products", "mug") == {"id": "mug", "of": "platform"}
    scope.inside(account.id).table("products")
    end(work)
    assert scope.table("products").get("mug")["of"] == "platform"
    assert scope.inside(account.id).table("products").get("mug")["of"] == "account"
    assert [e["type"] for e in scope.table("events")] == []
    again = begin(scope)
    again.inside(account.id).get("products", "mug")
    again.put("products", {"id": "cup"})
    stripe.Product.delete("mug", stripe_account=account.id)
    with pytest.raises(tiger.Conflict):
        end(again)


def test_a_resource_with_a_plain_create_says_what_it_makes() -> None:
    handlers = [registry.handler(each) for each in registry.built()]
    makers = [registry.owner(each) for each in handlers if each.__func__ is Resource.create]
    assert makers
    assert [maker.name for maker in makers if not hasattr(maker, "new")] == []
