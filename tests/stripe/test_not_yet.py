"""Parameters that are not built: what is declared is refused, and says so."""

from __future__ import annotations

import re

import pytest

from tigerstripe.errors import Refused
from tigerstripe.facts.table import facts
from tigerstripe.objects import registry
from tigerstripe.requests import not_yet

DECLARED = [(kind, path) for kind in registry.MODULES for path in registry.need(kind).not_yet]


@pytest.mark.parametrize(("kind", "path"), DECLARED)
def test_each_is_a_parameter_of_the_table_and_is_refused(kind, path) -> None:
    operations = [name for name in facts().operations if path in not_yet.parameters(name)]
    own = [each for each in operations if registry.owner(registry.handler(each)).object == kind]
    assert own, f"{kind}.not_yet has {path!r}, which no operation takes"
    with pytest.raises(Refused, match="does not have the parameter") as refused:
        not_yet.check(own[0], given(path))
    assert refused.value.status == 501
    assert refused.value.error["param"] == path.replace("[]", "[0]")


def test_values_that_are_false_empty_or_beside_it_pass() -> None:
    operation = "POST /v1/checkout/sessions"
    not_yet.check(operation, {"automatic_tax": {"enabled": False}, "line_items": [{"quantity": 1}]})
    not_yet.check("GET /v1/checkout/sessions", given("automatic_tax[enabled]"))
    not_yet.check("POST /v1/payment_intents", given("automatic_tax[enabled]"))


def given(path: str) -> dict:
    """Return parameters with something at a path."""
    value = True
    for step in reversed(re.split(r"\[", path.replace("]", ""))):
        value = {step: value} if step else [value]
    return value
