"""Each recipe leads to its event, and there is one for each event that resources tell of."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

import tiger
from tigerstripe.objects import registry
from tigerstripe.triggers import fixtures, recipes, trigger


@pytest.mark.parametrize("event", sorted(recipes.RECIPES))
def test_a_recipe_leads_to_its_event(account, event) -> None:
    happened = trigger.trigger(account, event)
    assert event in [one["type"] for one in happened]
    assert trigger.trigger(account, event)  # may be repeated


def test_each_resource_that_tells_of_its_objects_has_recipes() -> None:
    for name in registry.MODULES:
        resource = registry.need(name)
        if resource.event is None:
            continue
        told = {f"{resource.event}.{verb}" for verb in ("created", "updated", "deleted")}
        assert told & {*recipes.RECIPES} or not told & _known_events(), name


def _known_events() -> set[str]:
    """The types that an endpoint can ask for."""
    from tigerstripe.facts.table import facts

    kind: Any = facts().parameters("POST /v1/webhook_endpoints").fields["enabled_events"].kind
    return {*kind.of.values}


def test_a_request_that_is_refused_is_told(account) -> None:
    account.fail_next("POST /v1/products", status=429, code="rate_limit")
    with pytest.raises(tiger.InvalidRequest, match="POST /v1/products: answered with 429"):
        trigger.trigger(account, "product.created")


def fixture(path: str, name: str = "", **params: Any) -> dict[str, Any]:
    """A request as Stripe's CLI makes it: without a version."""
    return {"path": path, "method": "post", "params": params, **({"name": name} if name else {})}


def test_requests_without_a_version_may_be_of_old_ones(account) -> None:
    cash = "payment_method_options[customer_balance]"
    paid = {"amount": 3000, "currency": "usd", "payment_method": "pm_card_bypassPending"}
    answers = fixtures.run(account, {"fixtures": [
        fixture("/v1/customers", "customer"),
        fixture("/v1/payment_intents", "intent", **{
            "amount": 20000, "currency": "jpy", "customer": "${customer:id}", "confirm": "true",
            "payment_method_types[]": "customer_balance",
            "payment_method_data[type]": "customer_balance",
            f"{cash}[funding_type]": "bank_transfer",
            f"{cash}[bank_transfer][type]": "jp_bank_account",
        }),
        fixture("/v1/accounts", "account"),
        fixture("/v1/payment_intents", "paid", confirm="true", **paid),
        fixture(
            "/v1/transfers", "transfer", destination="${account:id}", amount=1000, currency="usd"
        ),
    ]})  # fmt: skip
    options = answers["intent"]["payment_method_options"]["customer_balance"]
    assert options["bank_transfer"]["type"] == "jp_bank_transfer"
    assert answers["account"]["capabilities"] == {"legacy_payments": "active"}
    assert answers["transfer"]["destination"] == answers["account"]["id"]


def test_those_with_a_version_may_not(account) -> None:
    shop = stripe.Account.create()
    assert shop.capabilities.to_dict() == {}
    bank = {"funding_type": "bank_transfer", "bank_transfer": {"type": "jp_bank_account"}}
    with pytest.raises(stripe.InvalidRequestError, match="must be one of"):
        stripe.PaymentIntent.create(
            amount=20000,
            currency="jpy",
            customer=stripe.Customer.create().id,
            payment_method_options={"customer_balance": bank},
        )
