"""tigerd on two hosts that share a log: network namespaces of this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from msgpack import packb

from benchmarks.network import Network, NoNetwork
from benchmarks.peers.base import Peer
from benchmarks.peers.tigerd import Tigerd
from benchmarks.records import Record

HOSTS = ("a", "b")
ENGINE = "e"
TIGERD = (sys.executable, "-m", "tigerd")


class TwoHosts(Tigerd):
    """What is measured is on the first host; the second one follows."""

    name = "tigerd, two hosts"
    everywhere = False

    def missing(self) -> str:
        if found := super().missing():
            return found
        try:
            import_module("tigerd.log.serving").find()
            probe = Network((), 251)
            probe.up()
            probe.down()
        except (NoNetwork, import_module("tiger").TigerError) as error:
            return str(error)
        return ""

    def start(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        network = _network(directory)
        network.down()
        network.up()
        listen = f"{network.address(ENGINE)}:4222"
        store = ["--listen", listen, "--store", str(directory / "engine")]
        _serve_log(directory, [*network.inside(ENGINE), *TIGERD, "log", "serve", *store])
        for host in HOSTS:
            where = ["--dir", str(directory / host), "--log", f"nats://{listen}/bench"]
            command = [*network.inside(host), *TIGERD, "start", *where]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self, directory: Path) -> None:
        for host in HOSTS:
            self._daemon("stop", directory / host)
        _stop_log(directory)
        _network(directory).down()

    def open(self, directory: Path, table: str) -> None:
        connect = import_module("tiger").connect
        settings: dict[str, Any] = {"namespace": "bench", "autostart": False, "timeout_s": 30}
        super().open(directory / HOSTS[0], table)
        self._store = self._exits.enter_context(
            connect(directory / HOSTS[0], everywhere=self.everywhere, **settings)
        )
        self._table = self._store.table(table)
        there = self._exits.enter_context(connect(directory / HOSTS[1], **settings))
        self._there = there.table(table)

    def insert_and_see(self, record: Record) -> None:
        """Insert a record, and look until the other host has it."""
        self._table.insert(record)
        has: Callable[[str], bool] = self._there.__contains__
        while not has(record["id"]):
            os.sched_yield()


class Everywhere(TwoHosts):
    """Whose writes return when both hosts have them."""

    name = "tigerd, everywhere"
    everywhere = True


class EngineAlone(Peer):
    """What the engine and the way to it take, without daemons: nothing on its log is faster."""

    name = "the engine alone"

    def missing(self) -> str:
        try:
            import_module("tigerd.log.serving").find()
        except import_module("tiger").TigerError as error:
            return str(error)
        return ""

    def start(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            listen = f"127.0.0.1:{free.getsockname()[1]}"
        store = ["--listen", listen, "--store", str(directory / "engine")]
        _serve_log(directory, [*TIGERD, "log", "serve", *store])

    def stop(self, directory: Path) -> None:
        _stop_log(directory)

    def open(self, directory: Path, table: str) -> None:
        parts = import_module("tigerd.log.log")
        address = parts.address_of(f"{(directory / 'log').read_text()}/bench")
        begin = parts.Position(0, 0)
        self._log = import_module("tigerd.log.nats").NatsLog(
            address, self.name, "", lambda: begin, parts.Terms.of_this(1 << 20)
        )
        self._number = 0
        while not self._log.is_up:
            parts.wait(self._log)
            self._log.take()

    def close(self) -> None:
        self._log.close()

    def insert(self, record: Record) -> None:
        """Append an entry, and wait until it comes back."""
        self._number += 1
        self._log.append(f"bench-{self._number}", packb(record))
        self._log.flush()
        wait = import_module("tigerd.log.log").wait
        while not any(type(event).__name__ == "Entry" for event in self._log.take()):
            wait(self._log)


def _serve_log(directory: Path, command: list[str]) -> None:
    """Start an engine, and note its process and its address in the directory."""
    engine = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert engine.stdout is not None
    ready = json.loads(engine.stdout.readline())
    (directory / "pid").write_text(str(ready["pid"]))
    (directory / "log").write_text(ready["log"])


def _stop_log(directory: Path) -> None:
    with suppress(OSError, ValueError):
        os.kill(int((directory / "pid").read_text()), signal.SIGTERM)


def _network(directory: Path) -> Network:
    return Network((*HOSTS, ENGINE), zlib.crc32(os.fsencode(directory)) % 250 + 1)
