"""Decisions of buyers and banks, made by a test; each is a work of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tigerstripe import arguments
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.payments import confirming, moves
from tigerstripe.payments.using import shown
from tigerstripe.records import Record
from tigerstripe.work import acting
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

Act = Callable[[Work, Record], Any]
"""Does something to an object that is there."""

KINDS = {
    "ch": "charge",
    "du": "dispute",
    "pi": "payment_intent",
    "po": "payout",
    "py": "charge",
    "pyr": "refund",
    "re": "refund",
    "seti": "setup_intent",
    "tu": "topup",
}
"""The object of an id, by its prefix."""

UNDER_WAY: dict[str, tuple[str, ...]] = {
    "payment_intent": ("processing",),
    "payout": ("pending",),
    "refund": ("pending", "requires_action", "succeeded"),
    "topup": ("pending",),
}
"""The states in which a bank has something to decide."""


def authenticate(scope: Scope, log: Log, thing: Any, *, succeed: bool) -> Record:
    """Let a buyer authenticate a payment or setup intent; raises ValueError if none waits."""

    def act(work: Work, intent: Record) -> Any:
        return moves.of(intent).authenticate(work, intent, succeed=succeed)

    return _done(scope, log, thing, ("payment_intent", "setup_intent"), act, "authenticate")


def dispute(
    scope: Scope, log: Log, thing: Any, *, reason: str, amount: int | None, is_inquiry: bool
) -> Record:
    """Let a buyer question a charge; raises ValueError if it took no money, or is disputed."""
    disputes = registry.need("dispute")
    arguments.known("reason", reason, disputes.reasons)

    def act(work: Work, record: Record) -> Any:
        charge = record
        if record["object"] == "payment_intent":
            charge = work.get("charges", record["latest_charge"] or "") or record
        if charge["object"] != "charge" or not (charge["paid"] and charge["captured"]):
            raise Refused(f"{record['id']} has taken no money that could be disputed.")
        if charge["disputed"]:
            raise Refused(f"{charge['id']} is disputed already: {charge['dispute']}.")
        if amount is not None:
            arguments.whole("amount", amount, 1, charge["amount_captured"])
        return disputes.open(work, charge, reason=reason, amount=amount, is_inquiry=is_inquiry)[1]

    return _done(scope, log, thing, ("charge", "payment_intent"), act, "dispute")


def settle(
    scope: Scope, log: Log, thing: Any, *, succeed: bool | None, failure: str | None
) -> Record:
    """Let a bank decide what waits for it; raises ValueError if nothing does."""

    def act(work: Work, record: Record) -> Any:
        kind = record["object"]
        resource = registry.need(kind)
        if failure is not None:
            _check_failure(resource, succeed, failure)
        if kind == "dispute":
            return _decided(work, resource, record, succeed is not False)
        if record["status"] not in UNDER_WAY[kind]:
            raise Refused(f"{record['id']} waits for no bank: it is {record['status']}.")
        if kind == "payment_intent":
            return confirming.settle(work, record, succeed=succeed, failure=failure)
        if record["status"] == "succeeded" and succeed is not False and failure is None:
            raise Refused(f"{record['id']} has succeeded already: succeed=False sends it back.")
        if record["status"] == "succeeded" and record["balance_transaction"] is None:
            raise Refused(f"{record['id']} only released what was held: nothing can come back.")
        fails = succeed is False or failure is not None
        resource.settle(work, record, succeed=not fails, failure=failure)
        return work.get(resource.table, record["id"])

    return _done(scope, log, thing, ("dispute", *UNDER_WAY), act, "settle")


def _check_failure(resource: Any, succeed: bool | None, failure: str) -> None:
    if succeed:
        raise ValueError(f"succeed={succeed}, failure={failure!r}: leave out one of them")
    arguments.known("failure", failure, resource.failures)


def _decided(work: Work, disputes: Any, dispute: Record, is_won: bool) -> Any:
    """Decide a dispute; an inquiry is closed, or becomes a chargeback."""
    if not dispute["status"].endswith(("needs_response", "under_review")):
        raise Refused(f"{dispute['id']} is decided already: it is {dispute['status']}.")
    is_inquiry = dispute["status"].startswith("warning_")
    return disputes.settle(
        work, dispute, "won" if is_won else "escalated" if is_inquiry else "lost"
    )


def _done(
    scope: Scope, log: Log, thing: Any, kinds: tuple[str, ...], act: Act, call: str
) -> Record:
    """Carry out an act on an object, or on the object of an id; return the result."""
    id = thing if isinstance(thing, str) else str(thing["id"])
    kind = KINDS.get(id.partition("_")[0], "")
    if kind not in kinds:
        raise ValueError(f"{call}: expected the id of a {' or '.join(kinds)}, got {id!r}")
    table = registry.need(kind).table

    def do(work: Work) -> Record:
        record = work.get(table, id)
        if record is None:
            raise ValueError(f"{call}: the account has no {kind} {id}")
        return shown(act(work, record))

    try:
        return acting.act(scope.owner_of(table, id), log, do)
    except Refused as refused:
        raise ValueError(f"{call}: {refused}") from None
