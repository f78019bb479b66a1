"""The standard library's modules as they were when this library was loaded.

A test freezes clocks, records HTTP by a socket class of its own, forbids sockets, fakes the file
system, mocks `subprocess.Popen`, or turns threads into green ones. All of these put something else
into the modules of the standard library, and mean the program under test. The store beneath must
not notice: a time-out has to end, and a signal has to go to a real process. So every module of the
library and of the daemon takes these from here and never imports them itself
(`tests/rooms/test_system.py`), but for the two that pytest loads in every run.

The library may be loaded late, by a test that is already at it. So the clocks are the kernel's
monotonic one, asked for by its number, and the sockets are those beneath `socket.socket`: nobody
replaces these.
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
        """Tell whether `time.monotonic` is another one now, for all who use the module itself."""
        return False

    def is_gevent_late() -> bool:
        """Tell whether gevent has made waiting another thing since the library was loaded."""
        return False

    def is_gevent_there() -> bool:
        """Tell whether gevent had made waiting another thing before the library was loaded."""
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
        """Return a copy of a module, which a search for the module to replace it does not find."""
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
