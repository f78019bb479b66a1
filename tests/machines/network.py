"""Hosts as network namespaces on one bridge, whose links a test cuts. Needs root, ip(8), Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

ENGINE = "E"


def run(*words: str, check: bool = True) -> bool:
    """Run a command; tell whether it went well."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.returncode == 0


class Network:
    """A switch, and namespaces with a link to it."""

    def __init__(self, names: Sequence[str]) -> None:
        """Prepare; `up` makes it."""
        self._names = [*names, ENGINE]
        self._prefix = f"tg{os.getpid() % 100_000}"
        self._third = os.getpid() % 250 + 1

    def address(self, name: str) -> str:
        """Return a host's address."""
        return f"10.77.{self._third}.{self._names.index(name) + 1}"

    def inside(self, name: str) -> list[str]:
        """Return a command's beginning that runs it on a host."""
        return ["ip", "netns", "exec", self._space(name)]

    def _space(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def up(self) -> None:
        """Make it."""
        switch = self._space("sw")
        run("ip", "netns", "add", switch)
        run(*self.inside("sw"), "ip", "link", "add", "br0", "type", "bridge")
        run(*self.inside("sw"), "ip", "link", "set", "br0", "up")
        for name in self._names:
            own, theirs = f"v{name}", f"p{name}"
            run("ip", "netns", "add", self._space(name))
            peer = ["type", "veth", "peer", "name", theirs, "netns", switch]
            run("ip", "link", "add", own, "netns", self._space(name), *peer)
            run(*self.inside("sw"), "ip", "link", "set", theirs, "master", "br0", "up")
            address = f"{self.address(name)}/24"
            run(*self.inside(name), "ip", "addr", "add", address, "dev", own)
            run(*self.inside(name), "ip", "link", "set", own, "up")
            run(*self.inside(name), "ip", "link", "set", "lo", "up")

    def down(self) -> None:
        """Take it away."""
        for name in [*self._names, "sw"]:
            run("ip", "netns", "del", self._space(name), check=False)

    def cut(self, name: str) -> None:
        """Cut a host's link: nothing is refused, nothing arrives."""
        run(*self.inside("sw"), "ip", "link", "set", f"p{name}", "down")

    def heal(self, name: str) -> None:
        """Mend it."""
        run(*self.inside("sw"), "ip", "link", "set", f"p{name}", "up")


@contextmanager
def network_of(names: Sequence[str]) -> Iterator[Network]:
    """Give a network of hosts and an engine; skips where none may be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network of hosts needs root and ip(8)")
    made = Network(names)
    try:
        try:
            made.up()
        except AssertionError as error:
            pytest.skip(f"this machine allows no network namespaces: {error}")
        yield made
    finally:
        made.down()
