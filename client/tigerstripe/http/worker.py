"""A worker of `tigerd stripe serve`: answers on a socket that its parent opened.

    python -m tigerstripe.http.worker SOCKET LIFE READY DIRECTORY [NAMESPACE]

The first three are descriptors: the socket that all workers share; a pipe whose end says that the
parent has gone; and one that gets a byte when this worker is ready.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import tiger
from tigerstripe.http.api import ABORT, Api
from tigerstripe.http.control import Control
from tigerstripe.http.pages import PAGES, Pages
from tigerstripe.requests.engine import Engine

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tiger import Store

GRACE_S = 5
"""How long requests under way may take when the server is to end."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
CONTROL = "/_tiger/"


class Application:
    """The ASGI application: the API, control, and pages."""

    def __init__(self, store: Store, namespace: str | None = None) -> None:
        """Answer from a store; `namespace` is the account of all keys, if not their own."""
        engine = Engine(store)
        engine.reads_wait = False  # the parent has a courier
        self._api = Api(engine, namespace)
        control = Control(store, namespace).__call__
        self._control = Starlette(
            routes=[
                Route(CONTROL + "{action:path}", control, methods=METHODS),
                Route("/accounts/{account:path}" + CONTROL + "{action}", control, methods=METHODS),
            ]
        )
        self._pages = Pages(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; those of the API go no way round."""
        path = scope["path"]
        if CONTROL in path:
            await self._control(scope, receive, send)
        elif PAGES in path:
            await self._pages(scope, receive, send)
        else:
            await self._api(scope, receive, send)


class Protocol(HttpToolsProtocol):
    """The HTTP protocol, with connections that the application can end at once."""

    def on_message_begin(self) -> None:
        """Give the application the function that ends the connection."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}


class Server(uvicorn.Server):
    """A server that sleeps until there is something to do, and ends with its parent."""

    def __init__(self, config: uvicorn.Config, life: int, ready: int) -> None:
        """Serve as configured."""
        super().__init__(config)
        self._life = life
        self._ready = ready
        self._end: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own looks ten times a second whether it is there."""
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._loop.add_reader(self._life, self._parent_has_gone)
        with suppress(BrokenPipeError):  # nobody waits for one that takes another's place
            os.write(self._ready, b"1")
        os.close(self._ready)
        if not self.should_exit:
            await self._end.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after a signal; at once after another."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # it is no failure, so none to die of at the end
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)

    def _parent_has_gone(self) -> None:
        assert self._loop is not None and self._end is not None  # noqa: PT018
        self._loop.remove_reader(self._life)
        self.should_exit = True
        self._end.set()


def run(listening: int, life: int, ready: int, directory: str, namespace: str | None) -> None:
    """Serve until SIGTERM, or until the parent has gone."""
    with tiger.connect(directory) as store, socket.socket(fileno=listening) as shared:
        config = uvicorn.Config(
            Application(store, namespace),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=75,
        )
        Server(config, life, ready).run(sockets=[shared])


def main(arguments: list[str]) -> None:
    """Run with the arguments that the parent gives."""
    listening, life, ready, directory, *rest = arguments
    namespace: Any = rest[0] if rest else None
    run(int(listening), int(life), int(ready), directory, namespace)


if __name__ == "__main__":
    main(sys.argv[1:])
