"""Peers that wait for a change: each is told of the first one that comes."""

from __future__ import annotations

from collections.abc import Iterator

from tiger.system import time
from tiger.wire.session import WATCH_AGAIN_S

Place = tuple[int | None, str]
"""A table, or (None) any, in a namespace."""


class Waiting:
    """The peers that wait, each until it is told or does not ask again."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.places: dict[Place, dict[bytes, tuple[int, float]]] = {}
        """What is waited for: by which peers, their numbers, and when they asked."""

    def add(self, place: Place, peer: bytes, number: int) -> None:
        """Have a peer wait; of a place, it waits under the number it gave last."""
        self.places.setdefault(place, {})[peer] = (number, time.monotonic())

    def take(self, changed: set[Place]) -> Iterator[tuple[bytes, int]]:
        """Yield the peers, with their numbers, that wait for a change; they wait no more."""
        for place in changed & self.places.keys():
            for peer, (number, _) in self.places.pop(place).items():
                yield peer, number

    def forget_quiet(self) -> None:
        """Forget those that do not wait any more: they would have asked again."""
        latest = time.monotonic() - 2 * WATCH_AGAIN_S
        for place, peers in list(self.places.items()):
            for peer, (_, asked_at) in list(peers.items()):
                if asked_at < latest:
                    del peers[peer]
            if not peers:
                del self.places[place]
