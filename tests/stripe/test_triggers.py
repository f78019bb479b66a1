"""Each recipe leads to its event, and there is one for each event that resources tell of."""

from __future__ import annotations

from typing import Any

import pytest

import tiger
from tigerstripe import recipes, registry, triggers


@pytest.mark.parametrize("event", sorted(recipes.RECIPES))
def test_a_recipe_leads_to_its_event(account, event) -> None:
    happened = triggers.trigger(account, event)
    assert event in [one["type"] for one in happened]
    assert triggers.trigger(account, event)  # again is fine


def test_each_resource_that_tells_of_its_objects_has_recipes() -> None:
    for name in registry.MODULES:
        resource = registry.need(name)
        if resource.event is None:
            continue
        told = {f"{resource.event}.{verb}" for verb in ("created", "updated", "deleted")}
        assert told & {*recipes.RECIPES} or not told & _known_events(), name


def _known_events() -> set[str]:
    """The types that an endpoint can ask for."""
    from tigerstripe.facts import facts

    kind: Any = facts().parameters("POST /v1/webhook_endpoints").fields["enabled_events"].kind
    return {*kind.of.values}


def test_a_request_that_is_refused_is_told(account) -> None:
    account.fail_next("POST /v1/products", status=429, code="rate_limit")
    with pytest.raises(tiger.InvalidRequest, match="POST /v1/products: answered with 429"):
        triggers.trigger(account, "product.created")
