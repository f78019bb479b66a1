"""Peers that wait for a change: each is told of the first one that comes."""

from __future__ import annotations

from collections.abc import Iterator

from tiger.system import time
from tiger.wire.session import WATCH_AGAIN_S

Watched = tuple[int | None, str]
"""The subject of a wait: a table, or (None) any, in a namespace."""


class Waiting:
    """The peers that wait, each until it is told or does not ask again."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.watched: dict[Watched, dict[bytes, tuple[int, float]]] = {}
        """The waiting peers by subject, with their numbers and the time at which they asked."""

    def add(self, watched: Watched, peer: bytes, number: int) -> None:
        """Have a peer wait; its reply has the number that it gave last for the same."""
        self.watched.setdefault(watched, {})[peer] = (number, time.monotonic())

    def take(self, changed: set[Watched]) -> Iterator[tuple[bytes, int]]:
        """Yield the peers, with their numbers, that wait for a change; they wait no more."""
        for watched in changed & self.watched.keys():
            for peer, (number, _) in self.watched.pop(watched).items():
                yield peer, number

    def forget_quiet(self) -> None:
        """Forget those that do not wait any more: they would have asked again."""
        latest = time.monotonic() - 2 * WATCH_AGAIN_S
        for watched, peers in list(self.watched.items()):
            for peer, (_, asked_at) in list(peers.items()):
                if asked_at < latest:
                    del peers[peer]
            if not peers:
                del self.watched[watched]
