"""Commands on one account of the Stripe API: events, requests, deliver, advance."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiger.errors import InvalidRequest
from tiger.place import instance
from tiger.shown import shown
from tigerd.cli.options import answering_json, in_namespace, on_instance
from tigerd.cli.output import is_terminal, say, to_json, write_columns, write_json
from tigerd.service.exits import NO

if TYPE_CHECKING:
    from tigerstripe import Account

Record = dict[str, Any]


@contextmanager
def on_account(directory: Path, namespace: str, *, autostart: bool) -> Iterator[Account]:
    """Give the account of a namespace."""
    import tigerstripe  # noqa: PLC0415 - only these commands need it

    if not autostart:
        instance.check_directory(directory)
    with tigerstripe.connect(directory, namespace=namespace, autostart=autostart) as account:
        yield account


def _print(headings: Sequence[str], rows: list[list[object]], data: Any, *, as_json: bool) -> None:
    if as_json:
        write_json(data)
    else:
        write_columns(headings, rows)


@click.command(epilog="Example: tigerd stripe events --type 'customer.*' --follow")
@click.option("--type", "type", metavar="TYPE", help="Only events of this type; it may end in *.")
@click.option("--follow", is_flag=True, help="Then print each event as it happens.")
@on_instance
@in_namespace
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON list; with --follow one object a line."
)
def events(directory: Path, namespace: str, type: str | None, follow: bool, as_json: bool) -> None:
    """Print the events of an account, oldest first: created, type, object, and id."""
    with on_account(directory, namespace, autostart=False) as account:
        if not follow:
            found = account.events(type)
            rows = [_event_row(event) for event in found]
            _print(("created", "type", "object", "id"), rows, found, as_json=as_json)
            return
        for event in _following(account, type):
            line = to_json(event) if as_json else _line(_event_row(event))
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _following(account: Account, type: str | None) -> Iterator[Record]:
    """Yield the events there are, and then each as it happens."""
    commits = account.store.watch()
    told = set()
    for event in account.events(type):
        told.add(event["id"])
        yield event
    for commit in commits:
        new = {c.id for c in commit.changes if c.table == "events" and c.what == "created"} - told
        if commit.missed:
            say("missed some changes, which came too fast")
        for id in sorted(filter(None, new)):
            event = account.store.events.get(id, None)
            if event is not None and (type is None or fnmatch.fnmatchcase(event["type"], type)):
                yield event


def _event_row(event: Record) -> list[object]:
    return [event["created"], event["type"], event["data"]["object"].get("id", "-"), event["id"]]


def _line(cells: list[object]) -> str:
    if not is_terminal():
        return "\t".join(map(str, cells))
    return shown("{:>10}  {:<32}  {:<28}  {}".format(*cells))


@click.command(epilog="Example: tigerd stripe requests --path /v1/customers")
@click.option("--path", metavar="PATH", help="Only requests of this path.")
@on_instance
@in_namespace
@answering_json
def requests(directory: Path, namespace: str, path: str | None, as_json: bool) -> None:
    """Print the log of an account's requests, oldest first."""
    with on_account(directory, namespace, autostart=True) as account:
        found = account.requests(path)
    rows: list[list[object]] = [
        [r["method"], r["path"], r["status"], r["process"], (r["error"] or {}).get("message", "-")]
        for r in found
    ]
    _print(("method", "path", "status", "process", "error"), rows, found, as_json=as_json)


@click.command(epilog="Example: tigerd stripe deliver")
@on_instance
@in_namespace
@answering_json
def deliver(directory: Path, namespace: str, as_json: bool) -> None:
    """Send the webhooks of an account that have not been delivered yet.

    Prints each delivery with its answer; exit code 1 if one failed.
    """
    with on_account(directory, namespace, autostart=True) as account:
        sent = account.deliver()
    rows = [_delivery_row(delivery) for delivery in sent]
    _print(("event", "url", "status", "answer"), rows, sent, as_json=as_json)
    if any(delivery["status"] not in ("succeeded", "canceled") for delivery in sent):
        raise click.exceptions.Exit(NO)


def _delivery_row(delivery: Record) -> list[object]:
    last = delivery["attempts"][-1] if delivery["attempts"] else {}
    answer = last.get("status") or last.get("error") or "-"
    return [delivery["event_type"], delivery["url"], delivery["status"], answer]


@click.command(epilog="Example: tigerd stripe advance --days 31")
@click.option("--to", type=int, metavar="TIME", help="The time to show, in seconds since 1970.")
@click.option("--days", type=float, default=0.0, help="By this many days.")
@click.option("--hours", type=float, default=0.0, help="By this many hours.")
@click.option("--minutes", type=float, default=0.0, help="By this many minutes.")
@click.option("--seconds", type=float, default=0.0, help="By this many seconds.")
@on_instance
@in_namespace
@answering_json
def advance(directory: Path, namespace: str, to: int | None, as_json: bool, **delta: float) -> None:
    """Move an account's clock forward, do everything due by then, and print the new time."""
    given = {name: value for name, value in delta.items() if value}
    if (to is None) != bool(given):
        raise click.UsageError("give --to, or some of --days, --hours, --minutes, --seconds")
    with on_account(directory, namespace, autostart=True) as account:
        try:
            now = account.advance(to, **given)
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
    if as_json:
        write_json({"now": now})
    else:
        click.echo(now)


@click.command(epilog="Example: tigerd stripe complete cs_test_... --payment-method pm_card_amex")
@click.argument("session")
@click.option(
    "--payment-method",
    default="pm_card_visa",
    show_default=True,
    metavar="ID",
    help="The payment method that the buyer uses.",
)
@click.option("--email", help="The e-mail address that the buyer enters.")
@click.option("--name", help="The name that the buyer enters.")
@on_instance
@in_namespace
@answering_json
def complete(
    directory: Path,
    namespace: str,
    session: str,
    payment_method: str,
    as_json: bool,
    **details: str | None,
) -> None:
    """Complete an open checkout session as its buyer would, with authentication if needed.

    Prints the session: id, status, payment status, and the intent or subscription that it created.
    If the card is declined, the session stays open and the exit code is 1.
    """
    import tigerstripe  # noqa: PLC0415 - only these commands need it

    with on_account(directory, namespace, autostart=True) as account:
        try:
            done = account.complete_checkout(session, payment_method, authenticate=True, **details)
        except tigerstripe.Declined as declined:
            say(str(declined))
            raise click.exceptions.Exit(NO) from None
        except tigerstripe.Refused as refused:
            raise InvalidRequest(str(refused)) from None
    made = (done[name] for name in ("payment_intent", "setup_intent", "subscription"))
    row: list[object] = [done["id"], done["status"], done["payment_status"]]
    row.append(next((id for id in made if id is not None), "-"))
    _print(("session", "status", "payment", "made"), [row], done, as_json=as_json)
