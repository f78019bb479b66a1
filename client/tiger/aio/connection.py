"""A connection for the tasks of one event loop: like `tiger.wire.connection`, but awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tiger.aio.turns import Turns, running_loop, settle, settled
from tiger.errors import OutcomeUnknown, StoreFull, TigerError
from tiger.format.protocol import Operation
from tiger.place import process
from tiger.reading.reader import Reader
from tiger.system import select, time
from tiger.wire.connection import Line, Options
from tiger.wire.failures import busy_error
from tiger.wire.requests import Request
from tiger.wire.session import Answer, Session, Steps
from tiger.wire.zmtp import Wait

Result = TypeVar("Result")


class AsyncConnection:
    """Requests of the tasks of one event loop, one after another."""

    def __init__(self, reader: Reader, options: Options) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self.line: Line = Line(reader, options)
        self._begin()
        process.leaves(self)

    def _begin(self) -> None:
        self._turns = Turns()
        self._waiting: asyncio.Future[bool] | None = None
        """The event that the request under way waits for."""

    def leave(self) -> None:
        """As `Connection.leave`."""
        self.line.leave()
        self._begin()

    def twin(self) -> AsyncConnection:
        """As `Connection.twin`."""
        self.line.check_open()
        return AsyncConnection(self.line.reader, self.line.options)

    async def run(self, request: Request[Result]) -> Result:
        """As `Connection.run`."""
        self.line.reader.look()
        try:
            return request.result(await self.write(request.operations, request.meanwhile))
        except StoreFull:
            self.line.reader.let_go()
            raise

    async def write(self, operations: list[Operation], meanwhile: Callable[[], Any]) -> Answer:
        """As `Connection.write`."""
        deadline = time.monotonic() + self.line.options.timeout_s
        return await self._run(
            lambda session: session.write(operations, meanwhile, deadline), deadline
        )

    async def ask(self, question: str) -> Any:
        """Return the daemon's answer to a question."""
        deadline = time.monotonic() + self.line.options.timeout_s
        return (await self._run(lambda session: session.ask(question, deadline), deadline)).value

    async def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """As `Connection.wait`."""
        await self._run(lambda session: session.wait(commit, table, namespace, deadline), deadline)

    async def _run(self, begin: Callable[[Session], Steps], deadline: float) -> Answer:
        process.current()  # as `Connection._run`
        turns = self._turns  # as `Connection._run`
        if not await turns.take(deadline - time.monotonic()):
            raise busy_error(self.line.reader.directory, self.line.options.timeout_s)
        try:
            return await self._drive(begin)
        finally:
            turns.give()
            if self.line.is_closed:
                self.let_go()

    async def _drive(self, begin: Callable[[Session], Steps]) -> Answer:
        """Take the session's steps, and await them."""
        session = self.line.session()
        session.wants_replies = True
        steps = begin(session)
        result: Any = None
        try:
            while True:
                action = steps.send(result)
                if type(action) is Wait:
                    result = await self._wait(action)
                else:
                    try:
                        await asyncio.to_thread(self.line.start)
                    except TigerError as error:
                        steps.throw(error)  # as `Connection._drive`
                        raise
                    result = None
                if self.line.is_closed:
                    raise OutcomeUnknown(
                        f"the store was closed while it waited for the daemon at "
                        f"{self.line.reader.directory}: a write may or may not have been applied; "
                        f"await writes before you close",
                        directory=self.line.reader.directory,
                    )
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer
        except BaseException:
            steps.close()  # as `Connection._drive`
            raise

    async def _wait(self, action: Wait) -> bool:
        """As `Connection._wait`."""
        left_s = action.deadline - time.monotonic()
        descriptor = self.line.wire.descriptor()
        if left_s <= 0:
            return False
        loop = running_loop()
        if descriptor is None:
            await settled(loop.create_future(), min(left_s, self.line.wire.pause_s()))
            return True
        ready = self._waiting = loop.create_future()
        add = loop.add_reader if action.event == select.POLLIN else loop.add_writer
        add(descriptor, settle, ready, True)
        try:
            return await settled(ready, left_s)
        finally:
            self._waiting = None
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)

    def close(self) -> None:
        """As `Connection.close`; a request that waits ends now.

        It closes the socket itself, once its event loop no longer watches it.
        """
        self.line.is_closed = True
        self.let_go()
        if self._waiting is not None:
            settle(self._waiting, False)

    def let_go(self) -> None:
        """As `Connection.let_go`."""
        if not self._turns.is_taken:
            self.line.wire.close()

    def forget(self) -> None:
        """Leave the socket open, because it belongs to an event loop."""
