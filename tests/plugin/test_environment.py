"""A `connect()` without arguments finds an account, or a namespace that the run names."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import Suite
from tiger.place import owners
from tigerd.pytest.run_environment import RunEnvironment

TESTS = ["test_own", "test_none", "test_session", "test_dynamic", "TestDjango::test_case"]


def noted(suite: Suite) -> dict[str, tuple[str, str]]:
    """Return where each connection of the suite was to, and forget it."""
    path = suite.path / "noted.txt"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    suite.directories()
    return {name: (directory, namespace) for name, directory, namespace in rows}


@pytest.mark.parametrize("order", [TESTS, TESTS[::-1], TESTS[2:] + TESTS[:2]])
def test_every_connection_is_to_the_same_account_in_every_order(
    suite: Suite, order: list[str]
) -> None:
    suite.add("environment/connects.py")
    result = suite.run(*(f"test_it.py::{name}" for name in order))
    result.assert_outcomes(passed=5)
    found = noted(suite)
    assert {directory for directory, _ in found.values()} == {str(suite.directory())}
    kinds = {name: re.sub(r"-[0-9a-f]{16}$", "", place[1]) for name, place in found.items()}
    outside = dict.fromkeys(("module", "server", "none", "case"), "outside-main")
    session = dict.fromkeys(("server_of_session", "client_of_it", "session"), kinds["session"])
    assert kinds == {**outside, **session, "own": "test_own", "dynamic": "test_dynamic"}
    assert not kinds["session"].startswith(("outside", "test_"))


@pytest.mark.parametrize("workers", ["-n1", "-n0"])
def test_records_outside_of_accounts_are_named(suite: Suite, workers: str) -> None:
    suite.add("environment/writes_outside.py")
    result = suite.run(workers, "-p", "no:warnings")
    result.assert_outcomes(passed=1, failed=1)
    name = "outside-gw0" if workers == "-n1" else "outside-main"
    result.stdout.fnmatch_lines(
        [
            "*- written outside of every account -*",
            "created coupons of-first*",
            f"(namespace {name}-* at *tigerd-run-*)",
            "*= tigerd =*",
            f"1 record was written outside of every test's account: namespace {name}-*",
            '*monkeypatch.setattr("module.store", tiger_store)*',
        ]
    )
    (directory,) = set(re.findall(r"at (\S*tigerd-run-[\w-]+)", result.stdout.str()))
    assert not Path(directory).exists()


def test_a_run_that_is_attached_clears_what_is_no_accounts(
    suite: Suite, store: tiger.Store, directory: str
) -> None:
    store.coupons.create({"id": "mine"})
    suite.add("environment/writes_outside.py")
    result = suite.run("-n2", f"--tigerd-dir={directory}", "-p", "no:warnings")
    result.stdout.fnmatch_lines(["*written outside of every test's account*"])
    assert store.namespaces() == {"global": 1}


def test_of_tigerd_run_too(suite: Suite, tigerd: Callable) -> None:
    suite.write("test_it.py", "import places, tiger\nplaces.note('module', tiger.connect())\n")
    suite.write("test_it.py", (suite.path / "test_it.py").read_text() + "def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:warnings", str(suite.path)]
    tigerd("run", "--", *command, directory=None)
    ((directory, namespace),) = noted(suite).values()
    assert namespace.startswith("outside-main-")
    assert not Path(directory).exists()


def test_a_process_that_outlives_its_run_is_told_so(suite: Suite) -> None:
    """And it starts nothing anew; a run that it starts is one of its own."""
    suite.add("environment/keeps_environment.py")
    suite.run().assert_outcomes(passed=1)
    environment = json.loads((suite.path / "environment.json").read_text())
    told = {name for name, value in environment.items() if value != os.environ.get(name)}
    assert told == {"TIGERD_DIR", "TIGERD_NAMESPACE", "TIGERD_RUN"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(tiger.DaemonUnavailable, match="has ended"):
            tiger.connect()
        suite.run().assert_outcomes(passed=1)
    assert len(suite.directories()) == 2


def test_a_store_tells_processes_of_its_account(suite: Suite) -> None:
    suite.add("environment/starts_process.py")
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", ["-n2", "-n0"])
def test_an_application_that_conftest_imports_is_in_the_run(
    suite: Suite, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is imported by another plugin's hook, as pytest-django's."""
    (suite.path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(suite.path / "runtime"))
    suite.write("early.py", "def pytest_load_initial_conftests():\n    import app\n")
    suite.add("environment/imports_app.py", "conftest.py", IS_LATE=workers == "-n2")
    suite.write(
        "test_it.py",
        "import app\n\n\ndef test_it(tiger_store):\n    app.store.coupons.insert({'id': 'A'})\n",
    )
    result = suite.run(workers, "-p", "early")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 record was written outside of every test's account: *"])
    rows = (suite.path / "noted.txt").read_text().splitlines()
    places = [json.loads(row)[1:] for row in rows]
    assert {directory for directory, _ in places} == {str(suite.directory())}
    names = {re.sub(r"-[0-9a-f]{16}$", "", namespace) for _, namespace in places}
    workers_names = {"outside-gw0", "outside-gw1"} if workers == "-n2" else set()
    assert names == {"outside-main", *workers_names}
    assert list((suite.path / "runtime").iterdir()) == []


def test_an_instance_that_conftest_names_is_used(
    suite: Suite, store: tiger.Store, directory: str
) -> None:
    suite.write("conftest.py", f"import os\nos.environ['TIGERD_DIR'] = {directory!r}\n")
    suite.write("test_it.py", "def test_it(tiger_store):\n    tiger_store.coupons.insert({})\n")
    result = suite.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"tigerd: using the instance at {directory}"])
    assert store.ping()


@pytest.mark.parametrize(
    "said", ["[" * 10_000, '{"pid": 1e999, "token": "", "directory": ""}', "5"]
)
def test_a_variable_that_names_no_run_is_ignored(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("TIGERD_RUN", said)
    assert RunEnvironment().ends_instance
    assert owners.owner_by_run(Path("/nowhere")) is None
