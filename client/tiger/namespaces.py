"""Names of namespaces: the default, and unique ones for accounts.

An account is a namespace that is cleared after use: a sandbox, a fork, or a test's. It can be
recognized by its name, so a process that finds the name in `TIGERD_NAMESPACE` knows it too.
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
    """Return a unique name for an account."""
    return f"{start}-{secrets.token_hex(8)}"


def is_unique(name: str) -> bool:
    """Tell whether `unique` made a name."""
    return _UNIQUE.search(name) is not None
