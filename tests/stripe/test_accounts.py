"""Accounts, and what is theirs: connected accounts see nothing of each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe


@pytest.fixture
def connected(account: Any) -> Any:
    """A connected account."""
    return stripe.Account.create(type="express", email="shop@example.com")


def forbidden(call: Any, *args: Any, **params: Any) -> stripe.PermissionError:
    with pytest.raises(stripe.PermissionError) as raised:
        call(*args, **params)
    assert raised.value.json_body["error"]["code"] == "account_invalid"
    return raised.value


# --- Accounts as objects ---


@pytest.mark.parametrize(
    ("kind", "dashboard"), [("express", "express"), ("custom", "none"), ("standard", "full")]
)
def test_an_account_is_made_of_its_type(account, kind, dashboard) -> None:
    made = stripe.Account.create(
        type=kind,
        country="DE",
        capabilities={"card_payments": {"requested": True}},
        metadata={"a": "1"},
    )
    assert made.id.startswith("acct_")
    assert len(made.id) == len("acct_") + 16
    assert made.controller.stripe_dashboard.type == dashboard
    assert (made.type, made.country, made.charges_enabled) == (kind, "DE", False)
    assert made.capabilities.card_payments == "inactive"
    assert "external_account" in made.requirements.currently_due
    assert [a.id for a in stripe.Account.list().data] == [made.id]


def test_an_account_that_has_said_all_may_take_money(account) -> None:
    made = stripe.Account.create(
        controller={"stripe_dashboard": {"type": "none"}},
        capabilities={"transfers": {"requested": True}},
        business_profile={"url": "https://example.com", "support_phone": "1"},
        company={"name": "Shop", "tax_id": "123"},
        external_account={
            "object": "bank_account",
            "country": "US",
            "currency": "usd",
            "account_number": "000123456789",
            "routing_number": "110000000",
        },
    )
    assert made.type == "none"
    assert made.company.to_dict() == {"name": "Shop", "tax_id_provided": True}
    assert made.external_accounts.data[0].last4 == "6789"
    done = stripe.Account.modify(
        made.id,
        business_profile={"product_description": "Mugs"},
        tos_acceptance={"date": 1, "ip": "192.0.2.1"},
        metadata={"b": "2"},
    )
    assert done.business_profile.url == "https://example.com"
    assert (done.charges_enabled, done.requirements.currently_due) == (True, [])
    assert done.capabilities.transfers == "active"
    told = stripe.Event.list(stripe_account=made.id).data[0]
    assert (told.type, told.account) == ("account.updated", made.id)
    assert account.events() == []


def test_the_account_that_asks_is_one(account, connected) -> None:
    own = stripe.Account.retrieve()
    assert own.id == stripe.Account.retrieve().id
    assert own.charges_enabled
    assert stripe.Account.retrieve(own.id).id == own.id
    assert own.id not in [a.id for a in stripe.Account.list().data]
    assert stripe.Account.retrieve(stripe_account=connected.id).id == connected.id
    assert stripe.Customer.create(stripe_account=own.id).id in account.store.customers
    with account.fork() as copy, copy.installed():
        assert stripe.Account.retrieve().id == own.id
    for call in (stripe.Account.delete, lambda own: stripe.Account.modify(own, email="a@b.c")):
        with pytest.raises(stripe.InvalidRequestError, match="your own account"):
            call(own.id)


def test_accounts_of_others_are_forbidden(account, connected) -> None:
    sibling = stripe.Account.create(type="custom")
    assert "does not have access to account 'acct_x'" in str(
        forbidden(stripe.Account.retrieve, "acct_x")
    )
    forbidden(stripe.Customer.list, stripe_account="acct_x")
    forbidden(stripe.Account.retrieve, sibling.id, stripe_account=connected.id)
    assert stripe.Account.list(stripe_account=connected.id).data == []
    with pytest.raises(stripe.InvalidRequestError, match="signed up for Connect"):
        stripe.Account.create(type="custom", stripe_account=connected.id)


# --- What is a connected account's ---


def test_a_connected_account_sees_its_own_alone(account, connected) -> None:
    sibling = stripe.Account.create(type="custom")
    for owner, name in ((connected.id, "One"), (sibling.id, "Two"), (None, "Mine")):
        stripe.Coupon.create(id="SAME", percent_off=5, name=name, stripe_account=owner)
    for owner, name in ((connected.id, "One"), (sibling.id, "Two"), (None, "Mine")):
        assert stripe.Coupon.retrieve("SAME", stripe_account=owner).name == name
        assert [c.name for c in stripe.Coupon.list(stripe_account=owner).data] == [name]
        assert [e.data.object.name for e in stripe.Event.list(stripe_account=owner).data] == [name]
    own = stripe.Customer.create(email="a@b.c", stripe_account=connected.id)
    for owner in (sibling.id, None):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            stripe.Customer.retrieve(own.id, stripe_account=owner)


def test_lists_and_searches_of_a_connected_account_go_on(account, connected) -> None:
    at = {"stripe_account": connected.id}
    made = [stripe.Customer.create(email=f"{n % 2}@b.c", name=str(n), **at).id for n in range(7)]
    stripe.Customer.create()
    pages = stripe.Customer.list(limit=2, **at).auto_paging_iter()
    assert [c.id for c in pages] == made[::-1]
    assert len(stripe.Customer.list(email="0@b.c", **at).data) == 4
    newer = stripe.Customer.list(ending_before=made[0], limit=2, **at)
    assert ([c.id for c in newer.data], newer.has_more) == ([made[2], made[1]], True)
    found = stripe.Customer.search(query='name:"3"', **at).data
    assert [c.id for c in found] == [made[3]]
    stripe.Customer.delete(made[3], **at)
    assert [c.id for c in stripe.Customer.list(starting_after=made[3], limit=1, **at).data] == [
        made[2]
    ]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe.Customer.list(starting_after=stripe.Customer.create().id, **at)
    changed = stripe.Customer.modify(made[0], name="Zero", expand=["tax_ids"], **at)
    assert (changed.name, changed.tax_ids.data) == ("Zero", [])


def test_idempotency_keys_are_each_account_s_own(account, connected) -> None:
    wanted = {"email": "a@b.c", "idempotency_key": "once"}
    mine = stripe.Customer.create(**wanted)
    theirs = stripe.Customer.create(**wanted, stripe_account=connected.id)
    assert mine.id != theirs.id
    assert stripe.Customer.create(**wanted, stripe_account=connected.id).id == theirs.id
    entries = account.requests("/v1/customers")
    assert {(e["account"], e["key"]) for e in entries} >= {(None, "once"), (connected.id, "once")}


def test_savepoints_and_forks_of_the_platform_include_its_accounts(account, connected) -> None:
    at = {"stripe_account": connected.id}
    stripe.Customer.create(name="before", **at)
    with account.savepoint():
        stripe.Customer.create(name="within", **at)
        assert len(stripe.Customer.list(**at).data) == 2
    assert [c.name for c in stripe.Customer.list(**at).data] == ["before"]
    with account.fork() as copy, copy.installed():
        stripe.Customer.create(name="copied", **at)
        assert [c.name for c in stripe.Customer.list(**at).data] == ["copied", "before"]
    assert [c.name for c in stripe.Customer.list(**at).data] == ["before"]
    account.store.clear_namespace()
    forbidden(stripe.Customer.list, **at)
    assert account.store.table("connected_objects").count() == 0


def test_a_deleted_account_is_gone_with_all_it_had(account, connected) -> None:
    sibling = stripe.Account.create(type="custom")
    for owner in (connected.id, sibling.id):
        stripe.Customer.create(stripe_account=owner)
    deleted = stripe.Account.delete(connected.id)
    assert deleted.to_dict() == {"id": connected.id, "object": "account", "deleted": True}
    forbidden(stripe.Customer.list, stripe_account=connected.id)
    left = account.store.table("connected_objects")
    assert {record["_account"] for record in left} == {sibling.id}
    assert len(stripe.Customer.list(stripe_account=sibling.id).data) == 1


def test_a_payment_method_of_the_platform_is_copied_to_an_account(account, connected) -> None:
    customer = stripe.Customer.create()
    method = stripe.PaymentMethod.attach("pm_card_mastercard", customer=customer.id)
    copy = stripe.PaymentMethod.create(
        customer=customer.id, payment_method=method.id, stripe_account=connected.id
    )
    assert copy.id != method.id
    assert (copy.customer, copy.card.last4) == (None, "4444")
    assert stripe.PaymentMethod.retrieve(copy.id, stripe_account=connected.id).id == copy.id
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        stripe.PaymentMethod.retrieve(copy.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        stripe.PaymentMethod.create(payment_method=method.id, stripe_account=connected.id)
    with pytest.raises(stripe.InvalidRequestError, match="platform-owned payment method ID"):
        stripe.Customer.create(payment_method=method.id, stripe_account=connected.id)


def test_an_endpoint_for_connected_accounts_gets_their_events_alone(account, connected) -> None:
    for name, connect in (("own", False), ("connect", True)):
        stripe.WebhookEndpoint.create(
            url=f"https://shop.test/{name}", enabled_events=["customer.created"], connect=connect
        )
    mine = stripe.Customer.create()
    theirs = stripe.Customer.create(stripe_account=connected.id)
    got = []

    def target(path: str, headers: Any, body: bytes) -> int:
        event = json.loads(body)
        got.append((path, event.get("account"), event["data"]["object"]["id"]))
        return 200

    account.deliver(target)
    assert got == [("/own", None, mine.id), ("/connect", connected.id, theirs.id)]
    assert stripe.Event.list(stripe_account=connected.id).data[0].pending_webhooks == 0


def test_entries_of_a_connected_account_come_with_time(account, connected) -> None:
    account.freeze()
    session = stripe.checkout.Session.create(
        mode="setup", currency="usd", success_url="https://shop.test/", stripe_account=connected.id
    )
    account.advance(hours=25)
    got = stripe.checkout.Session.retrieve(session.id, stripe_account=connected.id)
    assert got.status == "expired"


# --- Rejected ---


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("fraud", "rejected.platform_fraud"),
        ("terms_of_service", "rejected.platform_terms_of_service"),
        ("other", "rejected.platform_other"),
    ],
)
def test_an_account_that_is_rejected_can_do_nothing_any_more(account, reason, why) -> None:
    shop = account.onboard(stripe.Account.create(type="custom"))["id"]
    rejected = stripe.Account.reject(shop, reason=reason)
    assert (rejected.charges_enabled, rejected.payouts_enabled) == (False, False)
    assert rejected.requirements.disabled_reason == why
    assert set(rejected.capabilities.to_dict().values()) == {"inactive"}
    assert stripe.Event.list(stripe_account=shop).data[0].type == "account.updated"
    assert account.onboard(shop)["charges_enabled"] is False  # for good
    with pytest.raises(stripe.InvalidRequestError, match="capabilities enabled"):
        stripe.Transfer.create(amount=1, currency="usd", destination=shop)


def test_what_is_not_the_platform_s_is_not_rejected(account) -> None:
    own = stripe.Account.create(type="standard").id
    custom = stripe.Account.create(type="custom").id
    for shop, reason, said in (
        (own, "fraud", "not liable for its losses"),
        (custom, "typo", "Invalid reason: must be one of credit, fraud"),
        (stripe.Account.retrieve().id, "fraud", "your own account"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=said):
            stripe.Account.reject(shop, reason=reason)
    assert stripe.Account.retrieve(custom).requirements.disabled_reason == "requirements.past_due"
