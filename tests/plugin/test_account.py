"""`tigerd.testing.account()`: an account where no fixture reaches, with and without pytest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import Suite


def run_script(suite: Suite) -> str:
    """Return what the script printed last."""
    path = suite.add("account/script.py", "script.py")
    command = [sys.executable, "-W", "error::ResourceWarning", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()[-1]


def test_a_script_has_an_instance_of_its_own(suite: Suite, wait_until: Callable) -> None:
    directory = Path(run_script(suite))
    wait_until(lambda: not directory.exists(), timeout_s=5, what="no directory")


def test_a_script_uses_the_instance_that_it_is_told_of(
    suite: Suite, store: tiger.Store, directory: str, wait_until: Callable
) -> None:
    store.coupons.create({"id": "mine"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGERD_DIR", directory)
        assert run_script(suite) == directory
    wait_until(lambda: store.namespaces() == {"global": 1}, timeout_s=5, what="no other namespace")


def test_a_case_of_unittest_tells_what_it_changed(suite: Suite) -> None:
    suite.add("account/case.py")
    result = suite.run("-n1", "--tigerd-keep=failed")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*- of-case: what this test changed -*", "created coupons of-red*", "*records are kept*"]
    )
    assert "of-green" not in result.stdout.str()
    (directory,) = {
        Path(line.split()[-1]) for line in result.outlines if line.startswith("records are kept")
    }
    with tiger.connect(directory, autostart=False) as store:
        assert {name.rpartition("-")[0] for name in store.namespaces()} == {"of-case"}
    subprocess.run(["rm", "-r", directory], check=True)
