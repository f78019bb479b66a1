"""A request and its answer, as they come from and go to whatever transport there is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """What a client asks."""

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


class Headers(dict[str, str]):
    """Headers by their names in small letters; looked up in whatever case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return a header, or the default."""
        return super().get(name.lower(), default)


@dataclass(slots=True)
class Response:
    """What is answered: a status, JSON, and headers."""

    status: int
    """0 for an answer that never comes: whoever would send it closes the connection."""
    body: str
    headers: Headers = field(default_factory=Headers)
    delay_s: float = 0.0
    """How long it takes, in seconds: whoever sends it waits that long first."""
