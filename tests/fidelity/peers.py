"""Other fakes of Stripe that recordings are replayed against: installed, served, ended."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
START_S = 120.0  # Pyodide compiles all that it imports
PYODIDE = "pyodide@314.0.7"
WASM = ("--python-version", "3.14", "--implementation", "cp", "--abi", "cp314", "--abi", "none")
PLATFORMS = ("pyemscripten_2026_0_wasm32", "any", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
"""The last two are for PyYAML, which has no wheel for Pyodide; it works without its library."""


class Peer(NamedTuple):
    """A fake of Stripe that is a server, and what the judge is told of it."""

    requirement: str
    note: str
    install: Callable[[str, Path, int], list[str]]
    options: tuple[str, ...] = ()

    @contextmanager
    def served(self, folder: Path) -> Iterator[list[str]]:
        """Install it in a new folder and serve it; yield the judge's options."""
        folder.mkdir()
        port = free_port()
        command = self.install(self.requirement, folder, port)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet) as server:
            try:
                wait_for(port, server)
                yield ["--url", f"http://127.0.0.1:{port}", *self.options]
            finally:
                server.terminate()


def localstripe(requirement: str, folder: Path, port: int) -> list[str]:
    """Install it in an environment of its own; return the command that serves it."""
    venv.create(folder / "env", with_pip=True)
    bin = folder / "env" / "bin"
    run(str(bin / "pip"), "install", "--quiet", requirement)
    return [str(bin / "localstripe"), "--port", str(port), "--from-scratch"]


def seahaven(requirement: str, folder: Path, port: int) -> list[str]:
    """Install it for the Python of Pyodide; return the command that serves it."""
    run("npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), PYODIDE)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    options = [*WASM, *platforms, "--target", str(folder / "site")]
    run(*pip, "--ignore-requires-python", *options, requirement)
    return ["node", str(HERE / "peer_seahaven.mjs"), str(port)]


def run(*command: str) -> None:
    """Run a command; what it says is shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when a server accepts connections."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert server.poll() is None, f"{server.args} ended with {server.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{server.args} does not listen after {START_S:.0f} s")


PEERS = {
    "localstripe": Peer(
        "localstripe==1.15.10",
        "one account for all keys, emptied before each recording by the call that it has for it",
        localstripe,
        ("--reset", "DELETE /_config/data"),
    ),
    "seahaven": Peer(
        "seahaven-stripe-world==0.3.0",
        f"an account a recording, in test mode; run by the Python 3.14 of npm's {PYODIDE}",
        seahaven,
    ),
}
