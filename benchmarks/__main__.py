"""The command line: `python -m benchmarks [NAME ...]`, or scripts/bench."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

import click
from rich.console import Console

from benchmarks import report
from benchmarks.bars import Verdict, judge
from benchmarks.exponents import growths
from benchmarks.harness import measure
from benchmarks.machine import describe_machine
from benchmarks.pages import write_page
from benchmarks.peers import PEERS
from benchmarks.questions import Question, find_question, question_names
from benchmarks.result import Row

FILE_WIDTH = 150


@click.command(
    help="Measure tigerd beside its peers. NAMEs are questions; all, if none: "
    f"{', '.join(question_names())}.",
    epilog="Exit codes: 0 measured; 1 something failed, or with --check a bar is lost; 2 usage.",
)
@click.argument("names", nargs=-1, type=click.Choice(question_names()), metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: to see, not to quote.")
@click.option(
    "--json", "file", type=click.File("w", lazy=False), help="Write the results here, or to '-'."
)
@click.option(
    "--check",
    is_flag=True,
    help="Exit 1 when a kept bar is missed: a time by over a fifth, or a size.",
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
    """Ask the questions, print what was measured, and write what is to be written."""
    # Tables make way for a document on stdout, and have room in a file.
    on_stdout = file is not None and file.name in ("-", "<stdout>")
    stream = sys.stderr if on_stdout else sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else FILE_WIDTH)
    questions = find_questions(names, peers)
    machine = describe_machine()
    report.print_machine(console, machine)
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    with Console(stderr=True).status("") as status:
        for question in questions:
            measured = measure(question, quick, status.update)
            judged = judge(question.name, question.bars, measured)
            report.print_rows(console, question, measured)
            report.print_slowest(console, (row for row in measured if row.slowest))
            report.print_growths(console, growths(question.series, measured))
            has_failed = any(row.failure for row in measured)
            if not has_failed and (pictures or not (quick or peers)):
                command = command_for(question.name, quick, peers, pictures)
                write_page(question, machine, command, measured, judged)
            rows += measured
            verdicts += judged
    report.print_verdicts(console, verdicts)
    if file:
        write_document(file, report.to_json(machine, quick, rows, verdicts))
    if any(row.failure for row in rows) or (check and any(verdict.is_lost for verdict in verdicts)):
        sys.exit(1)


def find_questions(names: Sequence[str], peers: Sequence[str]) -> list[Question]:
    """Find what is to be asked of these peers, or of all; a question that was named must be."""
    asked = [find_question(name).only(peers or PEERS) for name in names or question_names()]
    for question in asked:
        if names and not question.workloads:
            known = {peer for each in find_question(question.name).workloads for peer in each.peers}
            raise click.UsageError(
                f"{question.name} is not asked of {', '.join(map(repr, peers))}; "
                f"choose from {', '.join(repr(peer) for peer in PEERS if peer in known)}"
            )
    return [question for question in asked if question.workloads]


def command_for(name: str, quick: bool, peers: Sequence[str], pictures: bool) -> str:
    """Return the command that asks one question like this."""
    options = [word for peer in peers for word in ("--peer", peer)]
    flags = [flag for flag, is_set in (("--quick", quick), ("--pictures", pictures)) if is_set]
    return shlex.join(["scripts/bench", name, *flags, *options])


def write_document(file: IO[str], document: dict[str, Any]) -> None:
    try:
        json.dump(document, file, indent=2)
        file.flush()
    except OSError as error:
        with suppress(OSError):
            file.close()  # or click would try to write the rest
        raise click.ClickException(
            f"cannot write the results to {file.name}: {error.strerror}; the tables above have "
            "most of them; give --json a place that has room"
        ) from error


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    main()
