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
    suite.write(
        "test_it.py",
        """
        import socket
        import pytest
        from pytest_socket import SocketBlockedError

        @pytest.mark.filterwarnings("ignore:A test tried to use socket")
        def test_it(tiger_store):
            tiger_store.coupons.create({"id": "A"})
            with pytest.raises(SocketBlockedError):
                socket.socket()
        """,
    )
    suite.run("--disable-socket", "-n1").assert_outcomes(passed=1)
    suite.run("--disable-socket").assert_outcomes(passed=1)


ASYNC = """
import pytest

@pytest.mark.MARK
async def test_it(tiger_store_aio, tiger_store):
    await tiger_store_aio.coupons.create({"id": "A"})
    assert "A" in tiger_store.coupons
    assert tiger_store_aio.current_namespace == tiger_store.current_namespace

@pytest.mark.MARK
async def test_another_loop(tiger_store_aio):
    assert tiger_store_aio.coupons.count() == 0
    await tiger_store_aio.coupons.create({"id": "A"})
"""


def test_the_asyncio_fixture_with_pytest_asyncio(suite: Suite) -> None:
    suite.beside = ("asyncio",)
    suite.write("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    suite.write("test_it.py", ASYNC.replace("MARK", "asyncio"))
    suite.run().assert_outcomes(passed=2)


RERUN = """
import pytest

@pytest.mark.flaky(reruns=1)
def test_it(tiger_store, tiger_store_module, request):
    assert tiger_store.coupons.count() == 0
    tiger_store.coupons.create({"id": "A"})
    assert request.node.execution_count == 2
"""


def test_a_test_that_is_run_again_begins_anew(suite: Suite) -> None:
    suite.beside = ("rerunfailures",)
    suite.write("test_it.py", RERUN)
    result = suite.run("--tigerd-keep=all", "--junitxml=report.xml")
    result.assert_outcomes(passed=1)
    suite.kept.append(suite.directory())


def test_hypothesis_is_told_how_each_example_gets_an_account(suite: Suite) -> None:
    suite.beside = ("hypothesispytest",)
    suite.write(
        "test_it.py",
        """
        from hypothesis import given, settings, strategies as st

        @given(st.integers())
        def test_refused(tiger_store, number):
            pass

        @settings(max_examples=5, deadline=None, database=None)
        @given(st.integers())
        def test_forked(tiger_store_module, number):
            with tiger_store_module.sandbox() as store:
                assert store.coupons.count() == 0
                store.coupons.create({"id": "A"})
        """,
    )
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
    suite.conftest(ODD.replace("INPUT", given))
    suite.write("test_it.py", "def test_plain(): pass\n")
    suite.run("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:terminal")
    assert suite.run("-p", "no:xdist").ret == 0
    suite.write("test_it.py", "def test_it(tiger_store): tiger_store.coupons.create({})\n")
    assert suite.run("-p", "no:xdist").ret == 0
    suite.check_gone()


def test_a_runner_that_leaves_out_hooks(suite: Suite) -> None:
    """It does not configure this plugin."""
    suite.conftest(
        """
        import pytest
        from tigerd.pytest import nodes

        @pytest.hookimpl(trylast=True)
        def pytest_configure(config):
            config.stash[nodes.ENVIRONMENT].leave()
            del config.stash[nodes.ENVIRONMENT]
        """
    )
    suite.write("test_it.py", "def test_plain(): pass\n\ndef test_red(): assert 0\n")
    suite.run().assert_outcomes(passed=1, failed=1)


def test_live_accounts_of_one_process_are_noticed(suite: Suite) -> None:
    """The environment, which all threads share, names no account of a test any more."""
    suite.write(
        "program.py",
        """
        import threading, os
        from tigerd.pytest import run_environment

        environment = run_environment.RunEnvironment()
        environment.enter()
        both = threading.Barrier(2)
        seen = []

        def test(name):
            environment.begin()
            environment.here.test = name
            environment.show(name)
            both.wait()
            seen.append((environment.here.test, os.environ["TIGERD_NAMESPACE"]))
            both.wait()
            environment.end()

        environment.begin()
        environment.show("alone")
        assert os.environ["TIGERD_NAMESPACE"] == "alone"
        environment.end()
        threads = [threading.Thread(target=test, args=[n]) for n in ("one", "two")]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert sorted(seen) == [("one", environment.outside), ("two", environment.outside)], seen
        assert environment.is_in_threads
        environment.leave()
        assert "TIGERD_NAMESPACE" not in os.environ
        """,
    )
    subprocess.run([sys.executable, suite.path / "program.py"], check=True)


def test_the_run_says_that_tests_ran_at_the_same_time(suite: Suite) -> None:
    suite.conftest(
        """
        import importlib
        import threading
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            \"\"\"Set up and tear down another test meanwhile, as in a runner of threads.\"\"\"
            environment = importlib.import_module("tigerd.pytest.run_environment").current()
            def other():
                environment.begin()
                environment.end()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            return (yield)
        """
    )
    suite.write(
        "test_it.py",
        """
        import os

        def test_it(tiger_store):
            assert os.environ["TIGERD_NAMESPACE"].startswith("outside-main-")
            assert tiger_store.environment["TIGERD_NAMESPACE"] == tiger_store.current_namespace
        """,
    )
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
