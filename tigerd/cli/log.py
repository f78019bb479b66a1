"""`tigerd log`: running the engine of a log, and showing the state of a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiger.errors import InvalidRequest
from tiger.shown import shown
from tiger.system import os
from tigerd.cli.options import answering_json, following, on_instance, waiting
from tigerd.cli.output import write_json
from tigerd.service.followed import log_of

REACH_S = 5.0


@click.group()
def log() -> None:
    """Share one log between several machines."""


@log.command(
    epilog="Example: tigerd log serve --listen 0.0.0.0:4222 -- --user ann --pass secret",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--listen",
    default="127.0.0.1:4222",
    show_default=True,
    metavar="HOST:PORT",
    help="The address for other machines. Everyone who can connect may write, unless the engine's "
    "own arguments restrict it.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="The directory of the entries. Default: $XDG_STATE_HOME/tigerd-log, "
    "else ~/.local/state/tigerd-log.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(listen: str, store: Path | None, arguments: tuple[str, ...]) -> None:
    """Run the engine in the foreground.

    The engine is the nats-server in PATH, or the one that tigerd[nats] installs. Prints one line of
    JSON when it is ready. Arguments after -- go to the engine: users, TLS.
    """
    from tigerd.log.serving import run  # noqa: PLC0415 - only this one needs it

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise click.BadParameter(f"{listen!r}: use HOST:PORT", param_hint="--listen")
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    place = store or Path(state).expanduser() / "tigerd-log"
    raise click.exceptions.Exit(run(host.strip("[]"), int(port), place.absolute(), arguments))


@log.command(epilog="Example: tigerd log status --log nats://10.0.0.9:4222/shop")
@on_instance
@following
@waiting("--timeout", REACH_S, "The longest time until it is reached.")
@answering_json
def status(directory: Path, url: str | None, timeout: float, as_json: bool) -> None:
    """Show the state of a log: its entries, its settings, and how far each host is.

    The log is that of --log, of TIGERD_LOG, or the one that the instance follows. Exit code 3 if it
    cannot be reached.
    """
    from tigerd.log.status import look  # noqa: PLC0415 - only this one needs it

    followed = log_of(directory, url)
    if followed is None:
        raise InvalidRequest(f"the instance at {directory} follows no log: name one with --log")
    found = look(followed.address, timeout)
    if as_json:
        write_json(found)
    else:
        _write(found)


def _write(found: dict[str, Any]) -> None:
    lines = {
        "log": found["log"],
        "begun": f"{found['begun']} by tigerd {found['version']}",
        "entries": f"{found['entries']:,}, {found['bytes']:,} bytes",
        "max record": f"{found['max_record']:,} bytes at most",
    }
    for host in found["hosts"]:
        behind = found["entries"] - host["applied"]
        lines[f"host {host['name']}"] = f"{behind:,} entries behind" if behind > 0 else "up to date"
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        click.echo(shown(f"{name + ':':<{width}}{value}"))
