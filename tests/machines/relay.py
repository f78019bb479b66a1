"""What stands between a host and the engine, and holds back what one sends to the other."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from tests.machines.machines import STREAM, Engine

Side = Literal["host", "engine"]
"""Whose words are held back."""

TURN_S = 0.002


class Relay:
    """Gives on what both say, and what the engine says only `delay_s` later."""

    def __init__(self, engine: Engine, delay_s: float = 0.0) -> None:
        self._engine = engine
        self._delay_s = delay_s
        self._server = socket.create_server(("127.0.0.1", 0))
        self._flows: list[_Flow] = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where the log is, by way of this."""
        return f"nats://127.0.0.1:{self._server.getsockname()[1]}/{STREAM}"

    @contextmanager
    def held(self, side: Side) -> Iterator[None]:
        """Hold back what is said meanwhile on the connections that there are; it comes later."""
        flows = [flow for flow in self._flows if flow.side == side]
        for flow in flows:
            flow.is_held = True
        try:
            yield
        finally:
            for flow in flows:
                flow.is_held = False

    def holds(self, words: bytes) -> bool:
        """Tell whether words are held back."""
        return any(flow.is_held and words in flow.pending for flow in self._flows)

    def lose(self, words: bytes) -> None:
        """Leave out the next message of the engine with these words; it says nothing until then."""
        for flow in self._flows:
            flow.loses = words if flow.side == "engine" else b""

    def close(self) -> None:
        """End all connections."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        for flow in self._flows:
            flow.close()
        self._server.close()

    def _accept(self) -> None:
        self._server.settimeout(TURN_S)
        while not self._is_over.is_set():
            with suppress(TimeoutError):
                self._connect(self._server.accept()[0])

    def _connect(self, host: socket.socket) -> None:
        try:
            engine = socket.create_connection((self._engine.host, self._engine.port))
        except OSError:
            host.close()
            return
        flows = _Flow("host", host, engine, 0.0), _Flow("engine", engine, host, self._delay_s)
        self._flows += flows
        for flow in flows:
            self._threads.append(threading.Thread(target=flow.run, args=(self._is_over,)))
            self._threads[-1].start()


class _Flow:
    """What one side says on one connection; it comes also if that side is gone."""

    def __init__(
        self, side: Side, source: socket.socket, target: socket.socket, delay_s: float
    ) -> None:
        self.side = side
        self.is_held = False
        self.pending = b""
        self.loses = b""
        self._source, self._target, self._delay_s = source, target, delay_s

    def run(self, is_over: threading.Event) -> None:
        """Give it on until all is said."""
        is_open = True
        while (is_open or self.pending) and not is_over.is_set():
            if is_open and select.select([self._source], [], [], TURN_S)[0]:
                piece = self._read()
                self.pending += piece
                self._lose()
                is_open = bool(piece)
            if self._delay_s:
                time.sleep(self._delay_s)  # what the network takes
            if self.pending and not self.is_held and not self.loses:
                with suppress(OSError):  # nobody hears it any more
                    self._target.sendall(self.pending)
                self.pending = b""
        with suppress(OSError):
            self._target.shutdown(socket.SHUT_WR)

    def _read(self) -> bytes:
        try:
            return self._source.recv(1 << 16)
        except OSError:
            return b""

    def _lose(self) -> None:
        """Take the message that is to be lost out of what is pending, once it is all there."""
        if not self.loses or (at := self.pending.find(self.loses)) < 0:
            return
        begin = self.pending.rindex(b"HMSG ", 0, at)
        line, _, _ = self.pending[begin:].partition(b"\r\n")
        end = begin + len(line) + 2 + int(line.split()[-1]) + 2
        if len(self.pending) >= end:
            self.pending = self.pending[:begin] + self.pending[end:]
            self.loses = b""

    def close(self) -> None:
        """Hear no more."""
        self._source.close()
