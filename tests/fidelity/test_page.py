"""The page docs/stripe-fidelity.md: of what is built now, and counted as it says."""

from __future__ import annotations

import re
from collections import Counter

from tests.fidelity import page, replay, seed
from tigerstripe.objects import registry

MACHINE = {"date": "today", "revision": "r", "machine": "m", "python": "p"}
OPERATION = re.compile(r"^\| `([A-Z]+ /v1/[^`]+)` \|", re.MULTILINE)


def test_the_page_tells_of_the_operations_that_are_built() -> None:
    """If it fails: an operation was built or taken away since scripts/fidelity wrote the page."""
    text = page.PAGE.read_text(encoding="utf-8")
    _, _, text = text.partition(f"## {page.THERE}")
    there, _, rest = text.partition(f"## {page.REST}")
    rest, _, _ = rest.partition("\n## ")
    there, rest = OPERATION.findall(there), OPERATION.findall(rest)
    assert there
    assert [name for name in there if registry.handler(name) is None] == []
    assert [name for name in rest if registry.handler(name) is not None] == []


def test_answers_are_counted_alike_for_all() -> None:
    ours = ["exact", "value", "status", "blocked", "skipped", "needs-seed", "exact"]
    peer = ["exact", "shape", "crash", "needs-seed", "skipped", "needs-seed", "exact"]
    paths = ["/v1/customers"] * 6 + ["/v1/topups/:id/unheard_of"]
    results = {
        name: [
            {"endpoint": f"POST {path}", "class": kind, "diffs": [["value", "x.y", "1", "2"]]}
            for path, kind in zip(paths, kinds, strict=True)
        ]
        for name, kinds in {"tigerstripe": ours, "peer": peer}.items()
    }
    counts = {"GET /v1/charges": Counter(exact=3, value=1)}
    payments = {"2023": replay.Score(4, 3, 4, counts)}
    text = page.rendered(results, MACHINE, payments)
    assert "| 2023 | 4 | 75.0% | 100.0% |" in text
    # The one that was left out, and the one that nobody could be given, are not counted.
    assert "| `POST /v1/customers` | 4 | 1 | 2 | 1 | 2 |" in text
    assert "| `POST /v1/topups/:id/unheard_of` | 1 | 1 | 1 | 1 | 1 |" in text
    assert "| all recorded operations | 5 | 2 | 3 | 2 | 3 |" in text
    assert "* peer: of 3 answers 33.3% exact, 66.7% of statuses right." in text
    assert "| 1 | it needs an object" in text
    assert f"| 2 | {page.UNEXPLAINED}: x.y value, 1 recorded and 2 given |" in text


def test_objects_that_a_fake_refuses_are_not_seeded() -> None:
    asked = []

    def refuse(*request):
        asked.append(request)
        return 404, {}, {"error": {}}

    shown = {"invoice_settings": {"default_payment_method": "pm_1"}, "metadata": {}}
    assert seed.seed(refuse, "cus_1", shown, {}) is None
    assert seed.seed(refuse, "pm_1", None, {"cus_0": "cus_2"}) is None
    assert [path for _, path, _ in asked] == [
        "/v1/customers",
        "/v1/payment_methods/pm_card_visa/attach",
    ]
