"""Triggering an event, for `tigerd stripe trigger`: its recipe is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tigerstripe.records import Record
from tigerstripe.triggers import fixtures
from tigerstripe.triggers.recipes import RECIPES
from tigerstripe.triggers.steps import Step

if TYPE_CHECKING:
    from tigerstripe.account import Account


def trigger(account: Account, type: str) -> list[Record]:
    """Carry out the recipe of an event; return the events that happened, oldest first.

    Raises `tiger.InvalidRequest` if a request is refused, say by a fault that was asked for.
    """
    before = {event["id"] for event in _events(account)}
    requests = [_fixture(step) for step in RECIPES[type] if isinstance(step, Step)]
    answers = fixtures.run(account, {"fixtures": requests}, type)
    for act in RECIPES[type]:
        if not isinstance(act, Step):
            act(account, answers)
    return [event for event in _events(account) if event["id"] not in before]


def _fixture(step: Step) -> Record:
    method, _, path = step.operation.partition(" ")
    made = {"method": method.lower(), "path": path, "params": step.params, "version": step.version}
    if step.error is not None:
        made["expected_error_type"] = step.error
    return {**made, "name": step.name} if step.name else made


def _events(account: Account) -> list[Record]:
    """Return the events of an account, and then those of the accounts connected to it."""
    scope = account.engine.account(account.name)[0]
    found = account.events()
    for connected in scope.table("accounts"):
        found += [*scope.inside(connected["id"]).table("events")][::-1]
    return found
