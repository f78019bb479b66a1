"""What accounts begin with: every way to say it, loaded once, and each way to say it wrongly."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite


def test_every_way_to_say_what_accounts_begin_with(suite: Suite) -> None:
    suite.add("seed/ways")
    suite.run().assert_outcomes(passed=6)


def test_a_seed_without_ids_is_loaded_once_by_four_workers(suite: Suite) -> None:
    """They load it at the same moment: none goes on before all have come."""
    suite.add("seed/waits_for_four.py", "conftest.py")
    suite.add("seed/one_for_four.py")
    suite.run("-n4", "--dist", "each").assert_outcomes(passed=20)
    assert len(suite.places()) == 4
    assert len(set((suite.path / "ids").read_text().splitlines())) == 1


BAD = {
    "missing.json": (None, "the seed's file *missing.json: No such file or directory"),
    "text.json": ("{coupons", "*text.json is not JSON: *"),
    "list.json": ("[]", "*list.json holds an array: use one object*"),
    "shape.json": ('{"coupons": {}}', "*shape.json: coupons is an object: use an array*"),
    "item.json": ('{"coupons": [{}, 5]}', "*item.json: coupons[[]1[]] is a number*"),
    "refused.json": (
        '{"coupons": [{"id": "A"}, {"id": 7}]}',
        "*refused.json: coupons[[]1[]]: *id*",
    ),
    "twice.json": (
        '{"coupons": [{"id": "A"}, {"id": "A"}]}',
        "*twice.json: coupons[[]1[]] has the id 'A' of coupons[[]0[]]*",
    ),
    "table.json": ('{"cupons": [{}]}', "*table.json: no table 'cupons': *"),
}


def test_a_seed_that_is_no_good_says_where_and_why(suite: Suite) -> None:
    for name, (content, _) in BAD.items():
        if content is not None:
            suite.write(name, content)
    suite.add("seed/bad.py", FILES=" ".join(BAD))
    result = suite.run("-n2")
    result.assert_outcomes(errors=len(BAD) + 8, passed=1)
    for _, message in BAD.values():
        result.stdout.fnmatch_lines([f"tigerd: {message}"])
    for message in (
        "tigerd: the seed 5: use a dict of lists of records, a path, or a function of *",
        "tigerd: the seed [[]1[]]: use a dict of lists of records, a path, or a function of *",
        "tigerd: the seed: no table 'nope': *",
        "tigerd: the seed: 5 is not a table: use its name, a string",
        "tigerd: the seed: coupons[[]0[]]: *object*",
        "tigerd: the seed: coupons is of type object: use an array of records",
        "tigerd: the marker tigerd(sed='A') of test_it.py::test_word needs one argument, seed: *",
        "tigerd: the marker tigerd('A') of test_it.py::test_place needs one argument, seed: *",
    ):
        result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
    assert "testing.py" not in result.stdout.str()


def test_a_large_seed_costs_the_daemon_one_write(suite: Suite) -> None:
    suite.write("seed.json", json.dumps({"plans": [{"amount": n} for n in range(3000)]}))
    suite.add("seed/large.py")
    suite.run().assert_outcomes(passed=3)


def test_changes_of_tests_to_a_seed_given_as_a_dict(suite: Suite) -> None:
    """A seed that is changed by the tests after its use has been loaded already."""
    suite.add("seed/changed.py")
    suite.run().assert_outcomes(passed=2)


@pytest.mark.parametrize("text", ['{"coupons": []}', "{}"])
def test_an_empty_seed(suite: Suite, text: str) -> None:
    suite.write("seed.json", text)
    suite.add("seed/empty.py")
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("kind", ["tuple", "generator", "values", "proxies"])
def test_any_series_of_mappings_is_a_seed(suite: Suite, kind: str) -> None:
    suite.add("seed/series.py", KIND=kind)
    suite.run().assert_outcomes(passed=2)
