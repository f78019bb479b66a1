"""A small server of pages, for a process that answers the SDK by itself.

It begins when the first address of a page is asked for, and ends with the process; a forked child
begins its own.
"""

from __future__ import annotations

import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import tiger
from tigerstripe.pages.site import HEADERS, Site

BODY_MAX = 1 << 20

_bases: dict[tuple[int, str], str | None] = {}


def base(directory: str) -> str | None:
    """Return where this process serves the pages of an instance; the first call begins it.

    None where it cannot: the tests may be forbidden to use sockets, as by pytest-socket.
    """
    key = (os.getpid(), directory)
    if key not in _bases:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of whoever forbids it
                _bases.setdefault(key, PageServer(directory).url)
        except (OSError, RuntimeError):
            _bases[key] = None
    return _bases[key]


class PageServer:
    """Serves the pages of an instance on a port of its own, to this machine alone."""

    def __init__(self, directory: str) -> None:
        """Begin to serve."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.site = Site(tiger.connect(directory))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
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
