"""The ASGI application of the API itself: a request in, the engine's answer out."""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.requests.engine import Engine
from tigerstripe.requests.faults import LOST
from tigerstripe.requests.messages import Request, Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

log: logging.Logger = logging.getLogger("tigerstripe")
_is_host = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?\Z|\[[0-9A-Fa-f:]+\](:[0-9]+)?\Z").match

BODY_MAX = 16 * 1024 * 1024
"""Bytes of a request's body; the largest file that Stripe takes."""
THREADS = 16
"""Requests that write, of one worker, at once."""
FREE_S = 5.0
"""How long a request that writes waits for others, which wait for the daemon."""
ABORT = "tigerstripe.abort"
"""The ASGI extension with the function that ends a connection at once."""


class TooLarge(Exception):
    """A body of more than `BODY_MAX` bytes."""

    def __init__(self) -> None:
        super().__init__(f"Request body too large: at most {BODY_MAX} bytes.")


class Gone(Exception):
    """The client closed the connection before its request was whole."""


class Api:
    """Answers as the API does."""

    def __init__(self, engine: Engine, namespace: str | None = None) -> None:
        """Answer from an engine; `namespace` is the account of all keys, if not their own."""
        self._engine = engine
        self._namespace = namespace
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="writes")
        self._free = asyncio.Semaphore(THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = await read_body(scope, receive)
        except TooLarge as error:
            refused = Refused(str(error), status=413)
            response = self._engine.refusal(refused, new_id("req", 14))
            response.headers["connection"] = "close"
        except Gone:
            return
        else:
            response = await self.answered(request_of(scope, body))
        if response.delay_s:
            await asyncio.sleep(response.delay_s)
        if response.status == LOST:
            await _lose(scope, send)
        else:
            await _send(send, response, is_head=scope["method"] == "HEAD")

    async def answered(self, request: Request) -> Response:
        """Return the answer; a read is answered at once, because it never waits for the daemon.

        A write may wait, as long as the daemon has for its answer: in a thread, so that others are
        answered meanwhile. Where no thread gets free in that time, it is refused.
        """
        if request.method == "GET":
            return self._answer(request)
        try:
            if self._free.locked():
                await asyncio.wait_for(self._free.acquire(), FREE_S)
            else:
                await self._free.acquire()
        except asyncio.TimeoutError:
            refused = errors.of_fake(
                f"tigerstripe's store has not answered for {FREE_S:g} s: {THREADS} requests wait "
                f"for its daemon, which may be stopped; /_tiger/health tells",
                status=503,
                retry=True,
            )
            return self._engine.refusal(refused, new_id("req", 14))
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._answer, request)
        finally:
            self._free.release()

    def _answer(self, request: Request) -> Response:
        """Return the engine's answer; of a fault in it, one that an SDK can read."""
        try:
            return self._engine.answer(request, self._namespace)
        except Exception:
            log.exception("%s %s met a fault in tigerstripe", request.method, request.path)
            refused = errors.of_fake(
                "This is a fault in tigerstripe, please report it; the server's log says where."
            )
            return self._engine.refusal(refused, new_id("req", 14))


def request_of(scope: Scope, body: bytes) -> Request:
    """Return an ASGI request as the engine's."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        body or None,
        headers.get(b"authorization"),
        headers.get(b"stripe-version"),
        headers.get(b"idempotency-key"),
        headers.get(b"stripe-account"),
        headers.get(b"content-type", ""),
        lambda: base_of(scope),
    )


def base_of(scope: Scope) -> str:
    """Return the address by which a client reaches this server; invalid hosts are ignored."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return f"{scope['scheme']}://{host if _is_host(host) else 'localhost'}"


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the whole body; raises `TooLarge` or `Gone`."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and int(length) > BODY_MAX:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_MAX:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, response: Response, *, is_head: bool) -> None:
    body = response.body.encode()
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


async def _lose(scope: Scope, send: Send) -> None:
    """End the connection with no answer; under another server, with half of one."""
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        return
    abort["abort"]()
    await asyncio.sleep(0)  # so that the server sees that it is gone
