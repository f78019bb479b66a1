"""A task's connection to the daemon: `tiger.connection` with its waiting awaited."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable
from typing import Any

from tiger import instance
from tiger.protocol import Operation
from tiger.reader import Reader
from tiger.session import Answer, Receive, Send, Session, Start, Steps, not_running
from tiger.wire import RECONNECT_S, Wire


class AsyncConnection:
    """Requests of the tasks of one event loop, one after another."""

    def __init__(self, reader: Reader, *, autostart: bool, timeout_s: float) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._reader = reader
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._wire = Wire(instance.socket_path(reader.directory))
        self._session: Session | None = None

    async def write(self, operations: list[Operation], meanwhile: Callable[[], Any]) -> Answer:
        """As `Connection.write`."""
        timeout_s = self._timeout_s
        return await self._run(lambda session: session.write(operations, meanwhile, timeout_s))

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

    async def _send(self, action: Send) -> int:
        wire = self._wire
        try:
            wire.begin(action.frame)
            while event := wire.flush():
                if not await self._wait(event, action.deadline):
                    wire.give_up()
                    return 0
        except BaseException:
            wire.close()
            raise
        return wire.number

    async def _receive(self, action: Receive) -> bytes | None:
        wire = self._wire
        try:
            while (frame := wire.receive()) is None:
                if not await self._wait(select.POLLIN, action.deadline):
                    return None
        except BaseException:
            wire.close()
            raise
        return frame

    async def _wait(self, event: int, deadline: float) -> bool:
        """As `Connection._wait`."""
        left_s = deadline - time.monotonic()
        descriptor = self._wire.descriptor()
        if left_s <= 0:
            return False
        if descriptor is None:
            await asyncio.sleep(min(left_s, RECONNECT_S))
            return True
        loop = asyncio.get_running_loop()
        is_ready = asyncio.Event()
        if event == select.POLLIN:
            loop.add_reader(descriptor, is_ready.set)
        else:
            loop.add_writer(descriptor, is_ready.set)
        try:
            await asyncio.wait_for(is_ready.wait(), left_s)
        except asyncio.TimeoutError:
            return False
        finally:
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)
        return True

    async def _start(self) -> None:
        if not self._autostart:
            raise not_running(self._reader.directory)
        await asyncio.to_thread(instance.start, self._reader.directory)

    def close(self) -> None:
        """Let go of the socket; a later write opens another."""
        self._wire.close()
        self._session = None
