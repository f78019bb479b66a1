"""The billing portal: what it lets customers do, and their way to it."""

from __future__ import annotations

import pytest
import stripe


def test_the_default_configuration_is_there_when_it_is_needed(account) -> None:
    customer = stripe.Customer.create()
    assert stripe.billing_portal.Configuration.list().data == []
    first = stripe.billing_portal.Session.create(customer=customer.id, return_url="https://a.b/")
    second = stripe.billing_portal.Session.create(customer=customer.id)
    default = stripe.billing_portal.Configuration.list(is_default=True).data
    assert [first.configuration] == [second.configuration] == [one.id for one in default]
    assert first.url.startswith("https://billing.stripe.com/p/session/test_")
    assert (first.flow, first.return_url, second.return_url) == (None, "https://a.b/", None)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deactivated"):
        stripe.billing_portal.Configuration.modify(default[0].id, active=False)


def test_a_configuration_keeps_what_is_not_named(account) -> None:
    made = stripe.billing_portal.Configuration.create(
        features={"subscription_cancel": {"enabled": True, "mode": "immediately"}},
        business_profile={"headline": "Mugs"},
        default_return_url="https://a.b/",
        login_page={"enabled": True},
    )
    cancel = made.features.subscription_cancel
    assert (cancel.enabled, cancel.mode, cancel.proration_behavior) == (True, "immediately", "none")
    assert not made.features.invoice_history.enabled
    assert made.login_page.url.startswith("https://billing.stripe.com/p/login/test_")
    changed = stripe.billing_portal.Configuration.modify(
        made.id,
        features={"customer_update": {"enabled": True, "allowed_updates": ["email"]}},
        business_profile={"privacy_policy_url": "https://a.b/privacy"},
    )
    assert changed.features.subscription_cancel.mode == "immediately"
    assert changed.features.customer_update.allowed_updates == ["email"]
    assert changed.business_profile.headline == "Mugs"
    assert changed.login_page.url == made.login_page.url
    customer = stripe.Customer.create()
    session = stripe.billing_portal.Session.create(customer=customer.id, configuration=made.id)
    assert session.return_url == "https://a.b/"
    stripe.billing_portal.Configuration.modify(made.id, active=False)
    with pytest.raises(stripe.InvalidRequestError, match="is not active"):
        stripe.billing_portal.Session.create(customer=customer.id, configuration=made.id)
    assert [e["type"] for e in account.events("billing_portal.*")] == [
        "billing_portal.configuration.created", "billing_portal.configuration.updated",
        "billing_portal.session.created", "billing_portal.configuration.updated",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Missing required param: customer"),
        ({"customer": "cus_x"}, "No such customer: 'cus_x'"),
        ({"customer": None, "configuration": "bpc_x"}, "No such configuration: 'bpc_x'"),
        (
            {"customer": None, "flow_data": {"type": "subscription_cancel"}},
            r"Missing required param: flow_data\[subscription_cancel\]",
        ),
        (
            {
                "customer": None,
                "flow_data": {
                    "type": "payment_method_update",
                    "after_completion": {"type": "redirect"},
                },
            },
            r"flow_data\[after_completion\]\[redirect\]",
        ),
    ],
)
def test_a_session_that_cannot_be_is_refused(account, params, message) -> None:
    if "customer" in params and params["customer"] is None:
        params = {**params, "customer": stripe.Customer.create().id}
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.billing_portal.Session.create(**params)
    assert account.events("billing_portal.session.created") == []


def test_a_flow_leads_somewhere(account) -> None:
    session = stripe.billing_portal.Session.create(
        customer=stripe.Customer.create().id,
        flow_data={
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": "https://a.b/"}},
        },
    )
    assert session.flow.type == "payment_method_update"
    assert session.flow.after_completion.redirect.return_url == "https://a.b/"
    assert session.flow.subscription_cancel is None
