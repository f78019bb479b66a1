"""What an error undoes when it leaves `with store.savepoint()`, `sandbox()` or `fork()`.

A test that fails within such a block has changed records that are gone when its report is made. So
whoever makes reports sets a `watcher`, which is told before; without one this costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiger.any_store import AnyStore
    from tiger.marks import Mark

watcher: Callable[[BaseException, AnyStore[Any, Any], Mark | None], None] | None = None
"""Called with the error, the store, and the mark that is rolled back to; it must not raise."""


@contextlib.contextmanager
def telling(store: AnyStore[Any, Any], mark: Mark | None = None) -> Iterator[None]:
    """Tell the watcher of an error that leaves the block, while its changes are there."""
    try:
        yield
    except GeneratorExit:  # nobody will see this one
        raise
    except BaseException as error:
        if watcher is not None:
            watcher(error, store, mark)
        raise
