"""A daemon that notes which files a request passes, from the receipt of its frame to its answer."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import tiger
from tiger.format import speedups
from tigerd.engine import applying, facts, index, lists, table
from tigerd.engine.control import take_lock
from tigerd.engine.writer import Writer
from tigerd.service import counting, parsing
from tigerd.service.server import Server

PROJECT = Path(__file__).parents[4]
PACKAGES = ("tigerd", "client")
FENCE = "tiger/format/memory.py"
"""One instruction, or none."""
ENGINE = (
    (applying, "_write"),
    (counting, "_is_bounded"),
    (facts, "_facts_of"),
    (index, "_has_hash"),
    (index, "_move"),
    (lists, "_walk"),
    (parsing, "_parse"),
    (table, "_put"),
)
"""Where the daemon calls its compiled part; a profile does not see such calls."""


class Passed:
    """The files that the last write passed, in the order in which it came to them."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._under_way: list[str] = []

    def see(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code is Server._receive.__code__:
            self._under_way = []
        elif code is Writer.note.__code__:  # the client has its answer
            self.files = list(self._under_way)
        path = Path(code.co_filename)
        if path.is_relative_to(PROJECT) and path.relative_to(PROJECT).parts[0] in PACKAGES:
            file = str(path.relative_to(PROJECT)).removeprefix("client/")
            if file != FENCE:
                self._pass(file)

    def _pass(self, file: str) -> None:
        if file not in self._under_way:
            self._under_way.append(file)

    def also(self, owner: Any, name: str, file: str) -> None:
        """Note the calls of a compiled function too."""
        original: Callable[..., object] = getattr(owner, name)

        def call(*arguments: object) -> object:
            self._pass(file)
            return original(*arguments)

        setattr(owner, name, call)


def files_of_an_insert(directory: str) -> list[str]:
    """Return the files that an insert passes that is not the first one."""
    passed = Passed()
    if speedups.are_used():
        from tigerd.engine import compiled

        for owner, name in ENGINE:
            passed.also(owner, name, "tigerd/engine/compiled")
        if compiled.wake is not None:
            passed.also(compiled, "wake", "tiger/format/compiled")
    lock = take_lock(Path(directory), make=True)
    server = Server(Path(directory), lock, max_record=None, idle_exit_s=0)

    def insert() -> None:
        with tiger.connect(directory, autostart=False) as store:
            for number in range(3):
                store.coupons.insert({"id": f"c{number}"})
        server._stopping = True

    client = threading.Thread(target=insert)
    client.start()
    sys.setprofile(passed.see)
    server.run()
    sys.setprofile(None)
    client.join()
    return passed.files
