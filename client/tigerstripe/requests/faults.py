"""Faults on request: the next requests of an account fail, or are slow.

The faults wait in the account's state (`settings`), so all its processes see them, a fork inherits
them and a savepoint restores them. A request takes its faults by a guarded write: if two processes
make the same request at once, only one of them meets a fault that was asked for once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tigerstripe import arguments
from tigerstripe.errors import INVALID_REQUEST, Refused
from tigerstripe.facts.kinds import Enum, Obj
from tigerstripe.facts.table import facts
from tigerstripe.payments import testing_cards
from tigerstripe.records import Record
from tigerstripe.requests.routes import route
from tigerstripe.work import settings
from tigerstripe.work.scope import Scope

LOST = 0
"""The status of an answer that never comes: the connection is closed instead."""

CARD_CODES = {
    "authentication_required", "card_declined", "expired_card", "incorrect_cvc", "incorrect_number",
    "insufficient_funds", "processing_error",
}  # fmt: skip
"""Codes whose default status is 402."""

STATUSES = {"rate_limit": 429, "lock_timeout": 429, "resource_missing": 404}
"""Other codes whose status is not 400."""

TYPES = {402: "card_error", 409: "idempotency_error"}
"""Types of errors by status; those of 500 and more are `api_error`, others are of the request."""

OTHER_CODES = {
    "application_fee_already_refunded", "checkout_amount_mismatch", "invalid_bank_account_iban",
    "insufficient_capabilities_for_transfer", "transfer_already_reversed",
}  # fmt: skip
"""Codes that Stripe answers with, and the table of facts does not have."""

PARTS = ("request", "answer")
"""The parts that a lost connection may lose: the request, before it is done, or the answer."""


class Met(NamedTuple):
    """The faults that a request meets."""

    delay_s: float
    failure: Record | None


NOTHING = Met(0.0, None)


def fail(
    match: str,
    status: int | None,
    code: str | None,
    times: int,
    lost: str | None,
    retry: bool,
    error: Record,
) -> Record:
    """Return a failure that waits for a request; raises ValueError for wrong arguments."""
    if lost is not None:
        if lost not in PARTS:
            raise ValueError(f"lost={lost!r}: use 'request' or 'answer'")
        if status is not None or code is not None or error:
            raise ValueError(f"lost={lost!r} has no answer: leave out status, code and the rest")
        status = LOST
    elif status is None:
        is_card = code in CARD_CODES or "decline_code" in error
        status = 402 if is_card else STATUSES.get(code, 400) if code else 500
    else:
        arguments.whole("status", status, 400, 599)
    _check(code, error)
    return {
        "code": code or {429: "rate_limit", 402: "card_declined"}.get(status),
        "error": error,
        "lost": lost,
        "match": _checked(match),
        "retry": bool(retry),
        "status": status,
        "times": _times(times),
    }


def delay(match: str, seconds: float, times: int) -> Record:
    """Return a delay that waits for a request; raises ValueError for wrong arguments."""
    if not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        raise ValueError(f"seconds={seconds!r}: use a number above 0")
    return {"delay_s": float(seconds), "match": _checked(match), "times": _times(times)}


def _times(times: int) -> int:
    arguments.whole("times", times, 1)
    return times


def _check(code: str | None, error: Record) -> None:
    """Raise ValueError for codes and members of errors that Stripe does not have."""
    of_error = facts().fields("payment_intent").fields["last_payment_error"].kind
    assert isinstance(of_error, Obj)
    codes, types = (of_error.fields[name].kind for name in ("code", "type"))
    assert isinstance(codes, Enum)
    assert isinstance(types, Enum)
    if code is not None:
        arguments.known("code", code, codes.values | OTHER_CODES)
    for name in error:
        arguments.known("member", name, of_error.fields.keys() - {"code"})
    if "type" in error:
        arguments.known("type", error["type"], types.values)
    if "decline_code" in error:
        arguments.known("decline_code", error["decline_code"], testing_cards.DECLINES)


def _checked(match: str) -> str:
    """Return a pattern that fits some request of Stripe's API; raises ValueError otherwise."""
    method, _, path = match.partition(" ")
    if not re.fullmatch(r"[A-Z]+|\*", method) or not path.startswith("/"):
        raise ValueError(
            f"{match!r}: use a method and a path, as in 'POST /v1/customers' or '* /v1/customers/*'"
        )
    if "*" not in match:
        try:
            route(method, path)
        except Refused as refused:
            raise ValueError(f"{match!r}: {refused}") from None
    return match


@lru_cache(maxsize=256)
def _fits(match: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression: `*` is anything, `{id}` one part of a path."""
    parts = re.split(r"(\*|\{\w+\})", match)
    return re.compile(
        "".join(".*" if p == "*" else "[^/]+" if p[:1] == "{" else re.escape(p) for p in parts)
    )


def add(scope: Scope, fault: Record) -> None:
    """Add a fault behind those that wait already."""
    settings.change_state(scope, lambda state: {"faults": [*state["faults"], fault]})


def waiting(scope: Scope) -> list[Record]:
    """Return the faults that still wait for a request."""
    found: list[Record] = settings.state(scope)["faults"]
    return found


def meet(scope: Scope, state: Record, method: str, path: str) -> Met:
    """Take the first failure and the first delay that fit a request, and return them.

    `state` is the account's state as the request has read it.
    """
    if not state["faults"]:
        return NOTHING
    met: dict[bool, Record] = {}

    def take(state: Record) -> Record:
        met.clear()
        for fault in state["faults"]:
            if _fits(fault["match"]).fullmatch(f"{method} {path}"):
                met.setdefault("delay_s" in fault, fault)
        left = [_less(f) if any(f is m for m in met.values()) else f for f in state["faults"]]
        return {"faults": [fault for fault in left if fault["times"]]}

    settings.change_state(scope, take)
    delayed = met.get(True)
    return Met(delayed["delay_s"] if delayed else 0.0, met.get(False))


def _less(fault: Record) -> Record:
    return {**fault, "times": fault["times"] - 1}


def decline(failure: Record) -> str | None:
    """Return the reason why the bank declines the request's payment; None if it does not."""
    code = failure["error"].get("decline_code")
    is_plain = failure["status"] == 402 and set(failure["error"]) == {"decline_code"}
    return code if is_plain else None


def refusal(failure: Record) -> Refused:
    """Return the error that a failure is answered with."""
    status, headers = failure["status"], {"stripe-should-retry": str(failure["retry"]).lower()}
    reason = decline(failure)
    if reason is not None:
        return Refused(**testing_cards.members(reason), headers=headers)
    message = f"This failure was asked for: fail_next({failure['match']!r})."
    error = {"message": message, "type": _type_of(status), **failure["error"]}
    code = failure["code"]
    if status == 402 and code == "card_declined":
        error.setdefault("decline_code", "generic_decline")
    elif code == "insufficient_funds":  # Stripe has it as a reason to decline
        code, error["decline_code"] = "card_declined", code
    return Refused(status=status, code=code, headers=headers, **error)


def _type_of(status: int) -> str:
    return "api_error" if status >= 500 else TYPES.get(status, INVALID_REQUEST)
