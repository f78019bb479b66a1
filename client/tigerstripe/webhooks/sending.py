"""Sending one webhook: to a URL, to a WSGI or ASGI application, or to a function.

A sender takes URL, headers and body, and returns an `Answer`. A failure on the way to a URL is an
answer, too. An error that an application in this process raises is raised again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import io
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from tiger.system import socket
from tiger.system import time as machine
from tigerstripe.requests.messages import Headers

TIMEOUT_S = 10.0
"""How long an endpoint has for its whole answer."""
BODY_MAX = 4096
"""Bytes of an endpoint's answer that are kept."""


class Answer(NamedTuple):
    """The answer of an endpoint, or the reason why there is none."""

    status: int | None
    body: str = ""
    error: str | None = None


Send = Callable[[str, Headers, bytes], Answer]


def signed(secret: str, body: bytes) -> Headers:
    """Return the headers of a webhook, signed with an endpoint's secret at this moment.

    If a test has moved this process's clock on, that time counts and not the machine's: receivers
    accept early signatures, and refuse old ones.
    """
    at = int(max(machine.time(), time.time()))
    signature = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return Headers({
        "accept": "*/*; q=0.5, application/xml",
        "cache-control": "no-cache",
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": f"t={at},v1={signature}",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    })  # fmt: skip


def sender(target: Any = None) -> Send:
    """Return the sender for a target: an application, a function, or by default endpoints' URLs.

    Raises TypeError for another target.
    """
    if target is None:
        return to_url
    if not callable(target):
        raise TypeError(_expected(target))
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__):
        return lambda url, headers, body: to_asgi(target, url, headers, body)
    count = _arguments(target)
    if count == 2:
        return lambda url, headers, body: to_wsgi(target, url, headers, body)
    if count == 3:
        return lambda url, headers, body: to_function(target, url, headers, body)
    raise TypeError(_expected(target))


def _expected(target: object) -> str:
    return (
        f"deliver to {target!r}: expected a WSGI application, an ASGI application, or a function "
        f"of (path, headers, body) that returns a status or a response; without a target, the "
        f"endpoints' URLs are used"
    )


def _arguments(target: Callable[..., Any]) -> int | None:
    """Return how many arguments a callable needs; if it takes any number, that of WSGI."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    return sum(p.default is p.empty and p.kind in (0, 1) for p in parameters)


# --- A URL ----------------------------------------------------------------------------------------


def to_url(url: str, headers: Headers, body: bytes, timeout_s: float = TIMEOUT_S) -> Answer:
    """Post to a URL; the whole answer must come in time, and a redirect is an answer."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    is_late = threading.Event()
    timer = threading.Timer(timeout_s, _end, (connection, is_late))
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", _path(parts), body, dict(headers))
        response = connection.getresponse()
        answer = Answer(response.status, response.read(BODY_MAX).decode(errors="replace"))
    except TimeoutError:
        is_late.set()
    except (OSError, HTTPException, ValueError) as error:
        answer = Answer(None, error=f"{type(error).__name__}: {error}")
    finally:
        timer.cancel()
        connection.close()
    # A connection that was ended in the middle of headers reads as an answer that is whole.
    return Answer(None, error=f"no answer within {timeout_s:g} s") if is_late.is_set() else answer


def _end(connection: HTTPConnection, is_late: threading.Event) -> None:
    """End a connection from another thread, however slowly bytes come in."""
    is_late.set()
    opened = connection.sock
    if opened is not None:
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


# --- In this process ------------------------------------------------------------------------------


def to_function(
    function: Callable[[str, Headers, bytes], Any], url: str, headers: Headers, body: bytes
) -> Answer:
    """Call a function with path, headers and body; it returns a status or a response.

    The response may be that of a test client of Django, Flask or Starlette. Raises TypeError for
    another result.
    """
    answer = function(_path(urlsplit(url)), headers, body)
    status = getattr(answer, "status_code", answer)
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(
            f"{function!r} returned {answer!r}: expected a status, as 200, or a response with a "
            f"status_code"
        )
    return Answer(status)


def to_wsgi(application: Callable[..., Any], url: str, headers: Headers, body: bytes) -> Answer:
    """Call a WSGI application."""
    parts = urlsplit(url)
    answer: list[str] = []

    def start_response(status: str, _: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        answer[:] = [status]
        return written.append

    written: list[bytes] = []
    result = application(_environ(parts, headers, body), start_response)
    try:
        written += result
    finally:
        if hasattr(result, "close"):
            result.close()
    if not answer:
        raise TypeError(f"{application!r} did not call start_response, as WSGI has it")
    return Answer(int(answer[0].split()[0]), _text(written))


def _environ(parts: SplitResult, headers: Headers, body: bytes) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers["content-type"],
        "HTTP_HOST": parts.netloc,
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(_port(parts)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body),
        "wsgi.multiprocess": False,
        "wsgi.multithread": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": parts.scheme,
        "wsgi.version": (1, 0),
    }
    for name, value in headers.items():
        environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
    return environ


def to_asgi(application: Any, url: str, headers: Headers, body: bytes) -> Answer:
    """Call an ASGI application; where an event loop runs already, in a thread with another."""
    answer: list[Answer] = []

    def run() -> None:
        answer.append(asyncio.run(_asgi(application, urlsplit(url), headers, body)))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        run()
    else:
        _in_thread(run)
    return answer[0]


def _in_thread(run: Callable[[], None]) -> None:
    """Run a function to its end in a thread; raises its errors."""
    raised: list[BaseException] = []

    def caught() -> None:
        try:
            run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=caught)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


async def _asgi(application: Any, parts: SplitResult, headers: Headers, body: bytes) -> Answer:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "client": ("127.0.0.1", 0),
        "headers": [
            (b"host", parts.netloc.encode()),
            (b"content-length", b"%d" % len(body)),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
        "http_version": "1.1",
        "method": "POST",
        "path": unquote_to_bytes(parts.path or "/").decode(errors="replace"),
        "query_string": parts.query.encode(),
        "raw_path": (parts.path or "/").encode(),
        "root_path": "",
        "scheme": parts.scheme,
        "server": (parts.hostname, _port(parts)),
        "state": {},
    }
    requests: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    status: list[int] = []
    written: list[bytes] = []
    is_done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not requests:
            await is_done.wait()
            return {"type": "http.disconnect"}
        return requests.pop()

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
        elif message["type"] == "http.response.body":
            written.append(message.get("body", b""))
            if not message.get("more_body"):
                is_done.set()

    await application(scope, receive, send)
    if not status:
        raise TypeError(f"{application!r} sent no http.response.start, as ASGI has it")
    return Answer(status[0], _text(written))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _text(written: list[bytes]) -> str:
    return b"".join(written)[:BODY_MAX].decode(errors="replace")
