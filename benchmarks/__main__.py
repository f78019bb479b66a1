"""The command line: `python -m benchmarks [NAME ...]`, or scripts/bench."""

from __future__ import annotations

import json
import sys
from typing import IO

import click
from rich.console import Console

from benchmarks import report
from benchmarks.harness import Row, measure
from benchmarks.peers import PEERS
from benchmarks.questions import find_question, question_names

FILE_WIDTH = 150


@click.command(
    epilog="Exit codes: 0 measured; 1 something failed, or with --check a bar is missed."
)
@click.argument("names", nargs=-1, type=click.Choice(question_names()), metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: to see, not to quote.")
@click.option("--json", "file", type=click.File("w"), help="Write the results here, or to '-'.")
@click.option("--check", is_flag=True, help="Exit 1 when a bar is missed by more than a fifth.")
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(PEERS)), help="Only these.")
def main(
    names: tuple[str, ...],
    quick: bool,
    file: IO[str] | None,
    check: bool,
    peers: tuple[str, ...],
) -> None:
    """Measure tigerd beside its peers. NAMEs are questions: read, write, ...; all, if none."""
    # Tables make way for a document on stdout, and have room in a file.
    on_stdout = file is not None and file.name in ("-", "<stdout>")
    stream = sys.stderr if on_stdout else sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else FILE_WIDTH)
    questions = [find_question(name).only(peers or PEERS) for name in names or question_names()]
    machine = report.describe_machine()
    report.print_machine(console, machine)
    rows: list[Row] = []
    with Console(stderr=True).status("") as status:
        for question in questions:
            measured = measure(question, quick, status.update)
            report.print_rows(console, question, measured)
            rows += measured
    verdicts = report.judge(questions, rows)
    report.print_verdicts(console, verdicts)
    if file:
        json.dump(report.to_json(machine, quick, rows, verdicts), file, indent=2)
    if any(row.failure for row in rows) or (check and any(v.is_missed for v in verdicts)):
        sys.exit(1)


if __name__ == "__main__":
    main()
