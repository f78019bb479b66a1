"""`scripts/soak`: the tests that choose at random, for as long as asked."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import traceback
from collections import Counter
from random import randrange

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.soak.parts import PARTS, TOLD, Figures

ROUND_S = 20.0


def main(arguments: list[str]) -> int:
    """Run rounds until the time is over; return 1 if one failed."""
    options = _parse(arguments)
    console = Console()
    console.print(f"seed {options.seed}")
    figures: Figures = Counter()
    start = time.monotonic()
    failed = False
    try:
        failed = _run(options, figures, console)
    except KeyboardInterrupt:
        console.print("ended by hand")
    _tell(console, figures, time.monotonic() - start, failed=failed)
    return 1 if failed else 0


def _run(options: argparse.Namespace, figures: Figures, console: Console) -> bool:
    names = [options.only] if options.only else list(PARTS)
    total_s = 60 * options.minutes
    columns = (TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn())
    start = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        line = progress.add_task("", total=total_s)
        for number in itertools.count():
            left_s = total_s - (time.monotonic() - start)
            if number == options.rounds or (options.rounds is None and left_s <= 0):
                return False
            name, seed = names[number % len(names)], options.seed + number
            shown = ", ".join(f"{figures[key]:,} {key}" for key in TOLD if figures[key])
            progress.update(line, description=f"{name}: {shown}", completed=total_s - left_s)
            if not console.is_terminal:  # nobody sees the line above
                console.print(f"{name}, seed {seed}", highlight=False)
            try:
                seconds = ROUND_S if options.rounds else min(ROUND_S, left_s)
                figures.update(PARTS[name](seed, seconds))
            except Exception:
                progress.stop()
                traceback.print_exc()
                replay = f"scripts/soak --only {name} --seed {seed} --rounds 1"
                console.print(f"failed; again with: {replay}", style="red", soft_wrap=True)
                return True
    return False


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=5.0, metavar="MINUTES")
    parser.add_argument("--seed", type=int, default=randrange(1 << 32), help="of the first round")
    parser.add_argument("--only", choices=list(PARTS), help="one part alone")
    parser.add_argument(
        "--rounds", type=int, help=f"so many, of {ROUND_S:.0f} s, whatever it takes"
    )
    return parser.parse_args(arguments)


def _tell(console: Console, figures: Figures, seconds: float, *, failed: bool) -> None:
    table = Table(box=None, show_header=False)
    table.add_row("minutes", f"{seconds / 60:,.1f}")
    for key, words in TOLD.items():
        if figures[key]:
            table.add_row(words, f"{figures[key]:,}")
    table.add_row("lost, torn, doubled", "see above" if failed else "0")
    table.columns[1].justify = "right"
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
