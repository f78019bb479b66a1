"""API versions: which one a request asks for, and how an answer looks in it.

Records are kept in the shape of the newest version. A release that moved or renamed fields is a
list of changes here: functions that turn an object back into the shape before it. Fields that were
only added have a mark in the table of facts, and are left out of the versions before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from tigerstripe.errors import Refused
from tigerstripe.facts import facts
from tigerstripe.kinds import Empty, Field, Obj, Str, Union

Record = dict[str, Any]
Change = Callable[[Record], None]
"""Turns an object, in place, into the shape that it had before a release."""

OLDEST = "2025-03-31.basil"
"""The oldest version that has its own answers; older ones are answered as this."""

_version = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z]+)?(; *[a-z_]+=v\d+)*\Z").match


def newest() -> str:
    """Return the version of a request that names none."""
    return facts().versions[-1]


@lru_cache(maxsize=256)
def asked(header: str) -> str:
    """Return the version that a `Stripe-Version` header asks for; raises `Refused` if none is."""
    found = _version(header)
    if not found:
        raise Refused(f"Invalid Stripe API version: {header}")
    return found[1] + (found[2] or "")


def notice(version: str) -> str | None:
    """Return what to say once of a version older than any that has its own answers."""
    if version >= OLDEST:
        return None
    return f"tigerstripe answers API version {version} as {OLDEST}, the oldest it knows."


# --- What each release changed --------------------------------------------------------------------


def _coupon_of_promotion_code(code: Record) -> None:
    promotion = code.pop("promotion", None)
    code["coupon"] = promotion["coupon"] if promotion else None


def _coupon_of_discount(discount: Record) -> None:
    source = discount.pop("source", None)
    discount["coupon"] = source["coupon"] if source else None


_UI_MODES = {"elements": "custom", "embedded_page": "embedded", "hosted_page": "hosted"}


def _ui_mode_of_session(session: Record) -> None:
    session["ui_mode"] = _UI_MODES.get(session["ui_mode"], session["ui_mode"])


def _options_of_intent(intent: Record) -> None:
    options = intent["payment_method_options"].get("us_bank_account")
    if options is not None:
        options.pop("transaction_purpose", None)


RELEASES: dict[str, dict[str, Change]] = {
    "2025-09-30.clover": {
        "promotion_code": _coupon_of_promotion_code,
        "discount": _coupon_of_discount,
    },
    "2026-01-28.clover": {
        "payment_intent": _options_of_intent,
    },
    "2026-03-25.dahlia": {
        "checkout.session": _ui_mode_of_session,
    },
}
"""By release, and by the `object` that it changed; oldest first."""


def _text() -> Union:
    return Union([Empty(), Str()])


_DISCOUNT = {name: Field(_text, False, False, -1, -1) for name in ("coupon", "promotion_code")}
PARAMETERS_BEFORE: dict[str, dict[str, dict[str, Field]]] = {
    "2025-03-31.basil": {
        "POST /v1/customers": _DISCOUNT,
        "POST /v1/customers/{customer}": _DISCOUNT,
    },
}
"""By release, the parameters that it took from an operation, and no SDK of the table has."""


@lru_cache(maxsize=256)
def parameters_before(operation: str, version: str) -> dict[str, Field]:
    """Return the parameters that an operation had in an older version alone."""
    found: dict[str, Field] = {}
    for release, taken in PARAMETERS_BEFORE.items():
        if version < release:
            found.update(taken.get(operation, {}))
    return found


EXPANDED_BEFORE: dict[str, dict[str, tuple[str, ...]]] = {
    "2025-09-30.clover": {
        "promotion_code": ("promotion.coupon",),
        "discount": ("source.coupon",),
    },
}
"""What was a whole object until a release, and is an id since: expanded in older versions."""


@lru_cache(maxsize=64)
def changes_since(version: str) -> dict[str, list[Change]]:
    """Return what to do to objects for an older version, newest release first."""
    found: dict[str, list[Change]] = {}
    for release in reversed(RELEASES):
        if version < release:
            for name, change in RELEASES[release].items():
                found.setdefault(name, []).append(change)
    return found


SINCE = {
    "allowed_payment_method_types": "2026-07-29.dahlia",
    "balance_type": "2025-08-27.basil",
    "customer_account": "2025-11-17.clover",
    "excluded_payment_method_types": "2025-09-30.clover",
    "integration_identifier": "2026-03-25.dahlia",
    "managed_payments": "2026-04-22.dahlia",
    "payment_record": "2026-08-26.dahlia",
    "quantity_decimal": "2026-03-25.dahlia",
    "refund.customer_account": "2026-06-24.dahlia",
    "shared_payment_granted_token": "2026-04-22.dahlia",
    "specified_commercial_transactions_act_url": "2026-03-25.dahlia",
    "subtotal": "2025-12-15.clover",
}
"""Fields that answers had before an SDK of the table knew them, and the version of that time; some
of one object alone."""


UNLISTED = {
    "balance_transaction": ("balance_type",),
    "payment_intent": ("excluded_payment_method_types", "shared_payment_granted_token"),
    "payment_method": ("shared_payment_granted_token",),
}
"""Fields that answers have, of the time in `SINCE`, though no SDK's object has them."""


@lru_cache(maxsize=1024)
def later_fields(version: str, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the fields of an object that a version does not have yet."""
    try:
        listed = tuple(_later(version, facts().fields(name), name))
    except KeyError:
        return ()
    return listed + tuple((field,) for field in UNLISTED.get(name, ()) if version < SINCE[field])


def _later(version: str, kind: Obj, of: str) -> Iterator[tuple[str, ...]]:
    for name, field in kind.fields.items():
        known = SINCE.get(name, facts().versions[field.since])
        if field.since > 0 and version < SINCE.get(f"{of}.{name}", known):
            yield (name,)
        elif isinstance(field.kind, Obj):
            yield from ((name, *path) for path in _later(version, field.kind, of))


@lru_cache(maxsize=64)
def expanded_before(version: str) -> dict[str, tuple[str, ...]]:
    """Return the paths, by object, that an older version has as whole objects."""
    found: dict[str, tuple[str, ...]] = {}
    for release, paths in EXPANDED_BEFORE.items():
        if version < release:
            found.update(paths)
    return found


def back(value: Any, version: str) -> None:
    """Turn an answer, in place, into the shape of an older version.

    An event tells of its object in a version of its own, whatever a request asks for.
    """
    if isinstance(value, list):
        for item in value:
            back(item, version)
    elif isinstance(value, dict):
        name = value.get("object")
        for field, item in value.items():
            if isinstance(item, (dict, list)) and field != "metadata" and name != "event":
                back(item, version)
        if isinstance(name, str):
            for change in changes_since(version).get(name, ()):
                change(value)
            for path in later_fields(version, name):
                _remove(value, path)


def _remove(value: Any, path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        value = value.get(step)
        if not isinstance(value, dict):
            return
    value.pop(path[-1], None)
