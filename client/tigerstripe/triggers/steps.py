"""The steps of recipes: requests, and actions of the buyer, the bank or time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tigerstripe.objects import due
from tigerstripe.records import Record

if TYPE_CHECKING:
    from tigerstripe.account import Account


class Step(NamedTuple):
    """One request, as `fixtures.run` makes it: `${name:id}` is the id of an earlier answer."""

    operation: str
    params: dict[str, str]
    name: str = ""
    version: str | None = None
    """An older version of the API, for parameters that later ones no longer accept."""
    error: str | None = None
    """The type of the error that is answered; None: there is none."""


Act = Callable[["Account", Record], Any]
"""An action that is no request: it gets the account and the answers by their names."""


def settled(name: str, succeed: bool | None = None) -> Act:
    """Return the action of the bank deciding about the object in an answer."""
    return lambda account, answers: account.settle(answers[name], succeed)


def happened(name: str) -> Act:
    """Return an action of time: run the entry of the object in an answer now."""

    def act(account: Account, answers: Record) -> None:
        due.run_now(*account.engine.account(account.name), answers[name]["id"])

    return act


def worked_off(account: Account, answers: Record) -> None:
    """Run all entries that are due by now."""
    due.run_until(*account.engine.account(account.name), account.now)


CUSTOMER = Step("POST /v1/customers", {"email": "jane@example.com", "name": "Jane"}, "customer")
PRODUCT = Step("POST /v1/products", {"name": "Mug"}, "product")
MONEY = {"product": "${product:id}", "currency": "usd"}
START = 1_900_000_000
CLOCK = Step("POST /v1/test_helpers/test_clocks", {"frozen_time": str(START)}, "clock")
NOTED = {"metadata[triggered]": "true"}


def attached(method: str) -> Step:
    """Return the request that gives a customer a payment method."""
    customer = {"customer": "${customer:id}"}
    return Step(f"POST /v1/payment_methods/{method}/attach", customer, "method")


def advanced(days: int) -> Step:
    """Return the request that lets so many days pass on a test clock."""
    to = {"frozen_time": str(START + days * 86400)}
    return Step("POST /v1/test_helpers/test_clocks/${clock:id}/advance", to)
