"""A run that uses an instance that is there already: it is left as it was found."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import Suite
from tiger.format import layout
from tigerd.engine.segments import WritableSegment


@pytest.mark.parametrize("is_option", [True, False])
def test_it_is_left_as_it_was(
    suite: Suite, store: tiger.Store, directory: str, wait_until: Callable, is_option: bool
) -> None:
    store.coupons.create({"id": "mine"})
    pid = store.ping()["pid"]
    suite.kept.append(Path(directory))
    suite.add("attach/uses.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGERD_DIR", "/not/there" if is_option else directory)
        options = [f"--tigerd-dir={os.path.relpath(directory, suite.path)}"] if is_option else []
        result = suite.run("-n2", *options)
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines([f"tigerd: using the instance at {directory}"])
    assert suite.directories() == {Path(directory)}
    assert store.ping()["pid"] == pid
    wait_until(lambda: store.namespaces() == {"global": 1}, timeout_s=5, what="no other namespace")
    wait_until(lambda: not os.listdir(Path(directory, "leases")), what="no leases")
    assert not Path(directory, "owner").exists()


def test_a_directory_that_pytest_takes_for_tests(suite: Suite, directory: str) -> None:
    """It looks there for its settings, before it knows our option."""
    suite.add("attach/uses.py")
    result = suite.run("--tigerd-dir", directory)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: write it as --tigerd-dir={directory}: *"])
    suite.write("pytest.ini", "[pytest]\n")
    result = suite.run(".", "--tigerd-dir", directory)
    result.assert_outcomes(errors=7)


def test_what_is_kept_there(suite: Suite, store: tiger.Store, directory: str) -> None:
    suite.kept.append(Path(directory))
    suite.add("attach/uses.py")
    result = suite.run(f"--tigerd-dir={directory}", "--tigerd-keep", "failed")
    result.stdout.fnmatch_lines([f"records are kept at {directory}"])
    assert "rm -r" not in result.stdout.str()
    names = {name.rsplit("-", 1)[0].rstrip("-") for name in store.namespaces()}
    assert {name for name in names if not name.startswith("seed")} == {"test_it-3", "test_it.py"}
    store.ping()


def test_of_tigerd_run_it_is_told_that_it_goes(suite: Suite, tigerd: Callable) -> None:
    suite.add("attach/uses.py")
    command = [sys.executable, "-m", "pytest", "--tigerd-keep=failed", str(suite.path)]
    answer = tigerd("run", "--", *command, directory=None)
    assert answer.returncode == pytest.ExitCode.TESTS_FAILED
    assert "they are removed when process" in answer.stdout
    assert "tigerd: using the instance at" in answer.stdout
    assert not suite.directory().exists()


def wrong_version(directory: str, *, is_running: bool = True) -> str:
    if is_running:
        with tiger.connect(directory):
            pass
    control = WritableSegment(Path(directory, "control"), layout.CONTROL)
    control.store(layout.HEADER_VERSION, layout.VERSION + 1)
    control.close()
    return f"{directory}/control has layout {layout.VERSION + 1}, this program reads*"


def wrong_version_and_no_daemon(directory: str) -> str:
    with tiger.connect(directory) as store:
        pid = store.ping()["pid"]
    os.kill(pid, signal.SIGKILL)
    return wrong_version(directory, is_running=False)


def a_file(directory: str) -> str:
    Path(directory).rmdir()
    Path(directory).touch()
    return f"{directory} is not a directory*"


def no_instance_error(directory: str) -> str:
    Path(directory).rmdir()
    return f"no daemon runs at {directory}, which this run was told to use: start one with*"


def no_daemon(directory: str) -> str:
    return f"no daemon runs at {directory}, which this run was told to use: start one with*"


def open_to_others(directory: str) -> str:
    with tiger.connect(directory):
        pass
    Path(directory).chmod(0o755)
    return f"{directory} has mode 0755, which opens it to others*"


SPOILED = [
    wrong_version,
    wrong_version_and_no_daemon,
    a_file,
    no_instance_error,
    no_daemon,
    open_to_others,
]


@pytest.mark.parametrize("spoil", SPOILED)
def test_one_that_cannot_be_used(suite: Suite, directory: str, spoil: Callable[[str], str]) -> None:
    message = spoil(directory)
    before = sorted(os.listdir(directory)) if os.path.isdir(directory) else None
    try:
        suite.add("attach/uses.py")
        result = suite.run("-k", "not killed", f"--tigerd-dir={directory}")
        result.assert_outcomes(errors=6)
        result.stdout.fnmatch_lines([f"tigerd: {message}"])
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        assert "testing.py" not in result.stdout.str()
        assert (sorted(os.listdir(directory)) if os.path.isdir(directory) else None) == before
    finally:
        if spoil in (wrong_version, wrong_version_and_no_daemon):
            with Path(directory, "control").open("r+b") as control:
                control.seek(8 * layout.HEADER_VERSION)
                control.write(layout.VERSION.to_bytes(8, sys.byteorder))
        if os.path.isdir(directory):
            Path(directory).chmod(0o700)
        else:
            Path(directory).unlink(missing_ok=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_one_below_a_closed_directory(suite: Suite, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0)
    try:
        suite.add("attach/uses.py")
        result = suite.run(f"--tigerd-dir={closed}/inside")
        result.stdout.fnmatch_lines(["tigerd: *"])
        assert "Traceback" not in result.stdout.str()
    finally:
        closed.chmod(0o700)


def test_its_daemon_is_killed(suite: Suite, store: tiger.Store, directory: str) -> None:
    """The run says so, and starts none: it is somebody else's."""
    suite.kept.append(Path(directory))
    suite.add("attach/kills_daemon.py")
    store.ping()
    result = suite.run(f"--tigerd-dir={directory}")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines([f"*DaemonUnavailable: *{directory}*"])
    result.stdout.fnmatch_lines(["created coupons A*"])
    result.stdout.fnmatch_lines([f"tigerd: *{directory}*"])
