"""The group of all commands: loads them when they are called, and reports their errors.

Every error that leaves a command ends here, as one line on stderr and an exit code.
"""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from tiger.errors import TigerError
from tiger.nearest import hint
from tiger.shortage import ANOTHER
from tiger.system import os
from tigerd.cli.options import DIRECTORY
from tigerd.cli.output import say
from tigerd.service.exits import NO, SIGNALLED, UNREACHABLE, exit_code_of
from tigerd.service.streams import abandon_stdout, open_stdout

PROGRAM = "tigerd"
SHORT_HELP = 200  # letters; more than the first sentence of any command has


class Commands(click.Group):
    """A group whose commands are in modules of `tigerd.cli`, in sections."""

    def __init__(self, *args: Any, sections: dict[str, dict[str, str]], **kwargs: Any) -> None:
        """`sections`: a title, and the module of each command under it."""
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._modules = {
            name: module for names in sections.values() for name, module in names.items()
        }

    # --- Finding a command ---

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(f"tigerd.cli.{module}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or suggest a similar one."""
        name = args[0]
        if name not in self._modules and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}{hint(name, self._modules)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help, section by section."""
        for title, names in self._sections.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name, command.get_short_help_str(SHORT_HELP)))
            with formatter.section(title):
                formatter.write_dl(rows, col_max=12)

    # --- Running it ---

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as `tigerd`, whether called by that name or as `python -m tigerd`."""
        kwargs.setdefault("prog_name", PROGRAM)
        open_stdout()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # a help, say, that could not be written: no command ran
            sys.exit(_tell(error, {}))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn an error into a line on stderr and an exit code."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # until now it ended all at once
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(SIGNALLED + signal.SIGINT)
        except BrokenPipeError:  # as with `tigerd dump | head`: there is nobody to tell
            abandon_stdout()
            ctx.exit(SIGNALLED + signal.SIGPIPE)
        except TigerError as error:
            say(str(error))
            ctx.exit(exit_code_of(error))
        except OSError as error:
            ctx.exit(_tell(error, ctx.meta))
        except Exception as error:
            if sys.flags.dev_mode:
                raise
            say(
                f"a bug in tigerd, please report it: {type(error).__name__}: {error} "
                f"(`python -X dev -m tigerd` shows the traceback)"
            )
            ctx.exit(NO)


def _tell(error: OSError, meta: dict[str, Any]) -> int:
    """Print the system's error message, and return the exit code."""
    abandon_stdout()
    place = f"{error.filename}: " if error.filename else ""
    words = f"{place}{error.strerror or error}"
    directory: Path | None = meta.get(DIRECTORY)
    if isinstance(error, PermissionError) and directory and _is_in(directory, error.filename):
        say(f"{words}; {ANOTHER}")
        return UNREACHABLE
    say(words)
    return NO


def _is_in(directory: Path, name: str | bytes | None) -> bool:
    return name is not None and Path(os.fsdecode(name)).is_relative_to(directory)


def _end(number: int, _: FrameType | None) -> None:
    """End as the signal would, but leave neither half a file nor a terminal in disorder."""
    raise click.exceptions.Exit(SIGNALLED + number)
