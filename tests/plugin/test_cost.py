"""A run that never uses the fixtures pays nothing; other plugins and options are no trouble."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plugin.conftest import Suite
from tigerd.pytest.plugin import PARTS

PLUGIN = [
    "tigerd",
    "tigerd.pytest",
    "tigerd.pytest.nodes",
    "tigerd.pytest.plugin",
    "tigerd.pytest.run_environment",
    "tigerd.service",
    "tigerd.service.run_place",
]
ALWAYS = sorted([*PLUGIN, *PARTS])
"""What every run loads."""


@pytest.mark.parametrize(
    "arguments", [["-n2"], [], ["--collect-only", "-q"]], ids=["two workers", "one", "collect"]
)
def test_a_suite_without_the_fixtures_loads_nothing(suite: Suite, arguments: list[str]) -> None:
    suite.add("cost/watches.py", "conftest.py")
    suite.add("cost/uses_nothing.py", ALWAYS=" ".join(ALWAYS))
    result = suite.run(*arguments)
    if "-q" not in arguments:
        result.assert_outcomes(passed=3, failed=1)
    told = [path.read_text() for path in suite.path.glob("loaded-*")]
    assert suite.places() == []
    if "--collect-only" in arguments:  # and that one fails where something is started
        suite.write("test_it.py", "def test_it(tiger_store): pass")
        suite.run()
        assert any(
            "os.mkdir subprocess.Popen" in p.read_text() for p in suite.path.glob("loaded-*")
        )
    assert told == [" ".join(ALWAYS)] * (3 if "-n2" in arguments else 1)
    assert "tigerd:" not in result.stdout.str()


def test_the_plugin_itself_imports_next_to_nothing() -> None:
    program = """
import sys, pytest
before = set(sys.modules)
import tigerd.pytest.plugin
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(PLUGIN), done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["-p", "no:xdist"], ["-p", "no:terminal"], ["-n2", "--dist", "loadfile", "-v"]],
    ids=["no xdist", "no terminal", "loadfile"],
)
def test_with_and_without_other_plugins(suite: Suite, arguments: list[str]) -> None:
    suite.write(
        "test_it.py",
        """
        def test_it(tiger_store):
            tiger_store.coupons.create({"id": "A"})
        """,
    )
    result = suite.run("--tigerd-keep", "failed", *arguments)
    assert result.ret == 0
    assert len(suite.directories()) == 1


def test_without_the_plugin(suite: Suite) -> None:
    suite.write("test_it.py", "def test_it(): pass\n")
    suite.run("-p", "no:tigerd", "-n1").assert_outcomes(passed=1)
    suite.write("test_it.py", "def test_it(tiger_store): pass\n")
    result = suite.run("-p", "no:tigerd")
    result.stdout.fnmatch_lines(["*fixture 'tiger_store' not found*"])


def test_strict_markers_and_help(suite: Suite) -> None:
    suite.write("test_it.py", "import pytest\n@pytest.mark.tigerd(seed='x')\ndef test_it(): pass\n")
    suite.run("--strict-markers").assert_outcomes(passed=1)
    suite.run("--help").stdout.fnmatch_lines(
        ["*--tigerd-dir=DIR*", "*--tigerd-keep={failed,all,none}*"]
    )
