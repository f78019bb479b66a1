"""Connecting, awaited or with `async with`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from tiger.aio.connection import AsyncConnection
from tiger.aio.store import AsyncStore
from tiger.aio.turns import running_loop
from tiger.attaching import TIMEOUT_S, Attached, attach
from tiger.system import os


class Connecting:
    """What `connect` returns: `await` it for a store, or use it with `async with`."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncStore]]) -> None:
        """Connect when awaited."""
        self._connect = connect
        self._store: AsyncStore | None = None

    def __await__(self) -> Generator[Any, None, AsyncStore]:
        return self._connect().__await__()

    def _named(self, name: str) -> NoReturn:
        """Say that this is not the store yet."""
        raise AttributeError(
            f"tiger.aio.connect() was not awaited, so it has no {name!r}: use `store = await "
            f"tiger.aio.connect()`, or `async with tiger.aio.connect() as store`"
        )

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    async def __aenter__(self) -> AsyncStore:
        self._store = await self._connect()
        return self._store

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._store is not None
        await self._store.close()


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = TIMEOUT_S,
    everywhere: bool | None = None,
) -> Connecting:
    """As `tiger.connect`, to be awaited or used with `async with`.

    Raises also `InvalidRequest` if no event loop of asyncio runs.
    """

    async def attached() -> AsyncStore:
        running_loop()
        reader, name, options = await asyncio.to_thread(
            attach, directory, namespace, autostart, timeout_s, everywhere
        )
        connection = AsyncConnection(reader, options)
        return AsyncStore(Attached(reader, connection, name, is_owner=True))

    return Connecting(attached)
