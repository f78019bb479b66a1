"""The parent of the workers: opens the socket, keeps the workers alive, sends webhooks.

It sleeps in `wait` until a worker ends or a signal comes. The workers end when it ends, for any
reason.
"""

from __future__ import annotations

import ipaddress
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from urllib.parse import quote

import tiger
from tigerstripe.http.courier import Courier

START_S = 30.0
"""How long a worker may take until it is ready."""
BACKLOG = 1024
SHORT_S = 1.0
"""A worker that lived no longer has failed to do its work."""
FAILURES_MAX = 5
"""So many of these one after the other, and the server gives up."""


class CannotServe(Exception):
    """The server cannot begin, or cannot go on; says why."""


def serve(
    directory: str, host: str, port: int, workers: int, unix: str | None, namespace: str | None
) -> int:
    """Serve until a signal ends it; return 0. Prints a line of JSON when it is ready.

    Raises `CannotServe` if the socket cannot be opened, or workers do not live.
    """
    listening, url = _listen_unix(unix) if unix is not None else _listen(host, port)
    try:
        with tiger.connect(directory) as store:
            store.ping()  # so that a directory that cannot be used is told of now
            supervisor = Supervisor(listening, str(store.directory), workers, namespace)
            courier: Courier | None = None
            try:
                if supervisor.start():
                    courier = Courier(store, url if unix is None else None)
                    _tell({
                        "ready": True,
                        "pid": os.getpid(),
                        "url": url,
                        "directory": str(store.directory),
                        "workers": workers,
                    })  # fmt: skip
                supervisor.wait()
            finally:
                supervisor.end()
                if courier is not None:
                    courier.close()
    finally:
        listening.close()
        if unix is not None:
            with suppress(FileNotFoundError):
                os.unlink(unix)
    return 0


def _tell(document: dict[str, object]) -> None:
    with suppress(OSError):  # nobody may read it any more
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


# --- The socket -----------------------------------------------------------------------------------


def _listen(host: str, port: int) -> tuple[socket.socket, str]:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotServe(
            f"cannot listen on {host} port {port}: {reason}; name another with --host and --port "
            f"(--port 0 takes a free one)"
        ) from None
    number = listening.getsockname()[1]
    with suppress(ValueError):
        if ipaddress.ip_address(host).version == 6:
            host = f"[{host}]"
    return listening, f"http://{host}:{number}"


def _listen_unix(path: str) -> tuple[socket.socket, str]:
    """Open a socket in the file system that only this user can use; one left behind is replaced."""
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        _remove_left(path)
        listening.bind(path)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotServe(f"cannot listen on {path}: {error.strerror or error}") from None
    finally:
        os.umask(before)
    return listening, f"http+unix://{quote(str(Path(path).absolute()), safe='')}"


def _remove_left(path: str) -> None:
    """Remove a socket on which nobody listens."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)


# --- The workers ----------------------------------------------------------------------------------


class Supervisor:
    """Keeps so many workers alive on one socket."""

    def __init__(
        self, listening: socket.socket, directory: str, workers: int, namespace: str | None
    ) -> None:
        """Prepare; `start` starts the workers."""
        self._listening = listening
        self._arguments = [directory] if namespace is None else [directory, namespace]
        self._count = workers
        self._life, self._held = os.pipe()
        """Workers watch the one end; it ends when this process, which has the other, does."""
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._ended: SimpleQueue[tuple[int, float]] = SimpleQueue()
        """The workers that have ended: number, and how long each lived."""
        self._failures = 0
        self._is_ending = False

    def start(self) -> bool:
        """Start the workers; return True when they are ready, False if a signal came before.

        Signals end them from now on.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        pipes = [self._spawn() for _ in range(self._count)]
        deadline = time.monotonic() + START_S
        for pipe in pipes:
            with open(pipe, "rb", buffering=0) as ready:
                left_s = max(0.0, deadline - time.monotonic())
                readable, _, _ = select.select([ready], [], [], left_s)
                is_ready = bool(readable) and ready.read(1) == b"1"
            if not is_ready and not self._is_ending:
                raise CannotServe("a worker did not start; see its error above")
        return not self._is_ending

    def _spawn(self) -> int:
        """Start a worker; return the pipe that says when it is ready."""
        ready, tell = os.pipe()
        given = (self._listening.fileno(), self._life, tell)
        command = [sys.executable, "-m", "tigerstripe.http.worker", *map(str, given)]
        process = subprocess.Popen(
            [*command, *self._arguments], pass_fds=given, stdin=subprocess.DEVNULL
        )
        os.close(tell)
        self._workers[process.pid] = process
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        return ready

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for one worker's end: of this process's other children, others hear."""
        began = time.monotonic()
        process.wait()
        self._ended.put((process.pid, time.monotonic() - began))

    def wait(self) -> None:
        """Return when a signal has ended the workers; one that ends by itself is replaced."""
        while self._workers:
            pid, lived_s = self._ended.get()
            process = self._workers.pop(pid)
            if not self._is_ending:
                self._replace(process.returncode, lived_s)

    def _replace(self, code: int, lived_s: float) -> None:
        self._failures = self._failures + 1 if lived_s < SHORT_S else 0
        if self._failures >= FAILURES_MAX:
            raise CannotServe(f"{FAILURES_MAX} workers ended at once, the last with code {code}")
        sys.stderr.write(f"tigerd: a worker ended with code {code}: starting another\n")
        os.close(self._spawn())
        if self._is_ending:  # a signal came in between
            self._signal(signal.SIGTERM)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._is_ending = True
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for pid in list(self._workers):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self) -> None:
        """End the workers, and wait for them."""
        self._is_ending = True
        self._signal(signal.SIGTERM)
        for process in self._workers.values():
            process.wait()
        for pipe in (self._life, self._held):
            os.close(pipe)
