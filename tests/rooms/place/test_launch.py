"""Starting a daemon where `subprocess` is replaced, Python is another program, or nothing works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tiger
from tests.rooms.place.programs import mocked
from tiger.place import launch

PROGRAMS = Path(__file__).with_name("programs")


@pytest.mark.parametrize("program", [mocked.popen_is_a_mock, mocked.popen_was_a_mock_when_loaded])
def test_nothing_is_signalled_where_popen_is_a_mock(
    directory: str, run_program, program: Callable[[str], object]
) -> None:
    """Its pid is 1 as an index, and that is the container's first process."""
    assert run_program(program, directory) == [True, []]


def test_a_daemon_is_found_where_its_library_was_found(directory: str) -> None:
    """Not installed for any Python: vendored, in a zipapp, or loaded by uWSGI, which is none."""
    python = os.path.realpath(sys.executable)  # not the environment's: it has no tigerd
    done = subprocess.run(
        [python, "-I", PROGRAMS / "vendored.py", directory, json.dumps(sys.path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    assert done.stdout == "True\n", done.stderr


def test_a_module_of_the_program_hides_none_that_python_has(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("signal", "queue", "json"):
        tmp_path.joinpath(f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with tiger.connect(directory) as store:
        assert store.ping()["pid"] > 1


def test_the_current_directory_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "lib", "/opt/lib"])
    assert launch._path() == [str(tmp_path / "lib"), "/opt/lib", str(tmp_path)]
    tmp_path.rmdir()
    assert launch._path() == ["/opt/lib"]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `tigerd` that is found first; what it does is in its `__main__`."""
    package = tmp_path / "tigerd"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return package / "__main__.py"


def test_the_reason_why_a_daemon_did_not_start_is_in_the_error(
    directory: str, broken: Path
) -> None:
    broken.write_text("import no_such_module\n")
    with pytest.raises(tiger.DaemonUnavailable, match="No module named 'no_such_module'"):
        tiger.connect(directory)
    broken.write_text("raise SystemExit(3)\n")
    with pytest.raises(tiger.DaemonUnavailable, match="it gave no reason"):
        tiger.connect(directory)
    Path(directory, "daemon.log").unlink()  # it has the traceback


def test_a_daemon_that_is_killed_while_it_starts_is_told_so(directory: str, broken: Path) -> None:
    """As the kernel does where memory is short: the log says nothing."""
    shutil.copy(PROGRAMS / "killed.py", broken)
    with pytest.raises(tiger.DaemonUnavailable, match=r"SIGKILL.*memory"):
        tiger.connect(directory)


def test_a_start_is_bounded_though_the_process_launched_does_nothing(
    directory: str, broken: Path, wait_until
) -> None:
    """It is slow to fork, say; it goes on when it can."""
    broken.write_text("import sys\nsys.stdin.read(1)\n")
    with pytest.raises(launch.NotReady, match=r"not ready after 0\.05 s"):
        launch.start(Path(directory), wait_s=0.05)
    process = launch._left[-1]
    wait_until(lambda: process.poll() is not None, what="the end of what was launched")


def test_earlier_output_of_a_program_is_not_the_daemons_answer(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text("print('welcome')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    with tiger.connect(directory) as store:
        assert store.ping()["pid"] > 1


def test_without_a_python_it_says_so(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")
    for name in ("exec_prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, name, directory)
    monkeypatch.setenv("PATH", directory)
    with pytest.raises(tiger.DaemonUnavailable, match=r"no python3\.\d+ was found"):
        tiger.connect(directory)
