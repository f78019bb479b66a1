"""Seeing every store, also those that are compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

try:
    from tigerd.engine.compiled import watch
except ImportError:  # there was no compiler to install it

    def watch(on: bool) -> None:
        """Do nothing: all is as it is wanted."""


_watchers: list[None] = []
"""One for each context that is open."""


@contextmanager
def watched() -> Iterator[None]:
    """Let all stores into shared memory be calls of `WritableSegment.store` and `write`."""
    _watchers.append(None)
    watch(True)
    try:
        yield
    finally:
        _watchers.pop()
        watch(bool(_watchers))
