"""An engine and hosts, each with a daemon that follows its log: on one machine, or in a network."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import tiger
from benchmarks.network import Network
from tests.machines.network import ENGINE, network_of
from tests.support.file_system import new_directory
from tests.support.processes import PROJECT, daemons_of, end_daemons, kill, wait_for
from tiger import TigerError
from tiger.format import layout
from tiger.place import instance
from tiger.reading.reader import Reader
from tigerd.log.serving import find
from tigerd.service.replica import LOG, LOG_TOO
from tigerd.tools.audit import audit

STREAM = "shop"
TIGERD = [sys.executable, "-m", "tigerd"]
HOLDER = Path(__file__).with_name("holder.py")


class Engine:
    """One engine; another store is another log."""

    def __init__(self, base: Path, network: Network | None, arguments: Sequence[str] = ()) -> None:
        self.store = base / "engine"
        self._network = network
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._log = base / "engine.log"
        self.host = network.address(ENGINE) if network else "127.0.0.1"
        self.port = 4222 if network else _free_port()

    @property
    def url(self) -> str:
        """Where the log is."""
        return f"nats://{self.host}:{self.port}/{STREAM}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        listen = ["--listen", f"{self.host}:{self.port}", "--store", str(self.store)]
        prefix = self._network.inside(ENGINE) if self._network else []
        command = [*prefix, *TIGERD, "log", "serve", *listen, "--", *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        self._pid = json.loads(line)["pid"]

    def kill(self) -> None:
        """Kill it, and what waits for it."""
        if self._process is None:
            return
        kill([self._pid])
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None


class Host:
    """One host's instance and its daemon."""

    def __init__(self, name: str, base: Path, engine: Engine, network: Network | None) -> None:
        self.name = name
        self.directory = base / name
        self._engine = engine
        self.prefix = network.inside(name) if network else []
        self.serve = [*TIGERD, "serve"]
        """The program that is its daemon."""
        self._process: subprocess.Popen[bytes] | None = None
        self.log = base / f"{name}.log"

    def launch(self, *options: str, url: str | None = None) -> subprocess.Popen[bytes]:
        """Start a daemon, and do not wait."""
        where = ["--dir", str(self.directory), "--log", url or self._engine.url]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self.prefix, *self.serve, *where, *options],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def start(self, *options: str, url: str | None = None) -> None:
        """Start a daemon, and wait until it is ready: it has all of the log then."""
        self._process = self.launch(*options, url=url)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), self.log.read_text()

    def refuses(self, *options: str, url: str | None = None) -> tuple[int, str]:
        """Start a daemon that does not come to be ready; return exit code and last words."""
        before = len(self.log.read_text()) if self.log.exists() else 0
        process = self.launch(*options, url=url)
        said, _ = process.communicate(timeout=60)
        assert not said, said
        return process.returncode, self.log.read_text()[before:]

    def kill(self) -> None:
        """Kill the daemon, no matter which process started it."""
        kill(daemons_of(self.directory))
        self.reap()

    def reap(self) -> None:
        """Wait for the end of the daemon that `start` started."""
        if self._process is not None:
            self._process.wait(timeout=60)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Stop the daemon where it is."""
        kill(daemons_of(self.directory), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        kill(daemons_of(self.directory), signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        """Whether a daemon has the instance."""
        return instance.is_running(self.directory)

    def connect(self, **settings: Any) -> tiger.Store:
        """Return a store of this host; the caller closes it."""
        return tiger.connect(self.directory, **{"autostart": False, **settings})

    def state(self) -> tuple[int, int, dict[str, Any]]:
        """Return the position in the log, the commit, and all records in their order."""
        with self.connect() as store, store.snapshot() as view:
            names = sorted(store.namespaces())
            records: dict[str, Any] = {}
            for name in names:
                there = store.namespace(name)
                for table in store.tables():
                    if found := list(there.table(table)):
                        records[f"{name}/{table}"] = found
            assert view is not None
        return *self.position(), records

    def position(self) -> tuple[int, int]:
        """Return the position in the log, and the commit."""
        reader = Reader(self.directory)
        try:
            words = reader.words
            slots = (layout.client_at(slot, 0) for slot in range(layout.CLIENTS_MAX))
            own = [at for at in slots if words[at + layout.CLIENT_ID] in (LOG, LOG_TOO)]
            said = max(words[at + layout.CLIENT_ANSWER] for at in own)
            return said >> layout.CLIENT_STATUS_BITS, words[layout.COMMIT]
        finally:
            reader.close()

    def check(self) -> None:
        """Assert that the instance is sound."""
        assert audit(self.directory).findings == []


class Machines:
    """An engine and its hosts."""

    def __init__(self, base: Path, engine: Engine, network: Network | None) -> None:
        self.base = base
        self.engine = engine
        self.network = network
        self.hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def add(self, name: str, *, start: bool = True) -> Host:
        """Have one more host."""
        host = self.hosts[name] = Host(name, self.base, self.engine, self.network)
        if start:
            host.start()
        return host

    def settle(self, patience_s: float = 60) -> None:
        """Wait until all hosts have applied the same entries, and none comes any more."""

        def same() -> bool:
            with suppress(TigerError, StopIteration):
                return len({host.position() for host in self.hosts.values()}) == 1
            return False

        wait_for(same, "the same position on all hosts", patience_s)

    def check_equal(self) -> dict[str, Any]:
        """Assert that all hosts have the same, and are sound; return the records."""
        self.settle()
        states = [host.state() for host in self.hosts.values()]
        for state in states[1:]:
            assert state[:2] == states[0][:2]
            assert json.dumps(state[2]) == json.dumps(states[0][2])
        for host in self.hosts.values():
            host.check()
        return states[0][2]


@contextmanager
def machines(
    *names: str, in_network: bool = False, arguments: Sequence[str] = (), start: bool = True
) -> Iterator[Machines]:
    """Give an engine that runs, and hosts of these names; skips where there is no engine."""
    try:
        find()
    except TigerError as error:
        pytest.skip(str(error))
    with ExitStack() as stack:
        base = stack.enter_context(new_directory())
        network = stack.enter_context(network_of(names)) if in_network else None
        engine = Engine(base, network, arguments)
        made = Machines(base, engine, network)
        stack.callback(_end, made)
        engine.start()
        for name in names:
            made.add(name, start=start)
        yield made


def _end(made: Machines) -> None:
    for host in made.hosts.values():
        end_daemons(host.directory)
        host.reap()
    made.engine.kill()
    for log in made.base.rglob("*.log"):
        assert "Traceback" not in log.read_text(errors="replace"), log.read_text()[-3000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_instance(source: Path, target: Path) -> None:
    """Copy an instance whose daemon has ended."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("socket"))
    target.chmod(0o700)
