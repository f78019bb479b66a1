"""What an account has by itself: capabilities, places to be paid out to, persons, and links."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

BANK = {
    "object": "bank_account",
    "country": "US",
    "currency": "usd",
    "account_number": "000123456789",
    "routing_number": "110000000",
}
SAID = {
    "business_profile": {
        "product_description": "Mugs",
        "support_phone": "1",
        "url": "https://example.com",
    },
    "tos_acceptance": {"date": 1, "ip": "192.0.2.1"},
}
TO = {"refresh_url": "https://shop.test/again", "return_url": "https://shop.test/done"}


@pytest.fixture
def connected(account: Any) -> Any:
    """A connected account that lacks nothing but a place to be paid out to."""
    return stripe.Account.create(type="express", **SAID)


def told(id: str) -> list[str]:
    return [event.type for event in reversed(stripe.Event.list(stripe_account=id).data)]


def test_a_capability_is_asked_for_and_becomes_active(account, connected) -> None:
    assert stripe.Account.list_capabilities(connected.id).data == []
    one = stripe.Account.retrieve_capability(connected.id, "transfers")
    assert (one.status, one.requested, one.requested_at) == ("unrequested", False, None)
    asked = stripe.Account.modify_capability(connected.id, "transfers", requested=True)
    assert (asked.status, asked.requested_at) == ("inactive", asked.requested_at or None)
    assert asked.requirements.currently_due == ["external_account"]
    stripe.Account.create_external_account(connected.id, external_account=BANK)
    done = stripe.Account.list_capabilities(connected.id).data
    assert [(one.id, one.status) for one in done] == [("transfers", "active")]
    assert stripe.Account.retrieve(connected.id).payouts_enabled
    assert told(connected.id) == [
        "capability.updated", "account.updated",
        "capability.updated", "account.updated", "account.external_account.created",
    ]  # fmt: skip
    off = stripe.Account.modify_capability(connected.id, "transfers", requested=False)
    assert off.status == "unrequested"
    with pytest.raises(stripe.InvalidRequestError, match="No such capability: 'flying'"):
        stripe.Account.retrieve_capability(connected.id, "flying")


def test_an_account_has_several_places_to_be_paid_out_to(account, connected) -> None:
    first = stripe.Account.create_external_account(connected.id, external_account=BANK)
    card = stripe.Account.create_external_account(
        connected.id, external_account="tok_visa_debit", default_for_currency=True
    )
    assert (first.default_for_currency, card.object, card.default_for_currency) == (
        True, "card", True,
    )  # fmt: skip
    listed = stripe.Account.list_external_accounts(connected.id).data
    assert [(one.id, one.default_for_currency) for one in listed] == [
        (card.id, True), (first.id, False),
    ]  # fmt: skip
    banks = stripe.Account.list_external_accounts(connected.id, object="bank_account").data
    assert [one.id for one in banks] == [first.id]
    named = stripe.Account.modify_external_account(
        connected.id, first.id, account_holder_name="Jane", metadata={"a": "1"}
    )
    assert (named.account_holder_name, named.metadata.a) == ("Jane", "1")
    with pytest.raises(stripe.InvalidRequestError, match="cannot delete the default"):
        stripe.Account.delete_external_account(connected.id, card.id)
    gone = stripe.Account.delete_external_account(connected.id, first.id)
    assert gone.to_dict() == {"id": first.id, "object": "bank_account", "deleted": True}
    replaced = stripe.Account.modify(connected.id, external_account=BANK)
    assert [one.object for one in replaced.external_accounts.data] == ["bank_account"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tok_visa", "non-prepaid debit card"),
        ("tok_nothing", "No such token: 'tok_nothing'"),
        ({**BANK, "account_number": "000123456789", "currency": "xxx"}, "Invalid currency: xxx"),
    ],
)
def test_what_cannot_be_paid_out_to_is_refused(account, connected, given, message) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.Account.create_external_account(connected.id, external_account=given)


def test_a_token_of_a_bank_account_is_used_once(account, connected) -> None:
    token = stripe.Token.create(bank_account={n: v for n, v in BANK.items() if n != "object"})
    made = stripe.Account.create_external_account(connected.id, external_account=token.id)
    assert made.id == token.bank_account.id
    with pytest.raises(stripe.InvalidRequestError, match="more than once"):
        stripe.Account.create_external_account(connected.id, external_account=token.id)


def test_persons_are_their_account_s_alone(account, connected) -> None:
    jane = stripe.Account.create_person(
        connected.id, first_name="Jane", ssn_last_4="0000", relationship={"owner": True}
    )
    assert (jane.id[:7], jane.ssn_last_4_provided, jane.account) == ("person_", True, connected.id)
    assert "ssn_last_4" not in jane
    joe = stripe.Account.create_person(connected.id, first_name="Joe")
    changed = stripe.Account.modify_person(connected.id, joe.id, relationship={"title": "CEO"})
    assert (changed.relationship.title, changed.relationship.owner) == ("CEO", False)
    owners = stripe.Account.list_persons(connected.id, relationship={"owner": True}).data
    assert [one.id for one in owners] == [jane.id]
    other = stripe.Account.create(type="custom")
    assert stripe.Account.list_persons(other.id).data == []
    for call in (stripe.Account.retrieve_person, stripe.Account.delete_person):
        with pytest.raises(stripe.InvalidRequestError, match="No such person"):
            call(other.id, jane.id)
    assert stripe.Account.delete_person(connected.id, jane.id).deleted
    assert told(connected.id) == [
        "person.created", "person.created", "person.updated", "person.deleted",
    ]  # fmt: skip
    events = stripe.Event.list(stripe_account=connected.id).data
    assert [event for event in events if "livemode" in event.data.object] == []
    stripe.Account.delete(connected.id)
    assert account.store.table("connected_objects").count() == 0


def test_links_lead_to_an_account_s_pages(account, connected) -> None:
    account.freeze()
    link = stripe.AccountLink.create(account=connected.id, type="account_onboarding", **TO)
    assert (link.expires_at - link.created, connected.id in link.url) == (300, True)
    with pytest.raises(stripe.InvalidRequestError, match="Stripe collects its details"):
        stripe.AccountLink.create(account=connected.id, type="account_update", **TO)
    with pytest.raises(stripe.InvalidRequestError, match="refresh_url"):
        stripe.AccountLink.create(account=connected.id, type="account_onboarding")
    with pytest.raises(stripe.InvalidRequestError, match="has not been onboarded"):
        stripe.Account.create_login_link(connected.id)
    stripe.Account.create_external_account(connected.id, external_account=BANK)
    assert connected.id in stripe.Account.create_login_link(connected.id).url
    own = stripe.Account.create(type="custom")
    with pytest.raises(stripe.InvalidRequestError, match="dashboard of"):
        stripe.Account.create_login_link(own.id)
