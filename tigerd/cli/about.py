"""Commands about the program itself: version and completion."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from tiger import connect
from tiger.__about__ import __version__
from tiger.errors import TigerError
from tiger.format import layout, protocol, speedups
from tiger.place import instance
from tigerd.cli.group import PROGRAM
from tigerd.cli.options import answering_json, on_instance
from tigerd.cli.output import write_json

ANSWER_S = 1.0


@click.command(epilog="Example: tigerd version --json")
@on_instance
@answering_json
def version(directory: Path, as_json: bool) -> None:
    """Print the versions of this program and of the daemon."""
    daemon, words = _ask(directory)
    if as_json:
        write_json(
            {
                "version": __version__,
                "layout": layout.VERSION,
                "protocol": protocol.VERSION,
                "python": platform.python_version(),
                "compiled": speedups.are_used(),
                "daemon": daemon,
            }
        )
    else:
        click.echo(
            f"{PROGRAM} {__version__} (layout {layout.VERSION}, protocol {protocol.VERSION}, "
            f"Python {platform.python_version()}, {'' if speedups.are_used() else 'not '}compiled)"
        )
        click.echo(f"daemon {words}")


def _ask(directory: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the daemon's version and pid, or None and why not."""
    try:
        if not instance.exists(directory) or not instance.is_running(directory):
            return None, f"not running at {directory}"
        with connect(directory, autostart=False, timeout_s=ANSWER_S) as store:
            said = store.ping()
    except TigerError as error:
        return None, f"unknown: {error}"
    return {"version": said["version"], "pid": said["pid"]}, f"{said['version']}, pid {said['pid']}"


@click.command(epilog='Example: eval "$(tigerd completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@on_instance
@click.pass_context
def completion(ctx: click.Context, directory: Path, shell: str) -> None:
    """Print the script that completes commands in a shell.

    It does not depend on an instance; --dir is accepted and ignored.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
