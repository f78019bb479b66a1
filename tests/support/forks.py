"""Forks of programs: a test has its program fork, for its own process has threads."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable
from typing import Any


def c_fork() -> int:
    """Fork as programs in C do: no hook of Python's is called.

    The GIL is kept, as they keep it: a child of a call without it may wait for a thread that it has
    not.
    """
    return int(ctypes.PyDLL(None).fork())


FORKS = {"by_python": os.fork, "in_c": c_fork}


def fork(work: Callable[[], object], how: str = "by_python") -> Callable[[], Any]:
    """Let a child work; return a function that waits for it and returns what the work did."""
    read_end, write_end = os.pipe()
    pid = FORKS[how]()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(work()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(write_end, json.dumps(repr(error)).encode())
            os._exit(1)
    os.close(write_end)

    def answer() -> Any:
        with open(read_end, "rb") as pipe:
            said = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(said)

    return answer
