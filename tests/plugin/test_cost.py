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

LOADED = """
import sys

def loaded():
    return sorted(name for name in sys.modules if name.split(".")[0] in ("tiger", "tigerd", "zmq"))
"""

WATCHED = """
import os, sys
import pytest
from loaded import loaded

DONE = []

def note(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.mkdir"):
        words = [str(word) for argument in arguments
                 for word in (argument if isinstance(argument, (list, tuple)) else [argument])]
        if event == "os.fork" or any(w == "tigerd" or "tigerd-run" in w for w in words):
            DONE.append(event)

sys.addaudithook(note)

def tell():
    with open(f"loaded-{os.getpid()}", "w") as file:
        file.write(" ".join(loaded() + DONE))

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):  # soon after it is made to end
        tell()

@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        tell()
"""


@pytest.mark.parametrize(
    "arguments", [["-n2"], [], ["--collect-only", "-q"]], ids=["two workers", "one", "collect"]
)
def test_a_suite_without_the_fixtures_loads_nothing(suite: Suite, arguments: list[str]) -> None:
    suite.write("loaded.py", LOADED)
    suite.conftest(WATCHED)
    suite.write(
        "test_it.py",
        """
        import pytest
        from loaded import loaded

        @pytest.mark.parametrize("number", range(4))
        def test_it(number):
            assert loaded() == ALWAYS
            assert number != 3

        """.replace("ALWAYS", str(ALWAYS)),
    )
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
