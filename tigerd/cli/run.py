"""`tigerd run`: a daemon for the length of one command.

The daemon is in a session of its own, so what the terminal sends to the command does not reach it;
and this process stays connected to it, so that it does not idle out before the command's end, and
does so soon after should this process be killed.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from tiger import connect
from tiger.errors import TigerError
from tiger.place import instance, launch, owners
from tiger.system import os, subprocess
from tigerd.cli.options import STOP_S, following, on_its_own_instance
from tigerd.cli.output import say
from tigerd.service import ephemeral
from tigerd.service.exits import NOT_A_COMMAND, NOT_EXECUTABLE, SIGNALLED
from tigerd.service.followed import VARIABLE
from tigerd.service.stopping import stop_daemon

ORPHAN_S = 30
"""How long the daemon stays when this process was killed and nobody else is connected."""

FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to the whole foreground, so the command has got them already."""


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: tigerd run -- pytest -n 4",
)
@on_its_own_instance
@following
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(directory: str | None, url: str | None, command: tuple[str, ...]) -> None:
    """Run a command with a daemon of its own.

    The command gets the daemon's directory as TIGERD_DIR. The exit code is the command's; 128
    plus its number if a signal ended it.
    """
    if url is not None:  # what the command starts follows it too
        os.environ[VARIABLE] = url
    run_with_daemon(directory, command)


def run_with_daemon(
    directory: str | None,
    command: tuple[str, ...],
    prepared: Callable[[dict[str, str]], dict[str, str]] = dict,
) -> NoReturn:
    """Run a command with its own daemon, in the prepared environment; exit with its exit code."""
    is_path = os.sep in command[0] and os.path.exists(command[0])  # which may not be executable
    if not is_path and shutil.which(command[0]) is None:
        say(f"{command[0]}: no such command")
        raise click.exceptions.Exit(NOT_A_COMMAND)
    child = Child(command)
    with child.listening(), _daemon(directory) as place:
        code = child.run(prepared({**os.environ, "TIGERD_DIR": str(place)}))
    raise click.exceptions.Exit(code)


class Child:
    """The command, and the signals that this process passes on to it."""

    def __init__(self, command: tuple[str, ...]) -> None:
        """Prepare to run the command."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals for as long as the context lasts."""
        before = {number: signal.signal(number, self._on_signal) for number in FORWARDED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._process is None:  # nothing runs yet: all ends here
            raise click.exceptions.Exit(SIGNALLED + number)
        if number not in FROM_TERMINAL or not _is_foreground():
            self._process.send_signal(number)

    def run(self, environment: dict[str, str]) -> int:
        """Run the command to its end and return its exit code."""
        try:
            self._process = subprocess.Popen(self._command, env=environment)
        except FileNotFoundError as error:  # what its first line names
            say(f"{error.filename}: no such command")
            return NOT_A_COMMAND
        except OSError as error:
            say(f"{self._command[0]}: {error.strerror}")
            return NOT_EXECUTABLE
        code = self._process.wait()
        return code if code >= 0 else SIGNALLED - code


def _is_foreground() -> bool:
    """Tell whether a terminal's Ctrl-C goes to this process and its children."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _daemon(directory: str | None) -> Iterator[Path]:
    """Give an instance with a daemon; at the end, stop and remove what was started for it."""
    if directory is None:
        with _fresh_directory() as place, _started(place, ephemeral.PATIENCE_S):
            yield place
        return
    place = instance.find_directory(directory)
    with _started(place, STOP_S):
        yield place


@contextmanager
def _fresh_directory() -> Iterator[Path]:
    """Give a private directory, which is removed at the end or, should this be killed, after it."""
    place = ephemeral.path_of(os.urandom(8).hex())
    try:
        ephemeral.make(place, owners.Owner(owners.Process.current()))
        yield place
    finally:
        with suppress(TigerError):  # said already, when the daemon was to stop
            ephemeral.end(place)
        try:
            ephemeral.sweep(place)
        except TigerError as error:
            say(f"the records of this run were not removed: {error}")


@contextmanager
def _started(place: Path, stop_s: float) -> Iterator[None]:
    """Start a daemon at the beginning and stop it at the end, unless one runs already."""
    is_new = False
    try:
        is_new = launch.start(place, (f"--idle-exit={ORPHAN_S}",))
        with connect(place, autostart=False) as store:
            store.ping()
            yield
    finally:
        if is_new:
            _end(place, stop_s)


def _end(place: Path, stop_s: float) -> None:
    """Stop the daemon; one whose directory the command removed sees that and stops by itself."""
    if not place.exists():
        say(f"the command removed {place} with all its records")
        return
    try:
        stop_daemon(place, stop_s)
    except TigerError as error:
        say(str(error))
