"""Replays recordings of the live API, and prints how many answers are as recorded.

    python -m tests.fidelity.replay [--per-file N] [--older] [DIRECTORY]

The recordings and their judge are not part of the project; DIRECTORY holds them. Of the operations
that are built: the share of answers that are exactly as recorded, and that of right statuses. With
--older: of what moves money, in the versions before.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tigerstripe import errors
from tigerstripe.objects import registry
from tigerstripe.requests import routes

PROJECT = Path(__file__).resolve().parents[2]
RECORDINGS = PROJECT.parent / "shared" / "recordings"
JUDGE = RECORDINGS / "replay.py"
VERSIONS = "2025-(0[89]|1)|2026"
OLDER = "2023-1|2024|2025-0[1-7]"
"""The versions that are judged, and those before of which payments are; in recordings that have
both, each answer is of its own."""
PAYMENTS = re.compile(
    r"/v1/(accounts?|billing_portal|charges|checkout|disputes|payment_intents|payment_methods|"
    r"payouts|refunds|setup_intents|tokens|transfers)\b"
)

BILLING = re.compile(
    r"/v1/(subscriptions|subscription_items|subscription_schedules|invoices|invoiceitems|"
    r"invoice_payments|credit_notes|test_helpers)\b"
)

TARGET = ["--call", "tests.fidelity.target:call"]
LOST = {"crash", "status"}
NOT_BUILT = "501 "  # a parameter that is not built yet
OF_INVOICES = {"Payment for Invoice", "Subscription creation", "Subscription update"}
"""What the payments of invoices have as their description."""
_PAYMENTS = re.compile(r'"((?:pi|ch)_\w{10,})"')
NOT_JUDGED = {"blocked", "needs-seed", "skipped"}


Result = dict[str, Any]
"""What the judge says of one interaction: its place, its class, and what differs."""


class Score(NamedTuple):
    """How many interactions there were with what is built, and how they came out."""

    interactions: int
    exact: int
    right_status: int
    by_operation: dict[str, Counter[str]]

    @property
    def exact_share(self) -> float:
        """The share of answers that are as recorded in all that is compared."""
        return self.exact / self.interactions

    @property
    def status_share(self) -> float:
        """The share of answers with the status that was recorded."""
        return self.right_status / self.interactions


def run(
    per_file: int | None = None, recordings: Path = RECORDINGS, versions: str = VERSIONS
) -> Score:
    """Replay the recordings, or so many cassettes of each file by chance; return the score."""
    results = judged(TARGET, per_file, recordings, versions)
    return scored(
        payments(results, recordings, versions)
        if versions == OLDER
        else without_presupposed(results, recordings)
    )


def payments(results: list[Result], recordings: Path, versions: str) -> list[Result]:
    """Return the results of what moves money, of answers in one of the versions."""
    return _of(PAYMENTS, without_presupposed(results, recordings), versions)


def billing(results: list[Result], versions: str) -> list[Result]:
    """Return the results of billing, of answers in one of the versions."""
    return _of(BILLING, results, versions)


def _of(endpoints: re.Pattern[str], results: list[Result], versions: str) -> list[Result]:
    return [
        result
        for result in results
        if endpoints.search(result["endpoint"]) and re.match(versions, result["version"] or "")
    ]


def without_presupposed(results: list[Result], recordings: Path) -> list[Result]:
    """Return the results without payments of invoices that no request of their cassette makes.

    The judge can only make such a payment in another way, as one of no invoice.
    """
    presupposed = _of_invoices_before(recordings)
    return [result for result in results if (result["cassette"], result["i"]) not in presupposed]


def _of_invoices_before(recordings: Path) -> set[tuple[str, int]]:
    """Return what shows a payment of an invoice that no earlier request of its cassette made."""
    found: set[tuple[str, int]] = set()
    for path in sorted(recordings.glob("*.jsonl.xz")):
        with lzma.open(path, "rt") as lines:
            for cassette in map(json.loads, lines):
                made: set[str] = set()
                for one in cassette["interactions"]:
                    answer = one["response"]
                    ids = set(_PAYMENTS.findall(json.dumps(answer)))
                    is_payment = isinstance(answer, dict) and "description" in answer
                    if is_payment and answer["description"] in OF_INVOICES and not ids & made:
                        found.add((cassette["cassette"], one["i"]))
                    if one["method"] == "POST":
                        made |= ids
    return found


def judged(
    target: list[str],
    per_file: int | None = None,
    recordings: Path = RECORDINGS,
    versions: str = VERSIONS,
) -> list[Result]:
    """Return the judge's result of every interaction with a target, which its options name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        command = [sys.executable, str(recordings / "replay.py"), *target, "--version", versions]
        command += ["--seed-hook", "tests.fidelity.seed:seed"]
        command += ["--out", str(out), *map(str, sorted(recordings.glob("*.jsonl.xz")))]
        command += ["--per-file", str(per_file)] if per_file else []
        path = f"{PROJECT}:{PROJECT / 'client'}"
        done = subprocess.run(
            command,
            env={"PYTHONPATH": path, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in out.read_text().splitlines()]


def scored(results: list[Result]) -> Score:
    """Return the score of the judge's results, of what is built."""
    by_operation: dict[str, Counter[str]] = {}
    for result in results:
        operation = operation_of(*result["endpoint"].split(" "))
        if operation is None or result["class"] in NOT_JUDGED or NOT_BUILT in str(result["diffs"]):
            continue
        by_operation.setdefault(operation, Counter())[result["class"]] += 1
    total = sum(by_operation.values(), Counter[str]())
    lost = sum(total[name] for name in LOST)
    return Score(total.total(), total["exact"], total.total() - lost, by_operation)


def operation_of(method: str, path: str) -> str | None:
    """Return the operation of the table that a request is, if it is built."""
    try:
        operation = routes.route(method, path).operation
    except errors.Refused:
        return None
    return operation if registry.handler(operation) is not None else None


def main() -> None:
    """Print the score of each operation, and of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", nargs="?", type=Path, default=RECORDINGS)
    parser.add_argument("--per-file", type=int)
    parser.add_argument("--older", action="store_true")
    given = parser.parse_args()
    score = run(given.per_file, given.directory, OLDER if given.older else VERSIONS)
    for operation, counts in sorted(score.by_operation.items()):
        print(f"{operation:<60} {counts.total():>5}  {dict(counts)}")
    print(
        f"{score.interactions} answers: {score.exact_share:.1%} exact, "
        f"{score.status_share:.1%} of statuses right"
    )


if __name__ == "__main__":
    main()
