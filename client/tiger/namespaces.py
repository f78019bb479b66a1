"""Namespaces by name: the one that is meant, and accounts, under names that nobody else has.

An account is a namespace that passes: a sandbox, a fork, or a test's. Its name tells, so a process
that finds it in `TIGERD_NAMESPACE` knows as well as the one that made it.
"""

from __future__ import annotations

import re

from tiger.system import os, secrets

_UNIQUE = re.compile(r"-[0-9a-f]{16}\Z")


def namespace_name(namespace: str | None) -> str:
    """Return the namespace's name: the argument, `TIGERD_NAMESPACE`, or "global"."""
    if namespace is not None:
        return namespace
    return os.environ.get("TIGERD_NAMESPACE") or "global"


def unique(start: str) -> str:
    """Return a name that no namespace has, for an account."""
    return f"{start}-{secrets.token_hex(8)}"


def is_unique(name: str) -> bool:
    """Tell whether `unique` made a name."""
    return _UNIQUE.search(name) is not None
