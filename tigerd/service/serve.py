"""`tigerd serve`: the daemon's process. It loads neither the command line nor its table drawing."""

from __future__ import annotations

import argparse
import errno
import gc
import json
import logging
import math
import resource
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiger.__about__ import __version__
from tiger.errors import InstanceError, TigerError
from tiger.format.layout import RECORD_LIMIT
from tiger.format.record import DEFAULT_MAX_RECORD
from tiger.format.speedups import compiled
from tiger.place import instance
from tiger.shortage import ANOTHER, use_error
from tiger.system import os
from tigerd.engine.applying import CannotGoOn
from tigerd.engine.control import take_lock
from tigerd.service.detaching import detach, leave, refusal
from tigerd.service.followed import log_of
from tigerd.service.streams import abandon_stdout, open_stdout

if TYPE_CHECKING:
    from tigerd.service.server import Server

log = logging.getLogger("tigerd")

DEFAULT_IDLE_EXIT_S = 600.0

TURN_NS = 100_000
"""How long a turn of the processor the daemon asks for; its share stays the same. A process that
asks for short turns waits less for each: the slowest hundredth of inserts beside processes that
compute took a tenth to a half less."""

_take_turns = compiled("tigerd.engine.compiled", "take_turns")

DESCRIPTORS = 10_240
"""Each segment takes one, and each client; macOS allows no more."""

CYCLES = 10_000, 1_000, 1_000
"""Python looks for cycles among new objects once it has made so many more than it freed, and among
older ones so many times more rarely. The daemon makes no cycles. With Python's 700, 10 and 10 the
longest look in 200,000 inserts out of order took 6.5 ms, with these 0.7; a record of a request of
10,000 took 9.2 us, with these 8.1. With 100,000, 10 and 10 the longest look took 32 ms."""


def serve(arguments: list[str]) -> int:
    """Run the daemon until it stops; return its exit code."""
    open_stdout()
    _raise_limit()
    options = _parse(arguments)
    told = detach() if options.detach else None
    _take_turns(TURN_NS)
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr
    )
    try:
        directory = instance.find_directory(options.dir)
        server = _take_over(directory, options)
    except TigerError as error:
        log.error("%s", error)
        if told is not None:
            leave(told)
            _tell(refusal(type(error).__name__, str(error)))
        from tigerd.service.exits import exit_code_of  # noqa: PLC0415 - not needed by a daemon that runs

        return exit_code_of(error)
    if told is not None:
        leave(told)
    _tell(
        {
            "ready": True,
            "pid": os.getpid(),
            "directory": str(directory),
            "socket": str(instance.socket_path(directory)),
            "version": __version__,
        }
    )
    gc.set_threshold(*CYCLES)
    try:
        server.run()
    except CannotGoOn as error:
        log.error("%s", error)
        return 1
    return 0


def _raise_limit() -> None:
    """Raise the limit of open files to `DESCRIPTORS`, if possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = DESCRIPTORS if hard == unlimited else min(DESCRIPTORS, hard)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _take_over(directory: Path, options: argparse.Namespace) -> Server:
    """Return the instance's daemon, ready to run; `TigerError` if it cannot start."""
    import zmq  # noqa: PLC0415 - after the fork: ZeroMQ has threads

    with ExitStack() as failing:
        try:
            lock = take_lock(directory, make=not options.detach)  # its launcher made it
            # A launcher that hears of a failure looks whether another daemon holds the instance.
            failing.callback(os.close, lock)
            server = _new_server(directory, lock, options)
        except zmq.ZMQError as error:
            raise _bind_error(instance.socket_path(directory), error.errno, str(error)) from None
        except TigerError:  # some are OSErrors too
            raise
        except OSError as error:
            raise use_error(Path(error.filename or directory), error) from None
        failing.pop_all()
    return server


def _new_server(directory: Path, lock: int, options: argparse.Namespace) -> Server:
    followed = log_of(directory, options.log)
    if followed is None:
        from tigerd.service.server import Server  # noqa: PLC0415 - after the fork, as ZeroMQ

        idle_exit_s = DEFAULT_IDLE_EXIT_S if options.idle_exit is None else options.idle_exit
        return Server(directory, lock, max_record=options.max_record, idle_exit_s=idle_exit_s)
    from tigerd.service.following import Following  # noqa: PLC0415 - only with a log

    return Following(
        directory,
        lock,
        followed=followed,
        max_record=options.max_record,
        idle_exit_s=options.idle_exit or 0.0,  # who only reads wants to see what others write
    )


def _bind_error(path: Path, number: int | None, why: str) -> InstanceError:
    """Return the error for a socket that cannot be opened."""
    remedy = "if something else is there, remove it"
    if number != errno.EADDRINUSE:
        remedy = f"its file system may not support sockets; {ANOTHER}"
    return InstanceError(f"cannot open the socket {path}: {why}; {remedy}")


def _tell(document: dict[str, Any]) -> None:
    """Print one JSON object on stdout, for the launcher of this daemon, which may have given up."""
    try:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
    except OSError as error:
        log.warning("could not report on stdout: %s", error.strerror)
        abandon_stdout()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tigerd serve",
        description="Run the daemon in the foreground. It logs to stderr and prints one line of "
        "JSON to stdout when it is ready.",
        epilog="Example: tigerd serve --dir /dev/shm/shop",
    )
    parser.add_argument("--dir", help="the instance's directory")
    parser.add_argument(
        "--max-record",
        type=_record_size,
        metavar="BYTES",
        help="the largest record, as msgpack (default: the instance's last limit, at first "
        f"{DEFAULT_MAX_RECORD})",
    )
    parser.add_argument(
        "--idle-exit",
        type=_seconds,
        metavar="SECONDS",
        help=f"stop after this time without clients; 0: never (default {DEFAULT_IDLE_EXIT_S:g}; "
        "0 with a log)",
    )
    parser.add_argument(
        "--log",
        metavar="URL",
        help="follow a log that several machines share, nats://HOST:4222/STREAM (default: "
        "TIGERD_LOG, or the log that the instance followed before)",
    )
    parser.add_argument("--detach", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _record_size(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= RECORD_LIMIT):
        raise argparse.ArgumentTypeError(f"{text!r}: use 1 to {RECORD_LIMIT} bytes")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: use 0 or more seconds")
    return seconds
