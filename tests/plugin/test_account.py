"""`tigerd.testing.account()`: an account where no fixture reaches, with and without pytest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import Suite

SCRIPT = """
import os, subprocess, sys
import tiger
from tigerd.testing import account

CHILD = "import tiger; s = tiger.connect(); s.coupons.create({'id': 'of-child'}); s.close()"

with account({"coupons": ({"id": "seed"},)}, name="script") as store:
    assert os.environ["TIGERD_NAMESPACE"] == store.current_namespace
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    with account() as other:
        assert os.environ["TIGERD_NAMESPACE"] == other.current_namespace
        assert other.coupons.count() == 0
    assert os.environ["TIGERD_NAMESPACE"] == store.current_namespace
    assert {coupon["id"] for coupon in store.coupons} == {"seed", "of-child"}
    if (child := os.fork()) == 0:
        sys.exit(0)  # leaves the block in the child too
    os.waitpid(child, 0)
    assert store.coupons.count() == 2
    print(store.directory, flush=True)
with tiger.connect(namespace="looking") as looking:
    names = {name.rpartition("-")[0] for name in looking.namespaces()}
    assert not names & {"script", "account"}, names
"""


def run(suite: Suite, text: str) -> str:
    """Run a script, and return what it printed last."""
    path = suite.write("script.py", text)
    command = [sys.executable, "-W", "error::ResourceWarning", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()[-1]


def test_a_script_has_an_instance_of_its_own(suite: Suite, wait_until: Callable) -> None:
    directory = Path(run(suite, SCRIPT))
    wait_until(lambda: not directory.exists(), timeout_s=5, what="no directory")


def test_a_script_uses_the_instance_that_it_is_told_of(
    suite: Suite, store: tiger.Store, directory: str, wait_until: Callable
) -> None:
    store.coupons.create({"id": "mine"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGERD_DIR", directory)
        assert run(suite, SCRIPT) == directory
    wait_until(lambda: store.namespaces() == {"global": 1}, timeout_s=5, what="no other namespace")


def test_a_case_of_unittest_tells_what_it_changed(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        import unittest
        from tigerd.testing import account

        class TestCase(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                block = account(name="of-class")
                cls.shared = block.__enter__()
                cls.addClassCleanup(block.__exit__, None, None, None)

            def setUp(self):
                block = account(name="of-case")
                self.store = block.__enter__()
                self.addCleanup(block.__exit__, None, None, None)

            def test_red(self):
                assert self.store.coupons.count() == 0
                self.store.coupons.create({"id": "of-red"})
                self.fail()

            def test_green(self):
                assert self.store.coupons.count() == 0
                self.store.coupons.create({"id": "of-green"})
        """,
    )
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
