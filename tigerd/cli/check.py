"""`tigerd check`: the audit of an instance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tiger.place import instance
from tiger.reading.reader import Reader
from tigerd.cli.options import answering_json, on_instance
from tigerd.cli.output import describe_count, say, write_columns, write_json
from tigerd.engine.control import check_control
from tigerd.service.exits import NO

if TYPE_CHECKING:
    from tigerd.tools.findings import Finding


@click.command(epilog="Example: tigerd check --json")
@on_instance
@answering_json
def check(directory: Path, as_json: bool) -> None:
    """Audit every segment, whether a daemon runs or not.

    Exit code 1 if a fault is found.
    """
    from tigerd.tools.audit import audit  # noqa: PLC0415 - only this command needs it

    instance.check_directory(directory)
    check_control(directory)
    Reader(directory).close()  # says what to do where there is no instance
    report = audit(directory)
    counts = {name: getattr(report, name) for name in ("commit", "tables", "versions", "records")}
    if as_json:
        findings = [vars(finding) for finding in report.findings]
        write_json({"clean": not findings, **counts, "findings": findings})
    else:
        if report.findings:
            write_findings(report.findings)
        found = describe_count(len(report.findings), "fault") if report.findings else "clean"
        option = instance.as_option(directory)
        remedy = f"; run `tigerd stop {option}`, then `tigerd repair {option}`"
        say(
            f"{found}: {describe_count(report.records, 'record')} and "
            f"{describe_count(report.versions, 'version')} in "
            f"{describe_count(report.tables, 'table')} at commit {report.commit:,}"
            f"{remedy if report.findings else ''}"
        )
    if report.findings:
        raise click.exceptions.Exit(NO)


def write_findings(findings: list[Finding]) -> None:
    """Print the findings, one in each row."""
    write_columns(
        ("file", "offset", "record", "what"),
        [(f.file, f.offset, f.record, f.what) for f in findings],
    )
