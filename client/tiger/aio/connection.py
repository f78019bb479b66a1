"""A connection of an event loop's tasks: `tiger.wire.connection` with its waiting awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tiger.aio.turns import Turns, running_loop, settle, settled
from tiger.errors import OutcomeUnknown, TigerError
from tiger.format.protocol import Operation
from tiger.place import launch, process
from tiger.system import select, time
from tiger.wire.any_connection import AnyConnection
from tiger.wire.session import Answer, Session, Steps, Wait, not_running


class AsyncConnection(AnyConnection[Callable[[int, int | None, str, float], Awaitable[None]]]):
    """Requests of the tasks of one event loop, one after another."""

    def _begin(self) -> None:
        super()._begin()
        self._turns = Turns()
        self._waiting: asyncio.Future[bool] | None = None
        """What the request under way waits for."""

    async def write(self, operations: list[Operation], meanwhile: Callable[[], Any]) -> Answer:
        """As `Connection.write`."""
        deadline = time.monotonic() + self._timeout_s
        return await self._run(
            lambda session: session.write(operations, meanwhile, deadline), deadline
        )

    async def ask(self, question: str) -> Any:
        """Return the daemon's answer to a question."""
        deadline = time.monotonic() + self._timeout_s
        return (await self._run(lambda session: session.ask(question, deadline), deadline)).value

    async def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """As `AnyConnection.wait`."""
        await self._run(lambda session: session.wait(commit, table, namespace, deadline), deadline)

    async def _run(self, begin: Callable[[Session], Steps], deadline: float) -> Answer:
        process.current()  # as `Connection._run`
        turns = self._turns  # as `Connection._run`
        if not await turns.take(deadline - time.monotonic()):
            raise self._no_turn()
        try:
            return await self._drive(begin)
        finally:
            turns.give()
            if self._is_closed:
                self.let_go()

    async def _drive(self, begin: Callable[[Session], Steps]) -> Answer:
        """Do what the session says, awaiting."""
        session = self._open_session()
        session.answers = True
        steps = begin(session)
        result: Any = None
        try:
            while True:
                action = steps.send(result)
                if type(action) is Wait:
                    result = await self._wait(action)
                else:
                    try:
                        await self._start()
                    except TigerError as error:
                        steps.throw(error)  # as `Connection._drive`
                        raise
                    result = None
                if self._is_closed:
                    raise OutcomeUnknown(
                        f"the store was closed while it waited for the daemon at "
                        f"{self._reader.directory}: a write may or may not have been applied; "
                        f"await writes before you close",
                        directory=self._reader.directory,
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
        descriptor = self._wire.descriptor()
        if left_s <= 0:
            return False
        loop = running_loop()
        if descriptor is None:
            await settled(loop.create_future(), min(left_s, self._wire.pause_s()))
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

    async def _start(self) -> None:
        if not self._autostart:
            raise not_running(self._reader.directory)
        await asyncio.to_thread(launch.start, self._reader.directory)

    def close(self) -> None:
        """As `AnyConnection.close`; a request that waits ends now.

        It closes the socket itself, once its event loop does not look at that any more.
        """
        super().close()
        if self._waiting is not None:
            settle(self._waiting, False)

    def let_go(self) -> None:
        """As `AnyConnection.let_go`."""
        if not self._turns.is_taken:
            self._wire.close()
