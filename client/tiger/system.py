"""The standard library's modules as they were when this library was loaded.

Tests freeze clocks, record HTTP with their own socket class, forbid sockets, fake the file system,
mock `subprocess.Popen`, or replace threads with green ones. All of these replace parts of the
standard library's modules, for the program under test. The store must not be affected: a time-out
has to end, and a signal has to reach a real process. So every module of the library and of the
daemon imports these modules from here (`tests/rooms/test_system.py`), except for the two modules
that pytest loads in every run.

The library may be loaded late, after a test has replaced something. So it reads the kernel's
monotonic clock by its number, and uses the class beneath `socket.socket`: tests do not replace
these.
"""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["fcntl", "os", "secrets", "select", "socket", "subprocess", "threading", "time"]

if TYPE_CHECKING:
    import _socket as socket
    import fcntl
    import os
    import secrets
    import select
    import subprocess
    import threading
    import time

    def is_clock_replaced() -> bool:
        """Tell whether `time.monotonic` has been replaced in the module `time`."""
        return False

    def is_gevent_late() -> bool:
        """Tell whether gevent has patched waiting since the library was loaded."""
        return False

    def is_gevent_there() -> bool:
        """Tell whether gevent had patched waiting before the library was loaded."""
        return False

else:
    import _socket as socket
    import fcntl
    import os
    import secrets
    import select
    import subprocess
    import threading
    import time

    def _taken(module: ModuleType) -> ModuleType:
        """Return a copy of a module that tools which patch modules do not find."""
        copy = ModuleType(f"{__name__}.{module.__name__}", module.__doc__)
        names = vars(module).items()
        copy.__dict__.update({name: value for name, value in names if not name.startswith("__")})
        return copy

    fcntl, os, secrets, select, socket, subprocess, threading, time = map(
        _taken, (fcntl, os, secrets, select, socket, subprocess, threading, time)
    )
    time.monotonic = time.perf_counter = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    time.monotonic_ns = partial(time.clock_gettime_ns, time.CLOCK_MONOTONIC)

    _clock = (sys.modules["time"].monotonic,)  # in a tuple, where nobody replaces it

    def is_clock_replaced() -> bool:
        return sys.modules["time"].monotonic is not _clock[0]

    def is_gevent_late() -> bool:
        now = sys.modules["select"]
        return "gevent" in sys.modules and getattr(now, "poll", None) is not select.poll

    def is_gevent_there() -> bool:
        return getattr(getattr(select, "poll", None), "__module__", None) != "select"
