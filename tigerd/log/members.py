"""The other hosts of a log, and how far each has applied it.

Daemons tell each other by messages of the engine that nothing keeps: each its position, twice a
second, and after every entry while somebody waits for it. A daemon is known by a number that it
makes when it starts; one that joins takes the place of the daemon that served its directory before.
One that says nothing for `GONE_S` is waited for no longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tiger.system import os, secrets, socket, time

TELL_S = 0.5
"""How often a daemon tells its position anyway."""
GONE_S = 10.0
"""Of silence after which a host is not waited for. Clients give up their writes before, so one that
is away for a moment makes writes of unknown outcome, and none that it does not see."""
ROLL_CALL_S = 1.0
"""How long the others have to answer a daemon that has just joined."""
CLOSELY_S = 2.0
"""How long to tell of every entry after somebody asked for it."""


class Member(NamedTuple):
    """Another host, as far as it is known."""

    name: str
    place: str
    applied: int
    heard_at: float


Peer = tuple[bytes, int]
"""A client's connection, and the number of its question."""


class Members:
    """The hosts of a log, and the clients that wait for them."""

    def __init__(
        self, name: str, place: str, tell: Callable[[bytes], None], applied: Callable[[], int]
    ) -> None:
        """Begin alone."""
        self._me = secrets.token_hex(8)
        self._name = name
        self._place = place
        self._tell = tell
        self._applied = applied
        self.others: dict[str, Member] = {}
        self._waiting: dict[Peer, int] = {}
        self._is_known_at = float("inf")
        self._tell_at = 0.0
        self._closely_until = 0.0
        """Until when to tell of every entry."""
        self._ask_at = 0.0
        """When to ask for that again."""

    def join(self) -> None:
        """Tell all that this daemon is there, and have them say that they are."""
        now = time.monotonic()
        self._is_known_at = now + ROLL_CALL_S
        self._say("join")

    def ask(self) -> None:
        """Ask all hosts for their positions, without following the log."""
        self._say("who")

    def leave(self) -> None:
        """Tell all that this daemon applies no more."""
        self._say("leave")

    def hear(self, body: bytes) -> None:
        """Handle a message from another host."""
        try:
            said = json.loads(body)
            host, kind, name = str(said["host"]), said["kind"], str(said["name"])
            place, applied = str(said["place"]), int(said["applied"])
        except (ValueError, KeyError, TypeError):
            return  # of another version, or no daemon's
        if host == self._me:
            return
        now = time.monotonic()
        if kind == "leave":
            self.others.pop(host, None)
            return
        if kind == "who":  # asks, and follows nothing itself
            self._say("position")
            return
        if kind == "join":
            for other, member in list(self.others.items()):
                if member.place == place:
                    del self.others[other]
        self.others[host] = Member(name, place, applied, now)
        if kind == "join":
            self._say("closely" if now < self._ask_at else "position")
        elif kind == "closely":
            self._closely_until = now + CLOSELY_S
            self._say("position")

    def places(self) -> set[str]:
        """Return the places of the other hosts that are there."""
        return {member.place for member in self.others.values()}

    def wait(self, peer: Peer) -> None:
        """Let a client wait until all hosts have applied the same entries as this one now."""
        if peer not in self._waiting:
            self._waiting[peer] = self._applied()
            if time.monotonic() >= self._ask_at:
                self._ask_at = time.monotonic() + CLOSELY_S / 2
                self._say("closely")

    def advanced(self) -> None:
        """Tell that this host has applied more, if somebody waits for it."""
        if time.monotonic() < self._closely_until:
            self._say("position")

    def answered(self) -> list[Peer]:
        """Return the clients that need not wait any longer; call it often."""
        now = time.monotonic()
        if now >= self._tell_at:
            self._say("position")
        for host, member in list(self.others.items()):
            if now - member.heard_at > GONE_S:
                del self.others[host]
        if not self._waiting or now < self._is_known_at:
            return []
        least = min((member.applied for member in self.others.values()), default=self._applied())
        done = [peer for peer, sequence in self._waiting.items() if sequence <= least]
        for peer in done:
            del self._waiting[peer]
        return done

    def _say(self, kind: str) -> None:
        self._tell_at = time.monotonic() + TELL_S
        said = {
            "host": self._me,
            "kind": kind,
            "name": self._name,
            "place": self._place,
            "applied": self._applied(),
        }
        self._tell(json.dumps(said).encode())


def name_of_host() -> str:
    """Return a readable name of this host, for people only."""
    return f"{socket.gethostname()}/{os.getpid()}"


def place_of_host(directory: Path, instance: int) -> str:
    """Return the identity of a host: its instance and its directory.

    A copy of an instance is another host; the next daemon of the same directory is the same one.
    """
    status = os.stat(directory)
    return f"{instance:x}-{status.st_dev:x}-{status.st_ino:x}"
