"""The choke point: everything that changes shared memory, counted, and cut where a test says so.

The daemon stores with two methods of `tigerd.engine.segments.WritableSegment` and a few calls that
make, name and remove files. A `Choke` puts itself before each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

from tests.support.watching import watched
from tiger.system import os
from tigerd.engine.segments import WritableSegment


class Killed(BaseException):
    """The daemon ends here."""


class Choke:
    """Within its context counts the changes, and raises `Killed` instead of number `kill_at`.

    With `half`, the first half of that change's bytes is written, if it is one of bytes.
    """

    def __init__(self, kill_at: int = 0, *, half: bool = False) -> None:
        """Count from 1; 0 only counts."""
        self.count = 0
        self.writes: list[int] = []
        """Which of the changes were of bytes."""
        self._kill_at = kill_at
        self._half = half
        self._stack = ExitStack()

    def __enter__(self) -> Choke:
        self._stack.enter_context(watched())
        for owner, name in (
            (WritableSegment, "store"),
            (Path, "unlink"),
            (Path, "rename"),
            (Path, "replace"),
            (Path, "mkdir"),
            (os, "rename"),
            (os, "replace"),
            (os, "posix_fallocate"),
        ):
            if hasattr(owner, name):
                self._put_before(owner, name, None)
        self._put_before(WritableSegment, "write", lambda a: (*a[:2], a[2][: len(a[2]) // 2]))
        self._put_before(os, "pwrite", lambda a: (a[0], a[1][: len(a[1]) // 2], a[2]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> bool:
        self._stack.close()
        return kind is Killed

    def _put_before(self, owner: Any, name: str, halve: Callable[[Any], Any] | None) -> None:
        original = getattr(owner, name)

        def change(*arguments: Any, **keywords: Any) -> Any:
            self.count += 1
            if halve:
                self.writes.append(self.count)
            if self.count == self._kill_at:
                if halve and self._half:
                    original(*halve(arguments))
                raise Killed
            return original(*arguments, **keywords)

        self._stack.enter_context(patch.object(owner, name, change))
