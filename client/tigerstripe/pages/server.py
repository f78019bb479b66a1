"""A small server of pages, for processes that answer the SDK by themselves.

An account has one for all its processes. The first process that needs it starts it, and writes its
address into the account. It ends with its process; then the next process that needs it starts one.
"""

from __future__ import annotations

import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import tiger
from tiger.system import socket
from tigerstripe.pages.site import HEADERS, Site
from tigerstripe.work import settings
from tigerstripe.work.scope import Scope

BODY_MAX = 1 << 20
ID = "pages"
ANSWER_S = 1.0
"""How long a server may take to let one connect to it, which its machine does for it."""

_begun: dict[tuple[int, str], str | None] = {}
"""Where a process serves the pages of an instance; None: it cannot."""


def base(scope: Scope) -> str | None:
    """Return where the pages of an account are served.

    None where no process does and this one cannot: the tests may be forbidden to use sockets, as
    by pytest-socket.
    """
    directory = str(scope.store.directory)
    while True:
        known, version = settings.read(scope, ID)
        own = _begun.get((os.getpid(), directory))
        if known is not None and (known["url"] == own or _answers(known["url"])):
            return str(known["url"])
        own = _own(directory)
        if own is None or settings.replaced(scope, {"id": ID, "url": own}, version):
            return own


def _own(directory: str) -> str | None:
    """Return where this process serves the pages of an instance; the first call begins it."""
    key = (os.getpid(), directory)
    if key not in _begun:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a runner that forbids it
                _begun.setdefault(key, PageServer(directory).url)
        except (OSError, RuntimeError):
            _begun[key] = None
    return _begun[key]


def _answers(url: str) -> bool:
    """Tell whether there is still a server; its process may have ended."""
    place = urlsplit(url)
    probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        probe.settimeout(ANSWER_S)
        probe.connect((place.hostname, place.port))
    except OSError:
        return False
    finally:
        probe.close()
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self) -> tuple[Any, Any]:
        """Take a connection with the sockets of the start: a later test may forbid others."""
        number, address = self.socket._accept()  # type: ignore[attr-defined]
        return type(self.socket)(fileno=number), address


class PageServer:
    """Serves the pages of an instance on a port of its own, to this machine alone."""

    def __init__(self, directory: str) -> None:
        """Begin to serve."""
        server = _Server(("127.0.0.1", 0), _handler(self))
        self.site: Site = Site(tiger.connect(directory))
        self.url: str = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _handler(of: PageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length") or 0), BODY_MAX)
            self._answer(self.rfile.read(length).decode("utf-8", "replace"))

        def _answer(self, form: str | None) -> None:
            path, _, query = self.path.partition("?")
            page = of.site.answer(path, query, form, of.url)
            body = page.body.encode()
            self.send_response(page.status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            if page.location is not None:
                self.send_header("location", page.location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: it is a test's server."""

    return Handler
