"""`tigerd gc`: remove what a power cut left."""

from __future__ import annotations

import click

from tiger.errors import TigerError
from tigerd.cli.options import answering_json
from tigerd.cli.output import say, write_json
from tigerd.service import ephemeral
from tigerd.service.exits import NO


@click.command(epilog="Example: tigerd gc")
@answering_json
def gc(as_json: bool) -> None:
    """Remove what test runs left that could not end.

    Of those and of `tigerd run`, a directory goes whose process and daemon are both gone. One
    that was kept, as by `pytest --tigerd-keep`, stays, and so does one of which it cannot be known.
    Exit code 1 if one could not be removed.
    """
    removed = []
    has_failed = False
    found = list(ephemeral.left_behind())
    for left in found:
        if left.doubt is not None:
            say(f"left {left.path}: {left.doubt}; if it is of no use, remove it yourself")
            continue
        try:
            ephemeral.remove(left.path)
        except TigerError as error:
            has_failed = True
            say(str(error))
        else:
            removed.append(str(left.path))
    if as_json:
        write_json(removed)
    else:
        for name in removed:
            click.echo(f"removed {name}")
        if not found:
            click.echo("nothing was left behind")
    if has_failed:
        raise click.exceptions.Exit(NO)
