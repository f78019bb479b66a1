"""The implemented part of the Stripe API: `tigerd stripe routes`, and `tigerd stripe trigger`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiger.nearest import hint
from tigerd.cli.options import answering_json, in_namespace, on_instance
from tigerd.cli.output import write_columns, write_json
from tigerd.cli.stripe_account import on_account


@click.command(epilog="Example: tigerd stripe routes --all --json")
@click.option(
    "--all", "is_all", is_flag=True, help="Also list the operations that are not implemented."
)
@answering_json
def routes(is_all: bool, as_json: bool) -> None:
    """Print the operations that are implemented, each with the number of its parameters.

    If some of the parameters answer 501, they are listed and the state of the operation is `in
    part`, else `whole`. All other operations of Stripe answer 501.
    """
    from tigerstripe.facts.table import facts  # noqa: PLC0415
    from tigerstripe.objects import registry  # noqa: PLC0415 - only these commands need it
    from tigerstripe.requests import not_yet  # noqa: PLC0415 - only these commands need it

    built = set(registry.built())
    rows: list[dict[str, Any]] = []
    for operation in sorted(facts().operations, key=lambda name: name.split(" ")[::-1]):
        if operation not in built and not is_all:
            continue
        method, _, path = operation.partition(" ")
        missing = list(not_yet.parameters(operation))
        rows.append({
            "method": method,
            "path": path,
            "state": "501" if operation not in built else "in part" if missing else "whole",
            "parameters": len(facts().parameters(operation).fields),
            "not_yet": missing,
        })  # fmt: skip
    if as_json:
        write_json(rows)
    else:
        told = [[*list(row.values())[:-1], ", ".join(row["not_yet"])] for row in rows]
        write_columns(("method", "path", "state", "parameters", "not yet"), told)


@click.command(epilog="Example: tigerd stripe trigger price.created")
@click.argument("event")
@on_instance
@in_namespace
@answering_json
def trigger(directory: Path, namespace: str, event: str, as_json: bool) -> None:
    """Make the requests that lead to EVENT, as an application would.

    Prints the events that happened.
    """
    from tigerstripe.triggers import recipes, trigger  # noqa: PLC0415 - only these commands need it

    if event not in recipes.RECIPES:
        known = ", ".join(sorted(recipes.RECIPES))
        raise click.BadParameter(
            f"nothing here leads to {event!r}{hint(event, recipes.RECIPES)}; there are: {known}"
        )
    with on_account(directory, namespace, autostart=True) as account:
        happened = trigger.trigger(account, event)
    if as_json:
        write_json(happened)
    else:
        write_columns(("type", "id"), [[one["type"], one["id"]] for one in happened])
