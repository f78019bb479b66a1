"""Pages as a browser asks for them, over HTTP."""

from __future__ import annotations

from html import unescape
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

CARD = {"type": "card", "number": "4242 4242 4242 4242", "expiry": "12/40", "cvc": "123"}


def visit(url: str, form: dict[str, Any] | None = None) -> tuple[int, str, str | None]:
    """Return status, text and where it leads; an answer that leads elsewhere is not followed."""
    status, text, location = fetched(url, form)
    return status, unescape(text), location


def fetched(url: str, form: dict[str, Any] | None = None) -> tuple[int, str, str | None]:
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=10)
    path = f"{place.path}?{place.query}" if place.query else place.path
    try:
        if form is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, urlencode(form))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("location")
    finally:
        connection.close()
