"""Other plugins, runners and mocks beside this one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.plugin.conftest import BESIDE, Suite

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_examples_with_other_plugins_installed(suite: Suite) -> None:
    """Their settings make all warnings errors."""
    suite.beside = BESIDE
    suite.is_strict = False
    tests = EXAMPLES / "tests" / "test_history.py"
    result = suite.run("-n1", "-c", EXAMPLES / "pytest.ini", tests)
    assert result.ret == 0, result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_a_first_test_with_forbidden_sockets_is_green(suite: Suite) -> None:
    suite.beside = ("socket",)
    suite.add("beside/forbids_sockets.py")
    suite.run("--disable-socket", "-n1").assert_outcomes(passed=1)
    suite.run("--disable-socket").assert_outcomes(passed=1)


def test_the_asyncio_fixture_with_pytest_asyncio(suite: Suite) -> None:
    suite.beside = ("asyncio",)
    suite.write("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    suite.add("beside/awaits.py")
    suite.run().assert_outcomes(passed=2)


def test_a_test_that_is_run_again_begins_anew(suite: Suite) -> None:
    suite.beside = ("rerunfailures",)
    suite.add("beside/runs_again.py")
    result = suite.run("--tigerd-keep=all", "--junitxml=report.xml")
    result.assert_outcomes(passed=1)
    suite.kept.append(suite.directory())


def test_hypothesis_is_told_how_each_example_gets_an_account(suite: Suite) -> None:
    suite.beside = ("hypothesispytest",)
    suite.add("beside/draws_examples.py")
    result = suite.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*- tiger_store and hypothesis -*", "*with tiger_store_module.sandbox() as store:*"]
    )


# --- Runners ---

ODD = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.workerinput = INPUT
"""


@pytest.mark.parametrize("given", ['{"workerid": "w0"}', "{}", "None", "object()"])
def test_a_runner_that_makes_workers_in_its_own_way(suite: Suite, given: str) -> None:
    """It calls none of xdist's hooks; each of its processes is a run of its own."""
    suite.write("conftest.py", ODD.replace("INPUT", given))
    suite.write("test_it.py", "def test_plain(): pass\n")
    assert suite.run("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:terminal").ret == 0
    assert suite.run("-p", "no:xdist").ret == 0
    suite.write("test_it.py", "def test_it(tiger_store): tiger_store.coupons.create({})\n")
    assert suite.run("-p", "no:xdist").ret == 0
    suite.check_gone()


def test_a_runner_that_leaves_out_hooks(suite: Suite) -> None:
    """It does not configure this plugin."""
    suite.add("beside/leaves_out_hooks.py", "conftest.py")
    suite.write("test_it.py", "def test_plain(): pass\n\ndef test_red(): assert 0\n")
    suite.run().assert_outcomes(passed=1, failed=1)


def test_live_accounts_of_one_process_are_noticed(suite: Suite) -> None:
    """The environment, which all threads share, names no account of a test any more."""
    program = suite.add("beside/threads.py", "program.py")
    subprocess.run([sys.executable, program], check=True)


def test_the_run_says_that_tests_ran_at_the_same_time(suite: Suite) -> None:
    suite.add("beside/runs_in_threads.py", "conftest.py")
    suite.add("beside/looks_outside.py")
    result = suite.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["tests ran at the same time in one process, *"])


# --- Reports ---


def test_the_changes_are_in_the_junit_report(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        def test_red(tiger_store):
            tiger_store.coupons.create({"id": "of-red"})
            assert False
        """,
    )
    suite.run("--junitxml=report.xml").assert_outcomes(failed=1)
    (failure,) = ElementTree.parse(suite.path / "report.xml").iter("failure")
    assert "tiger_store: what this test changed" in str(failure.text)
    assert "created coupons of-red" in str(failure.text)


@pytest.mark.parametrize("how", ["PYTEST_ADDOPTS", "command line"])
def test_an_option_in_two_words_is_refused_where_pytest_takes_it_for_tests(
    suite: Suite, directory: str, how: str
) -> None:
    suite.write("test_it.py", "def test_it(): pass\n")
    arguments = ["--tigerd-dir", directory]
    with pytest.MonkeyPatch.context() as patch:
        if how == "PYTEST_ADDOPTS":
            patch.setenv("PYTEST_ADDOPTS", " ".join(arguments))
            arguments = []
        result = suite.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: write it as --tigerd-dir={re.escape(directory)}: *"])
