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
from tiger.session import Answer, Session, Steps, Wait, not_running
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
                self._session = Session(self._reader, self._wire)
                self._session.answers = True
            return await self._drive(begin(self._session))

    async def _drive(self, steps: Steps) -> Answer:
        """Do what the session says, awaiting."""
        result: Any = None
        try:
            while True:
                action = steps.send(result)
                if type(action) is Wait:
                    result = await self._wait(action)
                else:
                    await self._start()
                    result = None
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer
        except BaseException:
            steps.close()  # as `Connection._drive`
            raise

    async def _wait(self, action: Wait) -> bool:
        """As `Connection._wait`."""
        left_s = action.deadline - time.monotonic()
        descriptor = self._wire.descriptor()
        if left_s <= 0:
            return False
        if descriptor is None:
            await asyncio.sleep(min(left_s, RECONNECT_S))
            return True
        loop = asyncio.get_running_loop()
        is_ready = asyncio.Event()
        if action.event == select.POLLIN:
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
