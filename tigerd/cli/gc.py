"""`tigerd gc`: remove what a power cut left."""

from __future__ import annotations

import click

from tigerd import passing
from tigerd.cli.options import answering_json
from tigerd.cli.output import write_json


@click.command(epilog="Example: tigerd gc")
@answering_json
def gc(as_json: bool) -> None:
    """Remove what test runs left that could not end.

    Of those and of `tigerd run`, a directory goes whose process and daemon are both gone. One
    that was kept, as by `pytest --tigerd-keep`, stays.
    """
    removed = []
    for path in passing.left_behind():
        passing.remove(path)
        removed.append(str(path))
    if as_json:
        write_json(removed)
        return
    for name in removed:
        click.echo(f"removed {name}")
    if not removed:
        click.echo("nothing was left behind")
