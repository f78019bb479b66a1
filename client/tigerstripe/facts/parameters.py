"""The parameters of a request, each in its type; the worst problem is refused."""

from __future__ import annotations

from tigerstripe import keys
from tigerstripe.facts import versions
from tigerstripe.facts.kinds import Faults, Field, Obj, Str
from tigerstripe.facts.table import facts
from tigerstripe.records import Record

CLIENT_SECRET = Field(Str, False, False, -1, -1)
"""A parameter that few SDKs have, since they are for servers: pages and apps send it."""


def checked(operation: str, params: Record, version: str) -> Record:
    """Return an operation's parameters in their types.

    Raises `Refused` for unknown names, else for the first wrong type, else for the first missing
    parameter. `version` is "" for a request without one.
    """
    faults = Faults()
    older = versions.parameters_before(operation, version)
    if not version:
        params = versions.in_words_of_now(operation, params)
    if operation in keys.OF_CLIENTS and "client_secret" in params:
        older = {**older, "client_secret": CLIENT_SECRET}
    if older:
        given = {name: params[name] for name in older if name in params}
        params = {name: value for name, value in params.items() if name not in older}
    typed = facts().parameters(operation).read(params, "", faults)
    if older:
        typed.update(Obj(older).read(given, "", faults))
    worst = faults.worst()
    if worst is not None:
        raise worst
    return typed
