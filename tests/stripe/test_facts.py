"""The table of facts holds itself together; no network."""

from __future__ import annotations

import pytest

from tigerstripe.facts.kinds import Faults, Id, Kind, Obj, Ref, Union
from tigerstripe.facts.table import PATH, Facts, facts


def inside(kind: Kind) -> list[Kind]:
    """The kinds that a kind is made of."""
    if isinstance(kind, Obj):
        return [field.kind for field in kind.fields.values()]
    of = getattr(kind, "of", [])
    return of if isinstance(of, list) else [of]


def test_every_line_can_be_read_and_names_only_what_is_there() -> None:
    table = facts()
    todo = [table.parameters(name) for name in table.operations]
    todo += [table.answer(name) for name in table.operations]
    todo += [table.fields(name) for name in table.resources]
    named: set[str] = set()
    seen: set[int] = set()
    while todo:
        kind = todo.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        todo += inside(kind)
        if isinstance(kind, Ref):
            named.add(kind.to)
        elif isinstance(kind, Id):
            named |= {*kind.to} - {"any"}
    assert named <= {*table.resources}


def test_marks_are_places_in_the_list_of_versions() -> None:
    table = facts()
    assert table.versions == sorted(table.versions)
    for name in table.operations:
        for field in table.parameters(name).fields.values():
            assert -1 <= field.since < len(table.versions)
            assert -1 <= field.until < len(table.versions) - 1


def test_it_has_names_and_no_sentences() -> None:
    for line in PATH.read_text().splitlines():
        assert ". " not in line
        assert line.isascii()


@pytest.mark.parametrize(
    ("operation", "parameter", "since", "until"),
    [
        ("POST /v1/promotion_codes", "promotion", "2025-10-29.clover", None),
        ("POST /v1/promotion_codes", "coupon", None, "2025-08-27.basil"),
        ("POST /v1/payment_intents", "payment_method_types", None, "2026-08-26.dahlia"),
        ("POST /v1/coupons", "percent_off", None, None),
    ],
)
def test_a_parameter_that_came_or_went_is_marked(operation, parameter, since, until) -> None:
    field = facts().parameters(operation).fields[parameter]
    versions = [*facts().versions, None]
    assert (versions[field.since], versions[field.until]) == (since, until)


def test_a_line_is_read_when_it_is_needed() -> None:
    table = Facts("versions = a\nevents = b\nGET /v1/x = (broken\nGET /v1/y = (a!:int) -> y")
    assert table.parameters("GET /v1/y").required == ["a"]


def test_a_kind_that_changed_takes_both() -> None:
    kind = facts().parameters("POST /v1/subscriptions/{subscription_exposed_id}").fields
    anchor = kind["billing_cycle_anchor"].kind
    assert isinstance(anchor, Union)
    for value in ("now", {"type": "now"}):
        faults = Faults()
        assert anchor.read(value, "billing_cycle_anchor", faults) == value
        assert faults.worst() is None
