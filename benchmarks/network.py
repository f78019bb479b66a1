"""Hosts as network namespaces of this machine: a switch, and links that can be cut.

Needs Linux, root and ip(8).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence


class NoNetwork(Exception):
    """This machine, or this user, makes none."""


class Network:
    """Hosts of these names; two networks at a time have different numbers, 1 to 250."""

    def __init__(self, names: Sequence[str], number: int) -> None:
        """Prepare; `up` makes it."""
        self._names = [*names]
        self._number = number

    def address(self, name: str) -> str:
        """Return a host's address."""
        return f"10.77.{self._number}.{self._names.index(name) + 1}"

    def inside(self, name: str) -> list[str]:
        """Return a command's beginning that runs it on a host."""
        return ["ip", "netns", "exec", self._space(name)]

    def _space(self, name: str) -> str:
        return f"tg{self._number}-{name}"

    def up(self) -> None:
        """Make it; `NoNetwork` if that cannot be."""
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NoNetwork("hosts in a network need root and ip(8)")
        switch = self._space("switch")
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "br0", "up")
        for name in self._names:
            space, port = self._space(name), f"p-{name}"
            _ip("netns", "add", space)
            peer = ("type", "veth", "peer", "name", port, "netns", switch)
            _ip("link", "add", "eth0", "netns", space, *peer)
            _ip("-n", switch, "link", "set", port, "master", "br0", "up")
            _ip("-n", space, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def down(self) -> None:
        """Take away what there is of it."""
        for name in (*self._names, "switch"):
            command = ["ip", "netns", "del", self._space(name)]
            subprocess.run(command, check=False, capture_output=True)

    def cut(self, name: str) -> None:
        """Cut a host's link: nothing is refused, and nothing arrives."""
        _ip("-n", self._space("switch"), "link", "set", f"p-{name}", "down")

    def heal(self, name: str) -> None:
        """Mend it."""
        _ip("-n", self._space("switch"), "link", "set", f"p-{name}", "up")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNetwork(f"ip {' '.join(words)}: {done.stderr.strip()}")
