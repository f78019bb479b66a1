"""Reporting the changes that an error undoes by leaving a `savepoint`, `sandbox` or `fork` block.

If a test fails inside such a block, its changes are gone before its report is made. So the code
that makes reports sets a `watcher`, which is called first; without one this costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiger.reading.marks import Mark
    from tiger.reading.namespace import NamespaceReads

watcher: Callable[[BaseException, NamespaceReads[Any], Mark | None], None] | None = None
"""Is called with the error, the store, and the mark of the rollback; it must not raise."""


class Telling:
    """Tells the watcher about an error that leaves the block, while the changes still exist."""

    __slots__ = ("_mark", "_store")

    def __init__(self, store: NamespaceReads[Any], mark: Mark | None = None) -> None:
        """Prepare to report the changes in a namespace, or those since a mark if one is given."""
        self._store = store
        self._mark = mark

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if watcher is None or error is None or isinstance(error, GeneratorExit):
            return  # nobody will see anything of the last one
        watcher(error, self._store, self._mark)
