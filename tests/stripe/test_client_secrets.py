"""What pages and apps get to act for somebody: account sessions, customer sessions, keys."""

from __future__ import annotations

import stripe

from tests.stripe.refusals import refused


def test_an_account_session_says_all_components_and_enables_those_asked_for(account) -> None:
    shop = stripe.Account.create(type="express")
    features = {"external_account_collection": False}
    session = stripe.AccountSession.create(
        account=shop.id, components={"account_onboarding": {"enabled": True, "features": features}}
    )
    onboarding = session.components.account_onboarding
    assert (session.account, onboarding.enabled) == (shop.id, True)
    assert onboarding.features.to_dict() == {
        "disable_stripe_user_authentication": False,
        "external_account_collection": False,
    }
    assert session.components.payments.enabled is False
    assert session.expires_at > account.now
    components = {"payments": {"enabled": True}}
    error = refused(stripe.AccountSession.create, account="acct_no", components=components)
    assert error.param == "account"


def test_a_customer_session_shows_its_components_when_they_are_expanded(account) -> None:
    customer = stripe.Customer.create()
    components = {"pricing_table": {"enabled": True}}
    session = stripe.CustomerSession.create(customer=customer.id, components=components)
    assert (session.customer, "components" in session) == (customer.id, False)
    session = stripe.CustomerSession.create(
        customer=customer.id, components=components, expand=["components"]
    )
    assert session.components.pricing_table.enabled is True
    assert session.components.buy_button.enabled is False
    create = stripe.CustomerSession.create
    assert refused(create, customer="cus_no", components=components).param == "customer"
    nothing = {"pricing_table": {"enabled": False}}
    assert refused(create, customer=customer.id, components=nothing).param == "components"


def test_an_ephemeral_key_is_of_a_customer_and_shows_its_secret_once(account) -> None:
    customer = stripe.Customer.create()
    key = stripe.EphemeralKey.create(customer=customer.id, stripe_version="2026-10-28.endive")
    assert key.secret.startswith("ek_test_")
    assert key.associated_objects[0].to_dict() == {"id": customer.id, "type": "customer"}
    assert key.expires == key.created + 3600
    ended = stripe.EphemeralKey.delete(key.id)
    assert (ended.id, "secret" in ended) == (key.id, False)
    assert refused(stripe.EphemeralKey.delete, key.id).code == "resource_missing"
    error = refused(stripe.EphemeralKey.create, stripe_version="2026-10-28.endive")
    assert error.param == "customer"
