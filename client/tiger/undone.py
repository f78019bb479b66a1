"""What an error undoes when it leaves `with store.savepoint()`, `sandbox()` or `fork()`.

A test that fails within such a block has changed records that are gone when its report is made. So
code that makes reports sets a `watcher`, which is told before; without one this costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiger.reading.marks import Mark
    from tiger.reading.namespace import NamespaceReads

watcher: Callable[[BaseException, NamespaceReads[Any], Mark | None], None] | None = None
"""Called with the error, the store, and the mark that is rolled back to; it must not raise."""


class Telling:
    """Tells the watcher of an error that leaves the block, while its changes are there."""

    __slots__ = ("_mark", "_store")

    def __init__(self, store: NamespaceReads[Any], mark: Mark | None = None) -> None:
        """Prepare to tell of the changes in a namespace, of those since a mark if one is given."""
        self._store = store
        self._mark = mark

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if watcher is None or error is None or isinstance(error, GeneratorExit):
            return  # of the last one nobody will see anything
        watcher(error, self._store, self._mark)
