"""Writes docs/stripe-fidelity.md: how many recorded answers tigerstripe and its peers give.

    scripts/fidelity [DIRECTORY]

The recordings and their judge are not part of the project; DIRECTORY holds them. The peers are
installed from PyPI and npm into a temporary directory, served, and judged in the same way.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.pages import markdown_table
from tests.fidelity import replay
from tests.fidelity.peers import PEERS
from tests.fidelity.replay import (
    LOST,
    NOT_BUILT,
    PROJECT,
    RECORDINGS,
    Result,
    Score,
    operation_of,
)
from tigerstripe import errors
from tigerstripe.requests import routes

PAGE = PROJECT / "docs" / "stripe-fidelity.md"
THERE = "By operation"
REST = "What tigerstripe does not have yet"
OURS = "tigerstripe"
RIGHT = {"exact", "value", "shape"}
NOT_ASKED = {"skipped", "needs-seed"}

Results = dict[str, list[Result]]
"""The judge's results by target; those of one place in each list are of one interaction."""

REASONS: dict[str, str] = {
    NOT_BUILT: "it needs a resource or a parameter that is not there: answered 501",
    r"payment_intent\.(payment_details|payment_method_options|setup_future)|charge\.payment_method"
    r"\b|invoice\.parent": "before the recording began, an invoice made the payment or a "
    "subscription made the invoice: the replay makes another one",
    r"time on Test Subscription after": "the text names the day of the recording",
    r"webhooks_delivered_at": "by chance it is null or a time",
    r"(authorization_code|ds_transaction_id|charge\.balance_transaction)\b": "Stripe introduced "
    "the field on a certain day, or the money was captured just after the answer",
    r"missing product\.tax_details|extra \S+\.customer_account": "Stripe introduced the field on "
    "a certain day in an existing version; tigerstripe introduces it with a version",
    r"\.metadata\.region|IBAN": "the recorder replaced a value that was sent",
    r"Received unknown parameter: invoice_settings": "the recording says GET for a POST",
    r"already been attached|reference ": "the replay creates earlier objects in their final "
    "state, or creates two for one",
    r"No such (price|customer)|length list\.data|recurring price": "the recorded account had an "
    "object that no request shows, or lacked one",
    r"account\.": "the recorded account was set up by hand",
}
"""Why an answer differs, by a pattern of what the judge says of it; the first that fits counts."""
UNEXPLAINED = "to be fixed"

HOW = """\
Recorded requests to the live API are replayed in order against tigerstripe and two other stateful
fakes of Stripe. The answers are compared with the recorded ones: status, error, fields, and the
types and values of fields. Ids, times and URLs are mapped to each other. Objects that existed
before a recording began are created through the API, in the same way for all three. *Exact* means
that everything is equal, *status* that the HTTP status is. If an answer needs an object that the
fake could not create, it counts as neither. Left out for all three: uploads, v2, and answers that
need objects which none of the three could create.

The comparison is unfair in three ways. The recordings are the test suites of two applications, so
the operations that these use weigh most. tigerstripe was developed with these recordings, and the
other fakes were not; each of those also answers in only one version of the API, whatever a request
asks for. And one missing field makes all answers of an operation inexact, such as `type` in
seahaven's products.
"""

OF_PARTS = """\
This table is about tigerstripe alone. *Payments* are payment intents, setup intents, payment
methods, charges, refunds, tokens, disputes, transfers, payouts, accounts, checkout and the portal.
*Billing* is subscriptions, their items, invoices, their items and payments, credit notes and test
clocks. Each answer is compared in its own version. Left out are payments of invoices that were made
before a recording began, and answers that need objects which could not be created. Recordings of
the same version contradict each other, because Stripe introduces a field on a certain day in all
versions; tigerstripe introduces it with the version of that time. So in 2023-10-16, which was
recorded until 2026, it answers as in 2023. As recorded, a charge captured by `automatic_async` has
no balance transaction in the requests right after it; in tigerstripe the next request has it, so
that a test need not wait.
"""


def main() -> None:
    """Judge all, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", nargs="?", type=Path, default=RECORDINGS)
    directory = parser.parse_args().directory
    results: Results = {}
    results[OURS] = replay.judged(replay.TARGET, None, directory)
    older = replay.judged(replay.TARGET, None, directory, replay.OLDER)
    shares = {
        "payments, 2025-08 and later": of_payments(results[OURS], directory, replay.VERSIONS),
        "payments, 2023-10 to 2025-07": of_payments(older, directory, replay.OLDER),
        "billing, 2025-08 and later": replay.scored(replay.billing(results[OURS], replay.VERSIONS)),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, peer in PEERS.items():
            with peer.served(Path(folder) / name) as options:
                results[name] = replay.judged(options, None, directory)
    PAGE.write_text(rendered(results, describe_machine(), shares), encoding="utf-8")


def of_payments(results: list[Result], directory: Path, versions: str) -> Score:
    """Return the score of what moves money, of answers in one of the versions."""
    return replay.scored(replay.payments(results, directory, versions))


def rendered(results: Results, machine: dict[str, str], parts: dict[str, Score]) -> str:
    """Return the text of the page."""
    ours = results[OURS]
    places = [n for n in range(len(ours)) if any(asked(each[n]) for each in results.values())]
    there = [n for n in places if is_built(ours[n])]
    rest = [n for n in places if not is_built(ours[n])]
    facts = {name: machine[name] for name in ("date", "revision", "machine", "python")}
    facts |= {name: f"`{peer.requirement}` of PyPI; {peer.note}" for name, peer in PEERS.items()}
    facts["API versions"] = f"`{replay.VERSIONS}`, as recorded"
    sums = {"all recorded operations": places, "those that tigerstripe has": there}
    lines = [
        "# Comparison with recorded answers of Stripe",
        "",
        "Written by `scripts/fidelity`.",
        "",
        HOW,
    ]
    lines += [*(f"* {name}: {value}" for name, value in facts.items()), "", "## All operations", ""]
    lines += table("", results, sums)
    lines += ["", *shares(results, there), "", "## Payments and billing, by version", "", OF_PARTS]
    lines += [*by_version(parts), "", f"## {THERE}", ""]
    lines += table("operation", results, by_operation(ours, there))
    lines += ["", f"## {REST}", ""]
    lines += table("operation", results, by_operation(ours, rest))
    lines += ["", "## Differences, and their reasons", "", *differences(ours, there)]
    return "\n".join(lines) + "\n"


def asked(result: Result) -> bool:
    """Whether a target could be asked at all."""
    return result["class"] not in NOT_ASKED


def is_built(result: Result) -> bool:
    """Whether tigerstripe has the operation of an interaction."""
    return operation_of(*result["endpoint"].split(" ")) is not None


def name_of(result: Result) -> str:
    """Return an interaction's operation as the table of facts has it."""
    try:
        return routes.route(*result["endpoint"].split(" ")).operation
    except errors.Refused:
        return str(result["endpoint"])


def by_operation(ours: Sequence[Result], places: Iterable[int]) -> dict[str, list[int]]:
    """Return the interactions of each operation, by path."""
    found: dict[str, list[int]] = {}
    for place in places:
        found.setdefault(f"`{name_of(ours[place])}`", []).append(place)
    return dict(sorted(found.items(), key=lambda pair: pair[0].split(" ")[::-1]))


def table(heading: str, results: Results, groups: dict[str, list[int]]) -> list[str]:
    """Return a table: how many answers are exact, and how many have the right status."""
    names = [name for target in results for name in (f"{target}: exact", "status")]
    rows = []
    for name, places in groups.items():
        counts: list[int] = []
        for each in results.values():
            counts.append(sum(each[n]["class"] == "exact" for n in places))
            counts.append(sum(each[n]["class"] in RIGHT for n in places))
        rows.append([name, str(len(places)), *map(str, counts)])
    return markdown_table([heading, "answers", *names], rows)


def shares(results: Results, there: Sequence[int]) -> list[str]:
    """Return the shares of what each could be asked for, of what tigerstripe has."""
    lines = [
        "Of the operations that tigerstripe has, without answers that need objects which the fake",
        "could not create:",
        "",
    ]
    for name, each in results.items():
        classes = Counter(each[n]["class"] for n in there)
        right = sum(classes[one] for one in RIGHT)
        total = right + sum(classes[one] for one in LOST)
        share = f"{classes['exact'] / total:.1%} exact, {right / total:.1%} of statuses right"
        lines.append(f"* {name}: of {total} answers {share}.")
    return lines


def by_version(parts: dict[str, Score]) -> list[str]:
    """Return a table of how well each part is answered, by the versions asked for."""
    rows = [
        [name, str(each.interactions), f"{each.exact_share:.1%}", f"{each.status_share:.1%}"]
        for name, each in parts.items()
    ]
    return markdown_table(["part, API versions", "answers", "exact", "status"], rows)


def differences(ours: Sequence[Result], there: Iterable[int]) -> list[str]:
    """Return a table of what differs and why, and of what comes of it."""
    counts: Counter[str] = Counter()
    examples: dict[str, Counter[str]] = {}
    for n in there:
        result = ours[n]
        if result["class"] == "exact":
            continue
        why = reason(result)
        counts[why] += 1
        examples.setdefault(why, Counter())[f"`{name_of(result)}`"] += 1
    rows = (
        [str(number), why, ", ".join(name for name, _ in examples[why].most_common(3))]
        for why, number in counts.most_common()
    )
    return markdown_table(["answers", "reason", "mostly in"], rows)


def reason(result: Result) -> str:
    """Return why an answer differs."""
    if result["class"] == "blocked" or not asked(result):
        return "it needs an object of a resource that tigerstripe does not have yet"
    said = "\n".join(" ".join(map(str, each)) for each in result["diffs"])
    for pattern, why in REASONS.items():
        if re.search(pattern, said):
            return why
    return f"{UNEXPLAINED}: {words(result['diffs'][0])}"


def words(difference: Sequence[Any]) -> str:
    """Return the first difference of an answer as words of a table."""
    kind, where, recorded, given = difference
    return f"{where} {kind}, {recorded} recorded and {given} given".replace("|", "/")


if __name__ == "__main__":
    main()
