"""`tigerd gc`: remove directories that a power cut left behind."""

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
    """Remove directories that test runs left behind.

    It also removes those of `tigerd run`, in each case only if process and daemon have both ended.
    A directory stays if `pytest --tigerd-keep` kept it, or if it is unknown whether its process has
    ended. Exit code 1 if one could not be removed.
    """
    removed = []
    has_failed = False
    found = list(ephemeral.left_behind())
    for left in found:
        if left.doubt is not None:
            say(f"kept {left.path}: {left.doubt}; if you do not need it, remove it yourself")
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
