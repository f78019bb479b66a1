"""Commands for the daemon: start, stop, restart, where, and serve, which is here for the help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiger import connect
from tiger.errors import DaemonUnavailable
from tiger.format.layout import RECORD_LIMIT
from tiger.format.record import DEFAULT_MAX_RECORD
from tiger.place import instance, launch
from tiger.system import time
from tigerd.cli.options import (
    START_S,
    STOP_S,
    Function,
    answering_json,
    following,
    on_instance,
    seconds,
    waiting,
)
from tigerd.cli.output import say, write_json
from tigerd.service.exits import NO
from tigerd.service.serve import DEFAULT_IDLE_EXIT_S
from tigerd.service.stopping import stop_daemon


def _starting(function: Function) -> Function:
    """Add the options of `tigerd serve`; the command gets those that were given."""
    function = click.option(
        "--idle-exit",
        type=seconds,
        metavar="SECONDS",
        help=f"Stop after this time without clients; 0: never.  [default: {DEFAULT_IDLE_EXIT_S:g}]",
    )(function)
    function = following(function)
    return click.option(
        "--max-record",
        type=click.IntRange(1, RECORD_LIMIT),
        metavar="BYTES",
        help="The largest record, as msgpack.  [default: the instance's last limit, at first "
        f"{DEFAULT_MAX_RECORD}]",
    )(function)


def _serve_options(
    max_record: int | None, idle_exit: float | None, url: str | None
) -> tuple[str, ...]:
    """Return the options of `tigerd serve` for what `_starting` gave."""
    given = {"--max-record": max_record, "--idle-exit": idle_exit, "--log": url}
    return tuple(f"{name}={value}" for name, value in given.items() if value is not None)


@click.command(epilog="Example: tigerd start --idle-exit 0")
@on_instance
@waiting("--wait", START_S, "The longest time until it is ready.")
@_starting
@answering_json
def start(
    directory: Path,
    wait: float,
    max_record: int | None,
    idle_exit: float | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Start the daemon, and return when it is ready.

    If one is already running, it keeps its own options.
    """
    _start(directory, wait, _serve_options(max_record, idle_exit, url), as_json=as_json)


@click.command(epilog="Example: tigerd stop --dir /dev/shm/shop")
@on_instance
@waiting("--timeout", STOP_S, "The longest time until it has ended.")
@answering_json
def stop(directory: Path, timeout: float, as_json: bool) -> None:
    """Stop the daemon, and return when it has ended.

    The records stay, and can be read. Exit code 1 if none runs.
    """
    is_stopped = instance.exists(directory) and stop_daemon(directory, timeout)
    if as_json:
        write_json({"stopped": is_stopped, "directory": str(directory)})
    if not is_stopped:
        say(f"no daemon runs at {directory}")
        raise click.exceptions.Exit(NO)
    if not as_json:
        click.echo(f"stopped the daemon at {directory}")


@click.command(epilog="Example: tigerd restart --max-record 4000000")
@on_instance
@waiting("--timeout", STOP_S, "The longest time until the old one has ended.")
@waiting("--wait", START_S, "The longest time until the new one is ready.")
@_starting
@answering_json
def restart(
    directory: Path,
    timeout: float,
    wait: float,
    max_record: int | None,
    idle_exit: float | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Stop the daemon if one runs, and start another.

    The records stay, and so does the limit of a record unless --max-record is given.
    """
    if instance.exists(directory):
        stop_daemon(directory, timeout)
    _start(directory, wait, _serve_options(max_record, idle_exit, url), as_json=as_json)


def _start(directory: Path, wait_s: float, options: tuple[str, ...], *, as_json: bool) -> None:
    deadline = time.monotonic() + wait_s
    is_new = launch.start(directory, options, wait_s)
    if options and not is_new:
        say("a daemon is already running, and keeps the options that it was started with")
    answer = _ping(directory, deadline)
    ready = {
        "started": is_new,
        "pid": answer["pid"],
        "directory": str(directory),
        "socket": str(instance.socket_path(directory)),
        "version": answer["version"],
    }
    if as_json:
        write_json(ready)
    else:
        verb = "started" if is_new else "already running"
        click.echo(f"{verb} at {directory}, pid {answer['pid']}")


def _ping(directory: Path, deadline: float) -> dict[str, Any]:
    """Return the daemon's answer to a ping, as soon as it answers."""
    while True:
        left_s = max(1.0, deadline - time.monotonic())
        try:
            with connect(directory, autostart=False, timeout_s=left_s) as store:
                return store.ping()
        except DaemonUnavailable as error:
            # Somebody's `tigerd serve` holds the instance and has yet to make it.
            if not instance.is_running(directory):
                raise
            if time.monotonic() >= deadline:
                raise launch.NotReady(str(error)) from None
            time.sleep(0.01)


@click.command(epilog="Example: tigerd where --dir /dev/shm/shop")
@on_instance
@answering_json
def where(directory: Path, as_json: bool) -> None:
    """Print the instance's directory and its socket, as JSON.

    It starts and creates nothing.
    """
    write_json(
        {"directory": str(directory), "socket": str(instance.socket_path(directory))},
        indent=None if as_json else 2,
    )


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Run the daemon in the foreground."""
    from tigerd.service.serve import serve as run  # noqa: PLC0415 - `tigerd serve` itself gets there sooner

    raise click.exceptions.Exit(run(list(arguments)))
