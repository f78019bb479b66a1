"""`tigerd stripe run`: a command whose Python processes use the fake, with no change of code."""

from __future__ import annotations

import click

from tigerd.cli.options import in_namespace, on_its_own_instance
from tigerd.cli.run import run_with_daemon


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: tigerd stripe run -- python manage.py runserver",
)
@on_its_own_instance
@in_namespace
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(directory: str | None, namespace: str, command: tuple[str, ...]) -> None:
    """Run a command whose Python processes use a Stripe account.

    The SDK in each Python process that it starts uses the account. A daemon runs as long as the
    command. The exit code is the command's.
    """
    from tigerstripe.children import environment  # noqa: PLC0415 - only this command needs it

    run_with_daemon(
        directory, command, lambda given: environment({**given, "TIGERD_NAMESPACE": namespace})
    )
