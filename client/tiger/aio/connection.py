"""A task's connection to the daemon: `tiger.connection` with its waiting awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio

from tiger import instance
from tiger.connection import milliseconds, open_socket
from tiger.protocol import Operation
from tiger.reader import Reader
from tiger.session import Answer, Receive, Send, Session, Start, Steps, not_running


class AsyncConnection:
    """Requests of the tasks of one event loop, one after another."""

    def __init__(self, reader: Reader, *, autostart: bool, timeout_s: float) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._reader = reader
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._context: zmq.asyncio.Context | None = None
        self._socket: Any = None
        self._session: Session | None = None

    async def write(self, operations: list[Operation]) -> Answer:
        """Have operations applied together, or raise why not."""
        return await self._run(lambda session: session.write(operations, self._timeout_s))

    async def ask(self, question: str) -> Any:
        """Return the daemon's answer to a question."""
        return (await self._run(lambda session: session.ask(question, self._timeout_s))).value

    def twin(self) -> AsyncConnection:
        """As `Connection.twin`."""
        return AsyncConnection(self._reader, autostart=self._autostart, timeout_s=self._timeout_s)

    async def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """As `Connection.wait`."""
        await self._run(lambda session: session.wait(commit, table, namespace, deadline))

    async def _run(self, begin: Callable[[Session], Steps]) -> Answer:
        async with self._lock:
            if self._session is None:
                self._context = zmq.asyncio.Context()
                self._socket = open_socket(self._context, self._reader)
                self._session = Session(self._reader)
                self._session.answers = True
            return await self._drive(begin(self._session))

    async def _drive(self, steps: Steps) -> Answer:
        """Do what the session says, awaiting."""
        result: Any = None
        while True:
            try:
                action = steps.send(result)
            except StopIteration as stop:
                answer: Answer = stop.value
                return answer
            result = None
            if type(action) is Send:
                result = await self._send(action)
            elif type(action) is Receive:
                result = await self._receive(action)
            elif type(action) is Start:
                await self._start()

    async def _send(self, action: Send) -> bool:
        wait_ms = milliseconds(action.deadline)
        if not await self._socket.poll(wait_ms, zmq.POLLOUT):
            return False
        await self._socket.send(action.frame)
        return True

    async def _receive(self, action: Receive) -> bytes | None:
        # A message that a cancelled task received and lost is asked for again.
        while not await self._socket.poll(milliseconds(action.deadline)):
            if time.monotonic() >= action.deadline:
                return None
        frame: bytes = await self._socket.recv()
        return frame

    async def _start(self) -> None:
        if not self._autostart:
            self.close()
            raise not_running(self._reader.directory)
        await asyncio.to_thread(instance.start, self._reader.directory)

    def close(self) -> None:
        """Let go of the socket; a later write opens another."""
        if self._context is not None:
            self._context.destroy(linger=0)
        self._context = self._socket = self._session = None
