"""`tigerd status`: whether a daemon runs, and the instance's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiger.errors import DaemonUnavailable
from tiger.format.protocol import PING
from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.shortage import describe_size
from tiger.shown import shown
from tiger.wire.connection import Connection, Options
from tigerd.cli.counters import read_counters, read_space
from tigerd.cli.options import answering_json, on_instance, waiting
from tigerd.cli.output import say, write_json
from tigerd.engine.control import check_control
from tigerd.service.exits import NO

ANSWER_S = 1.0

STATES = {
    "running": "running",
    "busy": "does not answer: it is busy, or was stopped by a signal",
    "starting": "being started",
    "dead": "not running; the records of the last daemon can be read",
    "absent": "not running; there is no instance",
}
"""The states, and the words for each."""


@click.command(epilog="Example: tigerd status --json")
@on_instance
@waiting("--timeout", ANSWER_S, "The longest time until the daemon answers.")
@answering_json
def status(directory: Path, timeout: float, as_json: bool) -> None:
    """Show whether a daemon runs, and its numbers.

    Exit code 1 if none does. A daemon that holds the instance and does not answer counts as
    running: its state is "busy".
    """
    found = _look(directory, timeout)
    if as_json:
        write_json(found)
    else:
        _write(found)
    if found["state"] == "busy":
        say(_how_to_go_on(directory, found["pid"]))
    if not found["running"]:
        raise click.exceptions.Exit(NO)


def _how_to_go_on(directory: Path, pid: int) -> str:
    """Return what to do about a daemon that does not answer."""
    if not instance.socket_path(directory).exists():
        restart = f"tigerd restart {instance.as_option(directory)}"
        return f"its socket is gone, so nobody can reach it: run `{restart}`"
    return f"if it was stopped by a signal, continue it with `kill -CONT {pid}`"


def _look(directory: Path, timeout_s: float) -> dict[str, Any]:
    """Return the whole status, the state first."""
    place = {"directory": str(directory), "socket": str(instance.socket_path(directory))}
    if not instance.exists(directory):
        return {"running": False, "state": "absent", **place}
    instance.check_directory(directory)
    is_running = instance.is_running(directory)
    try:
        reader = Reader(directory)
    except DaemonUnavailable:
        check_control(directory)
        state = "starting" if is_running else "absent"
        return {"running": is_running, "state": state, **place}
    try:
        said = _ask(reader, timeout_s) if is_running else None
        if is_running and said is None:
            is_running = instance.is_running(directory)  # it may have ended meanwhile
        state = "running" if said else "busy" if is_running else "dead"
        return {"running": is_running, "state": state, **place, **_numbers(reader, state, said)}
    finally:
        reader.close()


def _ask(reader: Reader, timeout_s: float) -> dict[str, Any] | None:
    """Return the daemon's answer to a ping, if it comes in time."""
    connection = Connection(reader, Options(autostart=False, timeout_s=timeout_s))
    try:
        said: dict[str, Any] = connection.ask(PING, revive=False)
    except DaemonUnavailable:
        return None
    else:
        return said
    finally:
        connection.close()


def _numbers(reader: Reader, state: str, said: dict[str, Any] | None) -> dict[str, Any]:
    counters = read_counters(reader)
    space = read_space(reader.directory)
    of_a_daemon = None if state == "dead" else counters
    said = said or {}
    return {
        "pid": said.get("pid", of_a_daemon and of_a_daemon.pid),
        "version": said.get("version"),
        "uptime_s": said.get("uptime_s"),
        "clients": max(0, said["connections"] - 1) if "connections" in said else None,
        "heartbeat_age_s": of_a_daemon and of_a_daemon.heartbeat_age_s,
        "commit": counters.commit,
        "commands": counters.commands,
        "records": sum(table.records for table in counters.tables),
        "max_record": counters.max_record,
        "bytes": counters.bytes,
        "needed_bytes": sum(table.needed for table in counters.tables),
        "filesystem_bytes": space.size,
        "filesystem_free_bytes": space.free,
    }


def _write(found: dict[str, Any]) -> None:
    lines = {"state": STATES[found["state"]]}
    for name in ("pid", "version", "uptime_s", "heartbeat_age_s", "clients"):
        if found.get(name) is not None:
            lines[name.partition("_")[0]] = _describe(name, found[name])
    lines |= {"directory": found["directory"], "socket": found["socket"]}
    if "commit" in found:
        lines["commit"] = f"{found['commit']:,}"
        lines["records"] = f"{found['records']:,}"
        lines["memory"] = (
            f"{describe_size(found['bytes'])} used, "
            f"{describe_size(found['filesystem_free_bytes'])} of "
            f"{describe_size(found['filesystem_bytes'])} free"
        )
    for name, value in lines.items():
        click.echo(shown(f"{name + ':':<11}{value}"))


def _describe(name: str, value: float) -> str:
    if name == "heartbeat_age_s":
        return f"{value:.1f} s ago"
    return _describe_time(value) if name == "uptime_s" else str(value)


def _describe_time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)[:40] or "0 s"
