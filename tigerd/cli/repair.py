"""`tigerd repair`: keep the readable records of a damaged instance."""

from __future__ import annotations

from pathlib import Path

import click

from tiger.errors import Damaged
from tiger.place import instance
from tiger.system import os
from tigerd.cli.check import write_findings
from tigerd.cli.options import answering_json, confirm, is_asking, on_instance
from tigerd.cli.output import describe_count, say, write_json
from tigerd.engine.control import check_control, take_lock
from tigerd.service.exits import NO


@click.command(epilog="Example: tigerd repair --yes")
@on_instance
@click.option("--yes", is_flag=True, help="Do not ask first; required in a script.")
@answering_json
def repair(directory: Path, yes: bool, as_json: bool) -> None:
    """Drop damaged parts, report each of them, and keep the rest.

    The daemon must be stopped. Connected clients must connect again afterwards.
    """
    from tigerd.tools.repair import finish, rebuild, salvage  # noqa: PLC0415 - only this command needs it

    instance.check_directory(directory)
    lock = take_lock(directory)
    try:
        if finish(directory):
            say("finished a repair that was interrupted")
        faults = _faults(directory)
        found = salvage(directory)
        findings = [vars(finding) for finding in found.findings]
        if findings and not as_json:
            write_findings(found.findings)
        document = {"faults": faults, "records": found.count, "findings": findings}
        if faults or findings:
            say(
                f"{describe_count(faults, 'fault')}; {describe_count(found.count, 'record')} can "
                f"be read, {describe_count(len(findings), 'note')} above"
            )
            if not yes:
                if not is_asking():
                    if as_json:
                        write_json(document)
                    say("nothing was changed: without a terminal to ask at, give --yes")
                    raise click.exceptions.Exit(NO)
                confirm("Rebuild the instance from the readable records?")
            rebuild(directory, found)
            say("repaired")
        else:
            say("nothing to repair")
        if as_json:
            write_json(document)
    finally:
        os.close(lock)


def _faults(directory: Path) -> int:
    """Return how many faults an audit finds."""
    from tigerd.tools.audit import audit  # noqa: PLC0415 - only this command needs it

    try:
        check_control(directory)
        return len(audit(directory).findings)
    except Damaged:
        return 1
