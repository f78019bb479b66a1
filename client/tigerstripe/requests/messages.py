"""Requests and answers, independent of the transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Request(NamedTuple):
    """A request of a client."""

    method: str
    path: str
    query: str = ""
    body: str | bytes | None = None
    authorization: str | None = None
    version: str | None = None
    idempotency_key: str | None = None
    account: str | None = None
    """The connected account, of the header `Stripe-Account`."""
    content_type: str = ""
    pages: Callable[[], str | None] | None = None
    """Returns the address of the server of pages; None: addresses stay Stripe's own."""


class Headers(dict[str, str]):
    """Headers by their names in small letters; names are looked up in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return a header, or the default."""
        return super().get(name.lower(), default)


class Response:
    """An answer: a status, JSON, and headers."""

    __slots__ = ("body", "delay_s", "headers", "status")

    def __init__(self, status: int, body: str, headers: Headers, delay_s: float = 0.0) -> None:
        """Answer at once, by default."""
        self.status: int = status
        """0 for a lost answer: the transport closes the connection instead of sending it."""
        self.body: str = body
        self.headers: Headers = headers
        self.delay_s: float = delay_s
        """The delay in seconds that the transport waits before it sends the answer."""
