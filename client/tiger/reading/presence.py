"""The check that a reader's instance is still the one at its path.

Mapped memory stays readable after its instance is removed or replaced, but it is then out of date.
So a reader looks at the path about once a second: whether the control segment there is the file
that it has mapped, and whether the daemons since its last look followed each other. Between two
looks this costs a look at a clock, without a system call.

It does not matter whether a daemon runs, since the records are readable without one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiger.errors import InstanceError, InvalidRequest
from tiger.format import layout, memory
from tiger.format.memory import Segment
from tiger.system import os, time

LOOK_S = 1.0
"""How often to look."""
SIGNED = layout.daemon_at(layout.DAEMONS_MAX - 1) + 1
"""Words of the control segment, from its beginning, by which it is known."""


class Presence:
    """Whether an instance is still at its path, as far as is known."""

    def __init__(self, directory: Path, control: Segment) -> None:
        """Begin with a control segment that was found there just now."""
        self._directory = directory
        self._control = control
        self._is_closed = False
        self._daemon = _daemon_in(control.words)
        self._commit: int = control.words[layout.COMMIT]
        self.look_at: float = time.monotonic() + LOOK_S
        """When the next look is due."""

    def look(self) -> None:
        """Do as `check`, about once a second."""
        if time.monotonic() >= self.look_at:
            self.check()

    def check(self) -> None:
        """Raise `InstanceError` if the path has no instance, another one, or an older state of it.

        This happens after the instance was removed, made anew, renamed, or restored from a copy.
        Raises `InvalidRequest` once this is closed.
        """
        self.check_open()
        if not (self._is_at_path() and self._goes_on()):
            raise InstanceError(
                f"the instance at {self._directory} was removed, or replaced: connect again"
            )
        self.look_at = time.monotonic() + LOOK_S

    def check_open(self) -> None:
        """Raise `InvalidRequest` once this is closed."""
        if self._is_closed:
            raise InvalidRequest("the store is closed: connect again")

    def close(self) -> None:
        """Let every look raise from now on."""
        self._is_closed = True
        self.look_at = 0.0

    def _is_at_path(self) -> bool:
        """Tell whether the file at the path is the one that is mapped, where that can be known.

        The content decides too: on a file system of layers (overlayfs) a daemon that opens a file
        to write in it gets a copy, with the same number, and readers keep the original.
        """
        path = self._control.path
        try:
            if not memory.is_at(path, self._control.status):
                return False
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # no descriptor is free, say: that does not mean that it is gone
            return True
        try:
            for _ in range(3):  # a daemon may be signing this very moment
                words = memoryview(os.pread(descriptor, SIGNED * layout.WORD, 0)).cast("Q")
                if len(words) == SIGNED and _daemon_in(words) == _daemon_in(self._control.words):
                    return True
        finally:
            os.close(descriptor)
        return False

    def _goes_on(self) -> bool:
        """Tell whether the daemons and commits since the last look continue those before it."""
        number, random = self._daemon
        words = self._control.words
        last, commit = _daemon_in(words), words[layout.COMMIT]
        passed = last[0] - number
        if passed < 0 or commit < self._commit:
            return False
        if passed < layout.DAEMONS_MAX and words[layout.daemon_at(number)] != random:
            return False
        self._daemon, self._commit = last, commit
        return True


def _daemon_in(words: Any) -> tuple[int, int]:
    """Return the number of the last daemon, and its random one, as a control segment has them."""
    number = words[layout.DAEMON]
    memory.fence()
    return number, words[layout.daemon_at(number)]
