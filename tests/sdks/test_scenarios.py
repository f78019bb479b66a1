"""What applications do with the official SDK, as it is done with each major since 8.

Nothing here asks for the SDK's version; what a major does not have yet is looked for by its name.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
import stripe

SINCE_ASYNC = pytest.mark.skipif(
    not hasattr(stripe.Customer, "create_async"), reason="this SDK has no async calls"
)
CLIENT_BEFORE = stripe.StripeClient("sk_test_before")
"""A client that an application makes when it is imported, before any test."""


def services(client: stripe.StripeClient) -> Any:
    """What has the services of the v1 API: newer SDKs have them under a name of their own."""
    return getattr(client, "v1", client)


def style_of_modules(account: Any) -> Any:
    return stripe.Customer.create(name="Jane", metadata={"a": "b"})


def style_of_old_clients(account: Any) -> Any:
    return services(CLIENT_BEFORE).customers.create({"name": "Jane", "metadata": {"a": "b"}})


def style_of_new_clients(account: Any) -> Any:
    client = stripe.StripeClient("sk_test_new")
    return services(client).customers.create({"name": "Jane", "metadata": {"a": "b"}})


def style_of_clients_of_the_account(account: Any) -> Any:
    return services(account.client()).customers.create({"name": "Jane", "metadata": {"a": "b"}})


@pytest.mark.parametrize(
    "create",
    [
        style_of_modules,
        style_of_old_clients,
        style_of_new_clients,
        style_of_clients_of_the_account,
    ],
)
def test_all_styles_reach_the_account(account, create) -> None:
    made = create(account)
    assert isinstance(made, stripe.Customer)
    assert (made.name, made.metadata["a"], made.livemode) == ("Jane", "b", False)
    assert account.store.customers.get(made.id)["name"] == "Jane"
    assert made.last_response.code == 200
    assert made.last_response.request_id.startswith("req_")


def test_an_object_from_its_creation_to_its_end(account) -> None:
    made = stripe.Customer.create(name="Jane", email="jane@example.com")
    stripe.Customer.modify(made.id, name="Joe", metadata={"plan": "gold"})
    again = stripe.Customer.retrieve(made.id)
    assert (again.name, again.metadata["plan"]) == ("Joe", "gold")
    again.refresh()
    assert stripe.Customer.delete(made.id).deleted
    assert stripe.Customer.retrieve(made.id).deleted
    told = [event["type"] for event in account.events()]
    assert told == ["customer.created", "customer.updated", "customer.deleted"]


def test_nested_parameters_and_expansion(account) -> None:
    product = stripe.Product.create(name="Tea", default_price_data={"currency": "eur"} | AMOUNT)
    price = stripe.Price.create(
        product=product.id,
        currency="eur",
        billing_scheme="tiered",
        tiers_mode="graduated",
        recurring={"interval": "month", "usage_type": "licensed"},
        tiers=[{"up_to": 5, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 50}],
    )
    found = stripe.Price.retrieve(price.id, expand=["product.default_price", "tiers"])
    assert found.product.default_price.unit_amount == 900
    assert [tier.unit_amount for tier in found.tiers] == [100, 50]


AMOUNT = {"unit_amount": 900}


def test_lists_are_paged_by_the_sdk(account) -> None:
    for number in range(7):
        stripe.Customer.create(name=str(number))
    page = stripe.Customer.list(limit=3)
    assert page.has_more
    assert [customer.name for customer in page] == ["6", "5", "4"]
    assert [c.name for c in page.auto_paging_iter()] == list("6543210")
    last = stripe.Customer.list(limit=3, ending_before=page.data[-1].id)
    assert [customer.name for customer in last] == ["6", "5"]
    client = services(account.client())
    assert len([*client.customers.list({"limit": 2}).auto_paging_iter()]) == 7
    assert page.next_page().data[0].name == "3"


def test_search(account) -> None:
    stripe.Customer.create(name="Jane", email="jane@example.com")
    stripe.Customer.create(name="Joe", email="joe@example.com")
    found = stripe.Customer.search(query="email:'joe@example.com'")
    assert [customer.name for customer in found.auto_paging_iter()] == ["Joe"]


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda: stripe.Customer.retrieve("cus_no"), stripe.InvalidRequestError, 404),
        (lambda: stripe.Price.create(currency="eur"), stripe.InvalidRequestError, 400),
        (lambda: stripe.Customer.create(nam="x"), stripe.InvalidRequestError, 400),
        (lambda: stripe.Customer.list(api_key="sk_live_x"), stripe.AuthenticationError, 401),
        (stripe.climate.Order.list, stripe.APIError, 501),
    ],
)
def test_errors_are_the_sdks(account, call, kind, said) -> None:
    with pytest.raises(kind) as raised:
        call()
    assert raised.value.http_status == said
    assert raised.value.user_message


def test_a_payment_is_made_declined_and_refunded(account) -> None:
    params = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method_types": ["card"]}
    for _ in range(2):  # the answer to a decline is kept
        with pytest.raises(stripe.CardError) as declined:
            stripe.PaymentIntent.create(
                **params, payment_method="pm_card_chargeDeclined", idempotency_key="k"
            )
    assert (declined.value.code, declined.value.http_status) == ("card_declined", 402)
    assert declined.value.error.decline_code == "generic_decline"
    assert declined.value.error.payment_intent.status == "requires_payment_method"
    intent = stripe.PaymentIntent.create(**params, payment_method="pm_card_visa")
    assert stripe.Refund.create(payment_intent=intent.id, amount=500).status == "succeeded"
    assert len(stripe.Charge.list().data) == 2
    assert stripe.Balance.retrieve().pending[0].amount == 1912


def test_idempotency_keys(account) -> None:
    first = stripe.Customer.create(name="Jane", idempotency_key="k")
    assert stripe.Customer.create(name="Jane", idempotency_key="k").id == first.id
    with pytest.raises(stripe.IdempotencyError):
        stripe.Customer.create(name="Joe", idempotency_key="k")
    assert account.store.customers.count() == 1


def test_the_sdk_tries_again(account, monkeypatch) -> None:
    monkeypatch.setattr(stripe, "max_network_retries", 2)
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_: 0)
    account.fail_next("POST /v1/customers", status=503, retry=True)
    account.fail_next("POST /v1/customers", lost="answer", retry=True)
    stripe.Customer.create(name="Jane")
    assert account.store.customers.count() == 1
    account.fail_next("POST /v1/customers", status=503, times=2)
    with pytest.raises(stripe.APIError):
        stripe.Customer.create(name="Jane")
    assert [fault["times"] for fault in account.waiting_faults()] == [1]


@SINCE_ASYNC
def test_async_calls(account, monkeypatch) -> None:
    async def slept(*_: object) -> None:
        pass

    monkeypatch.setattr("tigerstripe.transport.Transport.sleep_async", slept)

    async def use() -> None:
        made = await stripe.Customer.create_async(name="Jane")
        await services(CLIENT_BEFORE).customers.create_async({"name": "Joe"})
        await stripe.Customer.modify_async(made.id, name="Jill")
        page = await stripe.Customer.list_async(limit=1)
        assert [c.name async for c in page.auto_paging_iter()] == ["Joe", "Jill"]
        with pytest.raises(stripe.InvalidRequestError):
            await stripe.Customer.retrieve_async("cus_no")
        monkeypatch.setattr(stripe, "max_network_retries", 1)
        account.fail_next("GET /v1/customers", lost="request", retry=True)
        assert len((await stripe.Customer.list_async()).data) == 2

    asyncio.run(use())


def test_webhooks_are_signed_as_the_sdk_checks_it(account) -> None:
    endpoint = stripe.WebhookEndpoint.create(
        url="https://shop.example.com/hooks", enabled_events=["customer.created"]
    )
    stripe.Customer.create(name="Jane")
    got = []

    def shop(path: str, headers: Any, body: bytes) -> int:
        signature = {k.lower(): v for k, v in dict(headers).items()}["stripe-signature"]
        got.append(stripe.Webhook.construct_event(body, signature, endpoint.secret))
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, "whsec_other")
        return 200

    account.deliver(shop)
    assert [(event.type, event.data.object.name) for event in got] == [("customer.created", "Jane")]


def test_files_and_streams_that_are_not_built_are_told_so(account) -> None:
    with pytest.raises(stripe.APIError, match="does not have POST /v1/files"):
        stripe.File.create(purpose="dispute_evidence", file=io.BytesIO(b"text"))
    with pytest.raises(stripe.APIError, match="does not have GET /v1/quotes"):
        stripe.Quote.pdf("qt_1")


def test_a_connected_account(account) -> None:
    other = stripe.Account.create(type="standard", email="shop@example.com")
    made = stripe.Customer.create(name="Jane", stripe_account=other.id)
    assert [c.id for c in stripe.Customer.list(stripe_account=other.id)] == [made.id]
    assert [*stripe.Customer.list()] == []
