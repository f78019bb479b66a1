"""`tigerd serve`: the daemon's process. It loads neither the command line nor what draws tables."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys

from tiger import instance
from tiger.errors import TigerError
from tiger.layout import RECORD_LIMIT
from tiger.record import DEFAULT_MAX_RECORD

DEFAULT_IDLE_EXIT_S = 600.0


def serve(arguments: list[str]) -> int:
    """Run the daemon until it is stopped; return its exit code."""
    options = _parse(arguments)
    if options.detach and os.fork():
        os._exit(0)  # the child goes on, as nobody's child
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr
    )
    from tigerd.server import Server, announce  # noqa: PLC0415 - after the fork: ZeroMQ has threads

    directory = instance.find_directory(options.dir)
    try:
        server = Server(directory, max_record=options.max_record, idle_exit_s=options.idle_exit)
    except TigerError as error:
        logging.getLogger("tigerd").error("%s", error)
        _announce_failure(error, detached=options.detach)
        from tigerd.cli.exits import exit_code_of  # noqa: PLC0415 - not needed by a daemon that runs

        return exit_code_of(error)
    announce(server)
    server.run()
    return 0


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
        default=DEFAULT_MAX_RECORD,
        metavar="BYTES",
        help=f"the most msgpack a record may have (default {DEFAULT_MAX_RECORD})",
    )
    parser.add_argument(
        "--idle-exit",
        type=_seconds,
        default=DEFAULT_IDLE_EXIT_S,
        metavar="SECONDS",
        help="stop after so long without clients; 0 = never (default %(default)g)",
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


def _announce_failure(error: TigerError, *, detached: bool) -> None:
    """Tell whoever started this daemon why it is not there."""
    if detached:
        failure = {"ready": False, "error": type(error).__name__, "message": str(error)}
        sys.stdout.write(json.dumps(failure) + "\n")
        sys.stdout.flush()
