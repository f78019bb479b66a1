"""`tigerd run`: a daemon for the length of one command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.support.file_system import small_file_system
from tiger.place import launch

SHOW_PLACE = (
    "import os, tiger; tiger.connect(autostart=False).close(); print(os.environ['TIGERD_DIR'])"
)

PROGRAMS = Path(__file__).with_name("programs")


def test_run_makes_a_private_directory_and_removes_it(tigerd) -> None:
    completed = tigerd("run", "--", sys.executable, "-c", SHOW_PLACE, directory=None)
    assert completed.returncode == 0, completed.stderr
    place = Path(completed.stdout.strip())
    assert place.is_absolute()
    assert not place.exists()


def test_run_needs_no_dashes_and_leaves_the_commands_options_alone(tigerd) -> None:
    completed = tigerd("run", sys.executable, "-c", "print(5)", directory=None)
    assert completed.stdout.strip() == "5"


def test_two_runs_share_nothing(tigerd) -> None:
    program = "import tiger\nwith tiger.connect() as s: s.coupons.create({'id': 'A'})"
    for _ in range(2):
        completed = tigerd("run", "--", sys.executable, "-c", program, directory=None)
        assert completed.returncode == 0, completed.stderr


def test_run_leaves_a_daemon_alone_that_ran_already(tigerd, store, directory: str) -> None:
    pid = store.ping()["pid"]
    completed = tigerd("run", "--", sys.executable, "-c", SHOW_PLACE, directory=directory)
    assert completed.returncode == 0, completed.stderr
    assert store.ping()["pid"] == pid


def test_run_passes_on_that_a_signal_ended_the_command(tigerd) -> None:
    completed = tigerd("run", "--", "sh", "-c", "kill -KILL $$", directory=None)
    assert completed.returncode == 128 + signal.SIGKILL


def test_run_of_no_command_starts_nothing(tigerd, directory: str, tmp_path: Path) -> None:
    completed = tigerd("run", "--", "no-such-command", directory=directory)
    assert completed.returncode == 127
    assert completed.stderr == "tigerd: no-such-command: no such command\n"
    assert os.listdir(directory) == []
    assert tigerd("run", directory=None).returncode == 2
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    assert tigerd("run", "--", str(script), directory=directory).returncode == 127
    assert tigerd("status", directory=directory).returncode == 1


@pytest.mark.parametrize("is_private", [True, False])
def test_a_command_that_removes_the_directory_has_its_exit_code(
    tigerd, directory: str, is_alive, wait_until, *, is_private: bool
) -> None:
    place = None if is_private else os.path.join(directory, "run")
    program = str(PROGRAMS / "removes_directory.py")
    completed = tigerd("run", "--", sys.executable, program, directory=place)
    assert completed.returncode == 7
    assert "the command removed" in completed.stderr
    assert completed.stderr.count("\n") == 1
    wait_until(lambda: not is_alive(int(completed.stdout)), what="the daemon's end")
    assert os.listdir(directory) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_on_to_the_command_and_all_is_removed(number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "tigerd",
        "run",
        "--",
        sys.executable,
        PROGRAMS / "tells_signals.py",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as process:
        assert process.stdout is not None
        place = Path(process.stdout.readline().strip())
        assert json.loads(status_of(place))["running"]
        process.send_signal(number)
        assert process.stdout.read() == f"{number.name}\n"
        assert process.wait(timeout=20) == 9
    assert not place.exists()


def status_of(place: Path) -> Any:
    command = [sys.executable, "-m", "tigerd", "status", "--json", "--dir", str(place)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout


def test_a_daemon_that_does_not_stop_does_not_outlive_its_directory(
    tigerd, is_alive, wait_until
) -> None:
    program = (
        "import os, signal, tiger\n"
        "with tiger.connect() as store: pid = store.ping()['pid']\n"
        "os.kill(pid, signal.SIGSTOP)\n"
        "print(pid)\n"
    )
    completed = tigerd("run", "--", sys.executable, "-c", program, directory=None)
    assert completed.returncode == 0
    assert "has not stopped" in completed.stderr
    wait_until(lambda: not is_alive(int(completed.stdout)), what="the daemon's end")


def test_the_daemon_of_a_run_does_not_idle_out(tigerd, directory: str) -> None:
    """`run` itself is connected to it for as long as the command runs."""
    program = "import tiger\nwith tiger.connect() as store: print(store.ping()['connections'])"
    completed = tigerd("run", "--", sys.executable, "-c", program, directory=directory)
    assert completed.stdout.strip() == "2"
    with tiger.connect(directory, autostart=False) as store, pytest.raises(tiger.DaemonUnavailable):
        store.ping()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_while_its_daemon_starts_leaves_nothing(
    number: signal.Signals, wait_until
) -> None:
    command = [sys.executable, PROGRAMS / "interrupted_start.py", str(int(number))]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert completed.returncode == 128 + number
    session, place = completed.stdout.split()
    wait_until(lambda: not is_there(int(session)), what="the daemon's end")
    assert list(Path(place).parent.glob(f"{Path(place).name}*")) == []


def is_there(group: int) -> bool:
    """Tell whether a process of that group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_start_that_is_interrupted_ends_the_daemon(
    directory: str, wait_until, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    popen = subprocess.Popen

    def begin(*arguments: Any, **settings: Any) -> Any:
        process = popen(*arguments, **settings)
        groups.append(process.pid)
        return process

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch.subprocess, "Popen", begin)
    monkeypatch.setattr(launch, "_read_answer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        launch.start(Path(directory))
    launched = launch._left[-1]  # a zombie until somebody asks
    wait_until(
        lambda: launched.poll() is not None and not is_there(groups[0]), what="the daemon's end"
    )


def test_a_daemon_that_was_launched_makes_no_directory(directory: str) -> None:
    place = Path(directory, "removed")
    command = [sys.executable, "-m", "tigerd", "serve", "--detach", "--dir", str(place)]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert not json.loads(completed.stdout)["ready"]
    assert not place.exists()


def test_a_file_that_cannot_be_executed_is_126(tigerd, directory: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    completed = tigerd("run", "--", str(script), directory=directory)
    assert completed.returncode == 126
    assert completed.stderr == f"tigerd: {script}: Permission denied\n"


MOUNTS = "mkdir $TIGERD_DIR/m && mount -t tmpfs m $TIGERD_DIR/m && echo $TIGERD_DIR"


def test_a_run_whose_records_stay_says_so(directory: str) -> None:
    """What the command has mounted there cannot be removed."""
    prefix = small_file_system(directory, "1m")
    command = [*prefix, sys.executable, "-m", "tigerd", "run", "--", "sh", "-c", MOUNTS]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    place = Path(completed.stdout.strip())
    assert completed.returncode == 0
    assert "the records of this run were not removed" in completed.stderr
    for left in place.parent.glob(f"{place.name}.*.gone"):
        left.joinpath("m").rmdir()
        left.rmdir()
    assert list(place.parent.glob(f"{place.name}*")) == []


def test_a_run_without_proc_is_not_taken_for_ended() -> None:
    """Nobody can say there whether it is."""
    prefix = small_file_system("/proc", "1m")
    command = [*prefix, sys.executable, "-m", "tigerd", "run", "--", sys.executable]
    completed = subprocess.run(
        [*command, PROGRAMS / "outlasts_two_looks.py"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (completed.returncode, completed.stdout) == (0, "1\n"), completed.stderr
