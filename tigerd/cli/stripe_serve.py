"""`tigerd stripe serve`: the API over HTTP, until a signal ends it."""

from __future__ import annotations

from pathlib import Path

import click

from tiger.errors import InvalidRecord
from tiger.format import record
from tigerd.cli.options import complete_namespace, not_empty, on_instance
from tigerd.cli.output import say
from tigerd.service.exits import NO

EXTRA = "pip install 'tigerd[stripe]'"
PORT = 12111
WORKERS_MAX = 64


def _checked(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        if value is not None:
            record.encode_name(value, "namespace")
    except InvalidRecord as error:
        raise click.BadParameter(str(error)) from None
    return value


@click.command(epilog="Example: tigerd stripe serve --port 0 --workers 2")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on. Everyone who can connect can use all accounts.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--unix",
    metavar="PATH",
    callback=not_empty,
    help="Listen on a socket in the file system instead, which only you can use.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    default=1,
    show_default=True,
    help="The number of processes that answer.",
)
@click.option(
    "--namespace",
    metavar="NAME",
    callback=_checked,
    shell_complete=complete_namespace,
    help="One account for all keys. Default: each key names its own, sk_test_NAME.",
)
@on_instance
def serve(
    directory: Path, host: str, port: int, unix: str | None, workers: int, namespace: str | None
) -> None:
    """Answer the Stripe API over HTTP, and send webhooks.

    Prints one line of JSON with the URL when it is ready. SIGTERM ends it.
    """
    try:
        from tigerstripe.http import supervisor, worker  # noqa: F401, PLC0415 - needs the extra
    except ImportError as error:
        say(f"`tigerd stripe serve` needs {error.name}, which is not installed: {EXTRA}")
        raise click.exceptions.Exit(NO) from None
    try:
        supervisor.serve(str(directory), host, port, workers, unix, namespace)
    except supervisor.CannotServe as error:
        say(str(error))
        raise click.exceptions.Exit(NO) from None
