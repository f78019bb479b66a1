"""tigerd on two hosts that share a log: network namespaces of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.network import Network, NoNetwork
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
        engine = subprocess.Popen(
            [*network.inside(ENGINE), *TIGERD, "log", "serve", *store],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert engine.stdout is not None
        (directory / "pid").write_text(str(json.loads(engine.stdout.readline())["pid"]))
        for host in HOSTS:
            where = ["--dir", str(directory / host), "--log", f"nats://{listen}/bench"]
            command = [*network.inside(host), *TIGERD, "start", *where]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self, directory: Path) -> None:
        for host in HOSTS:
            self._daemon("stop", directory / host)
        with suppress(OSError, ValueError):
            os.kill(int((directory / "pid").read_text()), signal.SIGTERM)
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


def _network(directory: Path) -> Network:
    return Network((*HOSTS, ENGINE), zlib.crc32(os.fsencode(directory)) % 250 + 1)
