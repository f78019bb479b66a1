"""The transport that the official SDK is given: it answers in this process, without a socket.

It is a subclass of the SDK's own `HTTPClient`, so retries and errors stay the SDK's.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import stripe

from tigerstripe.requests.messages import Headers, Request, Response

if TYPE_CHECKING:
    from tigerstripe.account import Account

Answer = tuple[Any, int, Headers]


class Transport(stripe.HTTPClient):
    """Answers the SDK from an account."""

    name = "tigerstripe"

    def __init__(self, account: Account) -> None:
        """Answer from this account, whatever key the SDK has."""
        super().__init__()
        self._account = account
        self._engine = account.engine
        self._namespace = account.name

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> Answer:
        """Return body, status and headers."""
        answer = self._received(method, url, headers or {}, post_data)
        return answer.body, answer.status, answer.headers

    def request_stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> Answer:
        """Return the body as something to read, status and headers."""
        answer = self._received(method, url, headers or {}, post_data)
        return io.BytesIO(answer.body.encode()), answer.status, answer.headers

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> Answer:
        """Return body, status and headers."""
        answer = await self._received_async(method, url, headers, post_data)
        return answer.body, answer.status, answer.headers

    async def request_stream_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> Answer:
        """Return the body as an iterator of bytes, status and headers."""
        answer = await self._received_async(method, url, headers, post_data)
        return _stream(answer.body.encode()), answer.status, answer.headers

    async def sleep_async(self, secs: float) -> None:
        """Wait between retries."""
        await asyncio.sleep(secs)

    def close(self) -> None:
        """Nothing is open."""

    async def close_async(self) -> None:
        """Nothing is open."""

    def _received(self, *request: Any) -> Response:
        """Return the answer to a request when it is there; raises `APIConnectionError` if lost."""
        answer = self._answer(*request)
        if answer.delay_s:
            time.sleep(answer.delay_s)
        return _not_lost(answer)

    async def _received_async(self, *request: Any) -> Response:
        answer = self._answer(*request)
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        return _not_lost(answer)

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> Response:
        path, _, query = url[url.find("/", 8) :].partition("?")
        get = headers.get
        return self._engine.answer(
            Request(
                method.upper(),
                path,
                query,
                post_data,
                get("Authorization"),
                get("Stripe-Version"),
                get("Idempotency-Key"),
                get("Stripe-Account"),
                get("Content-Type", ""),
                self._account.pages,
            ),
            self._namespace,
        )


def _not_lost(answer: Response) -> Response:
    if answer.status:
        return answer
    error: Any = stripe.APIConnectionError  # the SDK's has no types
    raise error(
        "The connection to Stripe was lost, as requested by fail_next.",
        should_retry=answer.headers["stripe-should-retry"] == "true",
    )


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    yield body
