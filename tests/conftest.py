"""What the tests share: a fresh instance, a shared one, the command line, and other processes.

Everything here goes through what users have: `import tiger` and `python -m tigerd`. A test that is
about the daemon's life takes `directory` (an instance of its own); all others take `shared_store`,
a fresh namespace in an instance that lives as long as the pytest process, since starting a daemon
costs more than most tests.
"""

from __future__ import annotations

import csv
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.support import processes, program
from tests.support.file_system import new_directory

Result = TypeVar("Result")
Function = Callable[..., object]

pytest_plugins = "pytester"  # for tests/plugin; pytest wants it here

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # no test fails because the machine is busy

PROJECT = Path(__file__).resolve().parent.parent
COMMAND_TIMEOUT_S = 60.0
STOP_S = 10.0


def pytest_configure() -> None:
    """Undo what a runner may say, and what would hold for all that the tests start.

    Ctrl-C is noticed: what a shell starts behind itself ignores it. And what is compiled is kept,
    so that a few thousand processes do not each compile all that they import.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Keep the thousands of collected tests out of all later garbage collections."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """No setting reaches an instance of a test: the runner's, or of an account of the examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TIGERD_DIR", raising=False)
        patch.delenv("TIGERD_NAMESPACE", raising=False)
        patch.delenv("TIGERD_RUN", raising=False)
        patch.delenv("TIGERD_LOG", raising=False)
        yield


def _wait_until(
    condition: Callable[[], Result], *, timeout_s: float = 15.0, what: str = "the condition"
) -> Result:
    return processes.wait_for(condition, what, timeout_s)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """`wait_until(condition, timeout_s=..., what=...)`: its first true result, or a failure."""
    return _wait_until


@pytest.fixture(scope="session", name="is_alive")
def is_alive_fixture() -> Callable[[int], bool]:
    """`is_alive(pid)`."""
    return processes.is_alive


# Instances


def _run_tigerd(
    *arguments: str,
    directory: str | None,
    stdin: str = "",
    env: dict[str, str | None] | None = None,
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tigerd", *_with_directory(arguments, directory)]
    environ = {**os.environ, **(env or {})}
    completed = subprocess.run(
        command,
        input=stdin,
        env={name: value for name, value in environ.items() if value is not None},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    for word in ("Traceback", "a bug in tigerd"):
        assert word not in completed.stderr + completed.stdout, completed.stderr
    return completed


def _with_directory(arguments: Sequence[str], directory: str | None) -> list[str]:
    if directory is None:
        return list(arguments)
    return [arguments[0], "--dir", directory, *arguments[1:]]


def _stop(place: Path) -> None:
    from tiger.errors import TigerError
    from tigerd.service.stopping import signal_daemon, stop_daemon

    try:
        stop_daemon(place, STOP_S)
    except TigerError:
        signal_daemon(place, signal.SIGKILL)


@contextmanager
def _fresh_directory() -> Iterator[str]:
    """Give a directory; the daemons in and below it end with it, by force if asking does not help.

    None of them may have failed: a traceback in a log is a failure of the test.
    """
    with new_directory() as directory:
        try:
            yield str(directory)
        finally:
            for path in directory.rglob("*"):
                if path.is_socket():
                    _stop(path.parent)
        for log in directory.rglob("daemon.log"):
            assert "Traceback" not in log.read_text(errors="replace"), log


@pytest.fixture
def directory() -> Iterator[str]:
    """An instance's directory of this test's own, with no daemon yet; short, for its socket."""
    with _fresh_directory() as path:
        yield path


@pytest.fixture
def store(directory: str) -> Iterator[Any]:
    """A store on an instance of this test's own."""
    import tiger

    with tiger.connect(directory) as connected:
        yield connected


@pytest.fixture(scope="session")
def shared_directory() -> Iterator[str]:
    """The directory of the instance that this pytest process's tests share."""
    with _fresh_directory() as path:
        yield path


@pytest.fixture(scope="session")
def shared_connection(shared_directory: str) -> Iterator[Any]:
    """A store on the shared instance; tests take `shared_store`, which is isolated."""
    import tiger

    with tiger.connect(shared_directory, namespace="global") as connected:
        yield connected


@pytest.fixture
def shared_store(shared_connection: Any) -> Iterator[Any]:
    """A store bound to a fresh namespace of the shared instance."""
    with shared_connection.sandbox() as test:
        yield test


@pytest.fixture
def other_store(shared_connection: Any) -> Iterator[Any]:
    """A store bound to another fresh namespace of the shared instance."""
    with shared_connection.sandbox() as test:
        yield test


@pytest.fixture
def second_store(shared_directory: str, shared_store: Any) -> Iterator[Any]:
    """Another connection to the namespace of `shared_store`: what another process would see."""
    import tiger

    namespace = shared_store.current_namespace
    with tiger.connect(shared_directory, namespace=namespace) as connected:
        yield connected


# The command line


@pytest.fixture
def tigerd() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`tigerd(command, *arguments, directory=...)`: `python -m tigerd`, never with a traceback."""
    return _run_tigerd


@pytest.fixture
def cli(tigerd: Callable[..., Any], shared_directory: str, shared_store: Any) -> Callable[..., Any]:
    """`cli(command, *arguments)`: on the namespace of `shared_store`."""

    def run(*arguments: str, **options: Any) -> Any:
        environment = {"TIGERD_NAMESPACE": shared_store.current_namespace}
        return tigerd(*arguments, directory=shared_directory, env=environment, **options)

    return run


class Daemon(NamedTuple):
    """A daemon in the foreground, and the line it was READY with."""

    process: subprocess.Popen[str]
    ready_line: str
    log: Path

    @property
    def ready(self) -> dict[str, Any]:
        """The READY line's JSON."""
        return json.loads(self.ready_line[self.ready_line.index("{") :])


@pytest.fixture
def start_tigerd(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start_tigerd(command, *arguments, directory=...)`: a running process, killed at the end."""
    with ExitStack() as stack:

        def start(*arguments: str, directory: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "tigerd", *_with_directory(arguments, directory)]
            log = tmp_path / f"{arguments[0]}.{len(os.listdir(tmp_path))}.log"
            stderr = stack.enter_context(log.open("w"))
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
            )
            process.log = log  # type: ignore[attr-defined]
            stack.callback(_end, process)
            return process

        yield start


@pytest.fixture
def serve(start_tigerd: Callable[..., subprocess.Popen[str]]) -> Callable[..., Daemon]:
    """`serve(directory, *options)`: a daemon in the foreground that has said READY."""

    def start(directory: str, *options: str) -> Daemon:
        process = start_tigerd("serve", *options, directory=directory)
        assert process.stdout is not None
        line = process.stdout.readline()
        log: Path = process.log  # type: ignore[attr-defined]
        assert line, f"no READY line; the log: {log.read_text()}"
        return Daemon(process, line, log)

    return start


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a process and closes its pipes, whatever state it is in."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


# Other processes


class OtherProcess:
    """A process that calls a function beside the test."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def read_line(self) -> str:
        """What the process prints next; the test fails where it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return line.strip()

    def write_line(self, line: str) -> None:
        """Sends a line to the process's stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def rest(self) -> str:
        """What the process prints until its end; the test fails where it raised.

        `communicate` would leave out what was read ahead with a line.
        """
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.close()
        stdout, stderr = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=COMMAND_TIMEOUT_S) == 0, stderr
        return stdout

    def answer(self) -> Any:
        """What the function returned; the test fails where it raised."""
        return json.loads(self.rest().splitlines()[-1])


@pytest.fixture
def start_other_process() -> Iterator[Callable[..., OtherProcess]]:
    """`start_other_process(directory, function, *arguments, **settings)`: it gets a store, too.

    That is one of its own; `settings` go to `tiger.connect`.
    """
    with ExitStack() as stack:

        def start(
            directory: str, function: Function, *arguments: object, **settings: object
        ) -> OtherProcess:
            store = (directory, settings)
            other = OtherProcess(program.command(function, *arguments, store=store))
            stack.callback(_end, other.process)
            return other

        yield start


@pytest.fixture
def in_other_process(start_other_process: Callable[..., OtherProcess]) -> Callable[..., Any]:
    """`in_other_process(directory, function, *arguments, **settings)`: what it returned there."""

    def run(directory: str, function: Function, *arguments: object, **settings: object) -> Any:
        return start_other_process(directory, function, *arguments, **settings).answer()

    return run


@pytest.fixture
def run_program() -> Callable[..., Any]:
    """`run_program(function, *arguments, prefix=())`: what it returned in a process of its own.

    For what must not happen inside pytest: forking beside its threads, or ending in a signal.
    """

    def run(function: Function, *arguments: object, prefix: Sequence[str] = ()) -> Any:
        completed = subprocess.run(
            program.command(function, *arguments, prefix=prefix),
            cwd=PROJECT,
            capture_output=True,
            encoding="utf-8",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout.splitlines()[-1])

    return run


# The tables


class Resource(NamedTuple):
    """One row of `resources.tsv`."""

    table: str
    object: str
    prefix: str
    url: str
    find_by: str
    find_active: str

    @property
    def finder_fields(self) -> list[str]:
        """The fields that have a `find_by_<field>` of their own."""
        return [] if self.find_by == "-" else self.find_by.split(",")

    @property
    def active(self) -> tuple[str, list[Any]] | None:
        """The field and the values that `find_active` asks for, if the table has one."""
        if self.find_active == "-":
            return None
        field, _, values = self.find_active.partition("=")
        return field, [{"true": True}.get(value, value) for value in values.split("|")]


@cache
def read_resources() -> list[Resource]:
    """The rows of the tables' list as the tests state it, independent of the library's own."""
    path = Path(__file__).parent / "acceptance" / "resources.tsv"
    with path.open(encoding="utf-8") as lines:
        return [Resource(**row) for row in csv.DictReader(lines, delimiter="\t")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`resource` is each table in turn, `active_resource` each that has a `find_active`."""
    rows = read_resources()
    for argument, chosen in {
        "resource": rows,
        "active_resource": [row for row in rows if row.active is not None],
    }.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, chosen, ids=[row.table for row in chosen])


@pytest.fixture(scope="session")
def resources() -> list[Resource]:
    """All tables a store has from the start."""
    return read_resources()
