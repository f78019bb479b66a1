"""Each test has an account of its own, in whatever process it runs; runs do not see each other."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite

SEED = {"coupons": [{"id": "summer", "percent_off": 20}], "plans": [{"amount": 1}, {"amount": 2}]}


def test_of_400_tests_each_has_an_account_of_its_own(suite: Suite) -> None:
    suite.add("isolation/many.py")
    suite.write("seed.json", json.dumps(SEED))
    suite.run("-q", "-n4").assert_outcomes(passed=400)
    assert len(suite.directories()) == 1
    assert len({place.daemon for place in suite.places()}) == 1
    assert len(suite.places()) == 4


def test_two_runs_at_once_do_not_see_each_other(suite: Suite) -> None:
    suite.add("isolation/meets_another_run.py")
    runs = []
    for number in ("1", "2"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RUN", number)
            runs.append(suite.start("-n", number))
    for run in runs:
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 0, output
    assert len(suite.directories()) == 2


def test_accounts_of_modules_and_workers_are_shared_by_their_tests(suite: Suite) -> None:
    suite.add("isolation/shared.py", "test_a.py")
    suite.add("isolation/shared.py", "test_b.py", SECOND=2)
    suite.run().assert_outcomes(passed=4)
    suite.add("isolation/shared.py", "test_b.py", SECOND=1)
    suite.run("-n2", "--dist", "loadscope").assert_outcomes(passed=4)


def test_the_tests_of_a_class_share_an_account(suite: Suite) -> None:
    suite.add("isolation/classes.py")
    suite.run().assert_outcomes(passed=5)


def test_processes_that_a_test_starts_find_its_account(suite: Suite) -> None:
    suite.add("isolation/children.py")
    suite.run("-n1").assert_outcomes(passed=5)


def test_settings_of_processes_go_with_the_account(suite: Suite) -> None:
    suite.add("isolation/environment.py")
    suite.run().assert_outcomes(passed=2)


def test_odd_and_long_names(suite: Suite) -> None:
    suite.add("isolation/odd_names.py")
    suite.run("-n2").assert_outcomes(passed=7)


def test_a_run_inside_a_test_uses_the_same_instance(suite: Suite) -> None:
    """As a suite does that tests a plugin of its own; in the same process too."""
    suite.write("conftest.py", "pytest_plugins = 'pytester'")
    suite.add("isolation/inner.py", "inner.py")
    suite.add("isolation/outer.py")
    suite.run().assert_outcomes(passed=2)
