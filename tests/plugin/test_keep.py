"""What is kept to be looked at after a run, and how it is looked at without a daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import Suite


def kept(directory: Path) -> dict[str, int]:
    """Return how many records there are in the accounts, by test."""
    with tiger.connect(directory, autostart=False) as store:
        return {name.rsplit("-", 1)[0]: count for name, count in store.namespaces().items()}


@pytest.mark.parametrize("workers", ["-n2", "-n0"])
def test_the_accounts_of_failed_tests_are_kept(
    suite: Suite, tigerd: Callable, workers: str
) -> None:
    suite.add("keep/writes.py", IS_RED=True)
    result = suite.run(workers, "--tigerd-keep", "failed")
    result.assert_outcomes(passed=1, failed=1)
    directory = suite.directory()
    suite.kept.append(directory)
    result.stdout.fnmatch_lines(
        [
            "*= tigerd =*",
            f"records are kept at {directory}",
            f"look at them:  tigerd namespaces --dir {directory}",
            f"remove them:   rm -r {directory}",
        ]
    )
    found = kept(directory)
    seeds = [name for name in found if name.startswith("seed-")]
    assert {name for name in found if name not in seeds} == {"test_red", "test_it.py"}
    assert len(seeds) == 1

    with tiger.connect(directory, autostart=False) as store:
        name = next(name for name in store.namespaces() if name.startswith("test_red"))
    for command, shown in {
        ("namespaces",): name,
        ("ls", "coupons", "--namespace", name): "of-red",
        ("get", "coupons", "of-red", "--namespace", name): "of-red",
        ("get", "plans", "seed", "--namespace", name): "seed",
        ("count", "--namespace", name): "coupons",
        ("dump", "--namespace", name): "of-red",
        ("tables",): "coupons",
        ("check",): "",
    }.items():
        answer = tigerd(*command, directory=str(directory))
        assert answer.returncode == 0, (command, answer.stderr)
        assert shown in answer.stdout, command
    assert not (directory / "socket").exists()  # none of them started a daemon
    assert str(directory) not in tigerd("gc", directory=None).stdout
    assert directory.exists()


@pytest.mark.parametrize(
    ("keep", "is_red", "accounts"),
    [
        ("failed", False, None),
        ("none", True, None),
        ("all", False, {"test_green", "test_red", "test_it.py"}),
    ],
)
def test_what_is_kept(suite: Suite, keep: str, is_red: bool, accounts: set[str] | None) -> None:
    suite.add("keep/writes.py", IS_RED=is_red)
    result = suite.run("-n2", "--tigerd-keep", keep)
    assert ("records are kept" in result.stdout.str()) == (accounts is not None)
    assert suite.directory().exists() == (accounts is not None)
    if accounts is not None:
        suite.kept.append(suite.directory())
        assert {name for name in kept(suite.directory()) if "seed-" not in name} == accounts


def test_a_killed_controller_keeps_all_if_told_to(suite: Suite, wait_until: Callable) -> None:
    suite.write(
        "test_it.py",
        """
        import os

        def test_it(tiger_store):
            tiger_store.coupons.create({"id": "A"})
            os.kill(os.getpid(), 9)
        """,
    )
    run = suite.start("--tigerd-keep", "all")
    run.wait(timeout=30)
    suite.kept.append(suite.directory())
    wait_until(lambda: not (suite.directory() / "owner").exists(), what="the daemon's end")
    assert kept(suite.directory()) == {"test_it": 1}


def test_a_wrong_word(suite: Suite) -> None:
    result = suite.run("--tigerd-keep", "some")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tigerd-keep: invalid choice: 'some'*failed*all*none*"])
