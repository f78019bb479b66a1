"""The command line: `python -m benchmarks [NAME ...]`, or scripts/bench."""

from __future__ import annotations

import json
import sys
from typing import IO

import click
from rich.console import Console

from benchmarks import report
from benchmarks.bars import Verdict, judge
from benchmarks.harness import measure
from benchmarks.machine import describe_machine
from benchmarks.pages import write_page
from benchmarks.peers import PEERS
from benchmarks.questions import find_question, question_names
from benchmarks.result import Row

FILE_WIDTH = 150


@click.command(epilog="Exit codes: 0 measured; 1 something failed, or with --check a bar is lost.")
@click.argument("names", nargs=-1, type=click.Choice(question_names()), metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: to see, not to quote.")
@click.option("--json", "file", type=click.File("w"), help="Write the results here, or to '-'.")
@click.option(
    "--check", is_flag=True, help="Exit 1 when a bar that was kept is missed by over a fifth."
)
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(PEERS)), help="Only these.")
@click.option("--pictures", is_flag=True, help="Write docs/benchmarks/ even after a quick run.")
def main(
    names: tuple[str, ...],
    quick: bool,
    file: IO[str] | None,
    check: bool,
    peers: tuple[str, ...],
    pictures: bool,
) -> None:
    """Measure tigerd beside its peers. NAMEs are questions: read, write, ...; all, if none."""
    # Tables make way for a document on stdout, and have room in a file.
    on_stdout = file is not None and file.name in ("-", "<stdout>")
    stream = sys.stderr if on_stdout else sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else FILE_WIDTH)
    machine = describe_machine()
    report.print_machine(console, machine)
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    with Console(stderr=True).status("") as status:
        for question in map(find_question, names or question_names()):
            measured = measure(question.only(peers or PEERS), quick, status.update)
            judged = judge(question.name, question.bars, measured)
            report.print_rows(console, question, measured)
            has_failed = any(row.failure for row in measured)
            if not has_failed and (pictures or not (quick or peers)):
                write_page(question, machine, quick, measured, judged)
            rows += measured
            verdicts += judged
    report.print_verdicts(console, verdicts)
    if file:
        json.dump(report.to_json(machine, quick, rows, verdicts), file, indent=2)
    if any(row.failure for row in rows) or (check and any(verdict.is_lost for verdict in verdicts)):
        sys.exit(1)


if __name__ == "__main__":
    main()
