"""Seeing every store, also those that are compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tiger.speedups import compiled

_watch = compiled("tigerd.compiled", "watch")


@contextmanager
def watched() -> Iterator[None]:
    """Let all stores into shared memory be calls of `WritableSegment.store` and `write`."""
    _watch(True)
    try:
        yield
    finally:
        _watch(False)
