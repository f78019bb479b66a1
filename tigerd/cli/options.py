"""The options and arguments that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from tiger import connect
from tiger.errors import InvalidRecord, TigerError
from tiger.format import record
from tiger.format.resources import BY_NAME
from tiger.namespaces import namespace_name
from tiger.place import instance, launch
from tigerd.cli.output import is_terminal, say
from tigerd.service.exits import NO
from tigerd.service.followed import Followed

Function = TypeVar("Function", bound=Callable[..., Any])

START_S = launch.START_S
STOP_S = 10.0
DIRECTORY = "tigerd.directory"
"""In a context's `meta`: the instance's directory, which errors tell of."""
SECONDS_MAX = 1e6
"""The longest time-out that every way of waiting accepts: poll(2) has 2^31 milliseconds."""


def seconds(text: str) -> float:
    """Return a number of seconds, or refuse a negative or infinite one."""
    with suppress(ValueError):
        if 0 <= float(text) <= SECONDS_MAX:
            return float(text)
    raise click.BadParameter(f"{text!r}: use 0 to {SECONDS_MAX:,.0f} seconds")


def _find_directory(ctx: click.Context, _: click.Parameter, value: str | None) -> Path:
    directory = ctx.meta[DIRECTORY] = instance.find_directory(not_empty(ctx, _, value))
    return directory


def not_empty(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse `--dir ""`, which is a variable that was not set, not the current directory."""
    if value == "":
        raise click.BadParameter("it is empty: name a directory, or leave the option out")
    return value


def _check_namespace(_: click.Context, __: click.Parameter, value: str | None) -> str:
    name = namespace_name(value)
    try:
        record.encode_name(name, "namespace")
    except InvalidRecord as error:
        raise click.BadParameter(str(error)) from None
    return name


def complete_table(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Return the built-in tables that begin so."""
    return [name for name in BY_NAME if name.startswith(start)]


def complete_namespace(ctx: click.Context, _: click.Parameter, start: str) -> list[str]:
    """Return the namespaces that begin so, of the instance that is there; none if none can tell."""
    with suppress(TigerError, OSError):
        directory = instance.find_directory(ctx.params.get("directory"))
        with connect(directory, autostart=False) as store:
            return [name for name in store.namespaces() if name.startswith(start)]
    return []


def on_instance(function: Function) -> Function:
    """Add `--dir`; the command gets `directory`, found by the order of precedence."""
    return _directory(_find_directory, "TIGERD_DIR, else the user's own directory")(function)


def on_its_own_instance(function: Function) -> Function:
    """Add `--dir` to a command that runs another; the command gets `directory`, or None."""
    return _directory(not_empty, "a fresh one, removed at the end")(function)


def _directory(callback: Callable[..., Any], default: str) -> Callable[[Function], Function]:
    return click.option(
        "--dir",
        "directory",
        metavar="DIRECTORY",
        callback=callback,
        help=f"The instance's directory. Default: {default}.",
    )


def in_namespace(function: Function) -> Function:
    """Add `--namespace`; the command gets `namespace`, the name to act in."""
    return click.option(
        "--namespace",
        metavar="NAME",
        callback=_check_namespace,
        shell_complete=complete_namespace,
        help='The namespace. Default: TIGERD_NAMESPACE, else "global".',
    )(function)


def following(function: Function) -> Function:
    """Add `--log`; the command gets `url`, an address that was looked at, or None."""
    return click.option(
        "--log",
        "url",
        metavar="URL",
        callback=_check_log,
        help="Follow a log that several machines share, nats://HOST:4222/STREAM. Default: "
        "TIGERD_LOG, else the log that the instance followed before.",
    )(function)


def _check_log(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if not_empty(ctx, parameter, value) is not None:
        Followed(str(value), "").address  # noqa: B018 - raises what is wrong with it
    return value


def answering_json(function: Function) -> Function:
    """Add `--json`; the command gets `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Answer with one JSON document on stdout."
    )(function)


def on_table(function: Function) -> Function:
    """Add the argument TABLE."""
    return click.argument("table", shell_complete=complete_table)(function)


def waiting(name: str, default: float | None, help: str) -> Callable[[Function], Function]:
    """Add an option of that name, in seconds."""
    return click.option(
        name,
        type=seconds,
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        help=help,
    )


class Input(click.File):
    """A file to read bytes from, or - for stdin."""

    def __init__(self) -> None:
        """Read bytes."""
        super().__init__("rb")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Open the file."""
        if value == "-" and sys.stdin is None:
            self.fail("stdin is closed: name a file", param, ctx)
        return super().convert(value, param, ctx)


def is_asking() -> bool:
    """Tell whether a question on the terminal would reach somebody."""
    return sys.stdin is not None and sys.stdin.isatty() and is_terminal()


def confirm(question: str) -> None:
    """Continue only after a yes; Ctrl-C ends the command as usual, any other answer is a no."""
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort as abort:
        if abort.__context__ is not None:  # Ctrl-C or Ctrl-D: the cursor is behind the question
            click.echo(err=True)
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        say("nothing was changed")
        raise click.exceptions.Exit(NO) from None
