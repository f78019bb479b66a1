"""Namespaces by name: the one that is meant, and those that pass, under names that nobody has."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from tiger.leases import Lease


def namespace_name(namespace: str | None) -> str:
    """Return the namespace's name: the argument, `TIGERD_NAMESPACE`, or "global"."""
    if namespace is not None:
        return namespace
    return os.environ.get("TIGERD_NAMESPACE") or "global"


def unique(start: str) -> str:
    """Return a name that no namespace has."""
    return f"{start}-{secrets.token_hex(8)}"


@contextlib.contextmanager
def ending(lease: Lease) -> Iterator[None]:
    """End a lease; its namespace is cleared within the block, or by the daemon if that raises."""
    try:
        yield
    except BaseException:
        lease.abandon()
        raise
    lease.release()
