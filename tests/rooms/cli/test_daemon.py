"""start, stop, restart and status, where a daemon is well and where it is not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.support.file_system import bytes_below
from tiger.format import layout
from tiger.place import instance
from tigerd.engine.control import open_control, take_lock
from tigerd.engine.segments import WritableSegment
from tigerd.service.stopping import pid_of

YES, NO, USAGE, UNREACHABLE, MISMATCH, TIMED_OUT = range(6)


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """A daemon that was stopped by a signal."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def status_of(tigerd, directory: str) -> Any:
    return json.loads(tigerd("status", "--json", directory=directory).stdout)


def test_start_tells_whether_it_was_it(tigerd, directory: str) -> None:
    first = json.loads(tigerd("start", "--json", directory=directory).stdout)
    second = json.loads(tigerd("start", "--json", directory=directory).stdout)
    assert (first.pop("started"), second.pop("started")) == (True, False)
    assert first == second
    assert first["directory"] == directory
    assert first["socket"] == os.path.join(directory, "socket")


def test_start_with_other_options_says_that_they_do_not_count(tigerd, store, directory) -> None:
    completed = tigerd("start", "--max-record", "5000", directory=directory)
    assert completed.returncode == YES
    assert "options" in completed.stderr


def test_start_passes_its_options_on_and_restart_keeps_the_limit(tigerd, directory: str) -> None:
    tigerd("start", "--max-record", "5000", "--idle-exit", "100", directory=directory)
    assert status_of(tigerd, directory)["max_record"] == 5000
    assert tigerd("restart", directory=directory).returncode == YES
    assert status_of(tigerd, directory)["max_record"] == 5000
    assert tigerd("restart", "--max-record", "6000", directory=directory).returncode == YES
    assert status_of(tigerd, directory)["max_record"] == 6000


def test_the_limit_of_a_record_outlives_a_daemon_that_was_killed(
    tigerd, directory: str, wait_until
) -> None:
    def kill() -> None:
        os.kill(status_of(tigerd, directory)["pid"], signal.SIGKILL)
        wait_until(lambda: not instance.is_running(Path(directory)), what="the daemon's end")

    tigerd("start", "--max-record", "5000", directory=directory)
    kill()
    assert tigerd("restart", directory=directory).returncode == YES
    assert status_of(tigerd, directory)["max_record"] == 5000
    kill()
    with tiger.connect(directory) as store, pytest.raises(tiger.InvalidRecord):
        store.coupons.insert({"text": "x" * 5000})


def test_start_waits_for_a_daemon_that_somebody_else_is_starting(
    tigerd, start_tigerd, directory: str, wait_until
) -> None:
    start_tigerd("serve", directory=directory)
    wait_until(lambda: instance.is_running(Path(directory)), what="the daemon's lock")
    assert tigerd("start", directory=directory).returncode == YES
    assert status_of(tigerd, directory)["state"] == "running"


def test_status_says_how_an_instance_is(tigerd, store, directory: str, wait_until) -> None:
    store.coupons.insert_many({"id": f"c{n}"} for n in range(7))
    found = status_of(tigerd, directory)
    ping = store.ping()
    assert found["running"]
    assert found["state"] == "running"
    assert (found["pid"], found["version"]) == (ping["pid"], ping["version"])
    assert (found["commit"], found["records"], found["clients"]) == (1, 7, 1)
    assert 0 <= found["heartbeat_age_s"] < 5
    assert 0 < found["uptime_s"] < 60
    assert found["bytes"] == layout.CONTROL_SIZE + bytes_below(Path(directory, "tables"))
    assert 0 < found["filesystem_free_bytes"] <= found["filesystem_bytes"]


def test_status_tells_busy_dead_and_absent_apart(tigerd, store, directory: str, wait_until) -> None:
    pid = store.ping()["pid"]
    with suspended(pid):
        busy = tigerd("status", "--json", "--timeout", "0.2", directory=directory)
    assert busy.returncode == YES
    assert json.loads(busy.stdout)["state"] == "busy"
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not instance.is_running(Path(directory)), what="the daemon's end")
    dead = tigerd("status", "--json", directory=directory)
    assert dead.returncode == NO
    assert json.loads(dead.stdout)["state"] == "dead"
    assert json.loads(dead.stdout)["pid"] is None
    absent = tigerd("status", "--json", directory=f"{directory}/absent")
    assert absent.returncode == NO
    assert json.loads(absent.stdout)["state"] == "absent"
    assert not Path(directory, "absent").exists()


def test_stop_of_a_daemon_that_does_not_answer_says_so(tigerd, store, directory: str) -> None:
    pid = store.ping()["pid"]
    with suspended(pid):
        completed = tigerd("stop", "--timeout", "0.3", directory=directory)
    assert completed.returncode == TIMED_OUT
    assert f"kill -CONT {pid}" in completed.stderr
    assert status_of(tigerd, directory)["state"] == "running"


def test_stop_of_a_daemon_without_a_socket_ends_it_by_a_signal(
    tigerd, store, directory: str, is_alive
) -> None:
    pid = store.ping()["pid"]
    os.unlink(os.path.join(directory, "socket"))
    assert tigerd("stop", directory=directory).returncode == YES
    assert not is_alive(pid)


def test_stop_sends_no_signal_to_a_process_that_is_no_daemon(tigerd, directory: str) -> None:
    """The lock is held, and the pid left in the control segment is by now another process's."""
    lock = take_lock(Path(directory))
    control, _ = open_control(Path(directory), 1000)
    os.unlink(control.path)
    WritableSegment.create(control.path, layout.CONTROL, layout.CONTROL_SIZE, 5).close()
    control = WritableSegment(control.path, layout.CONTROL)
    control.store(layout.PID, os.getppid())
    control.store(layout.HEADER_STATE, 1)
    try:
        completed = tigerd("stop", "--timeout", "0.3", directory=directory)
    finally:
        os.close(lock)
    assert completed.returncode == TIMED_OUT


def test_the_daemon_that_is_signalled_is_the_one_that_holds_the_instance(
    tigerd, directory: str, is_alive
) -> None:
    """The number in the control segment may be by now that of another instance's daemon."""
    with (
        tiger.connect(Path(directory, "one")) as one,
        tiger.connect(Path(directory, "other")) as other,
    ):
        pid, another = one.ping()["pid"], other.ping()["pid"]
        control = WritableSegment(Path(directory, "one", "control"), layout.CONTROL)
        control.store(layout.PID, another)
        control.close()
        Path(directory, "one", "socket").unlink()
        with suspended(pid):  # or it would open its socket again
            assert pid_of(Path(directory, "one")) == pid
            stopping = tigerd("stop", "--timeout", "0.2", directory=f"{directory}/one")
        assert f"kill -CONT {pid}" in stopping.stderr
        assert tigerd("stop", directory=f"{directory}/one").returncode in (YES, NO)
        assert not is_alive(pid)
        assert is_alive(another)


def test_stop_where_nothing_is(tigerd, directory: str) -> None:
    for place in (directory, f"{directory}/absent"):
        completed = tigerd("stop", directory=place)
        assert completed.returncode == NO
        assert "no daemon runs" in completed.stderr
    assert os.listdir(directory) == []


@pytest.mark.parametrize("command", ["start", "stop", "status", "check", "watch", "top"])
def test_a_directory_open_to_others_is_refused(tigerd, directory: str, command: str) -> None:
    """Only of an instance is it said how to change it: the other may be /tmp, or a home."""
    os.chmod(directory, 0o750)
    completed = tigerd(command, directory=directory)
    assert completed.returncode == UNREACHABLE
    assert "0750" in completed.stderr
    assert "chmod" not in completed.stderr
    open_control(Path(directory), 1000)[0].close()
    completed = tigerd(command, directory=directory)
    assert completed.returncode == UNREACHABLE
    assert f"chmod 700 {directory}" in completed.stderr


def test_an_empty_directory_name_is_refused(tigerd) -> None:
    """A variable that was not set; the current directory is not meant."""
    completed = tigerd("start", directory="")
    assert completed.returncode == USAGE
    assert "empty" in completed.stderr


def test_a_socket_that_nobody_listens_at_is_no_obstacle(tigerd, store, directory: str) -> None:
    os.kill(store.ping()["pid"], signal.SIGKILL)
    assert Path(directory, "socket").is_socket()
    assert tigerd("start", directory=directory).returncode == YES
    assert status_of(tigerd, directory)["running"]


def test_where_says_the_socket_that_the_daemon_binds(tigerd, store, directory: str) -> None:
    where = json.loads(tigerd("where", directory=directory).stdout)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(where["socket"])


FULL = pytest.param(
    ">/dev/full",
    marks=pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full"),
)


@pytest.mark.parametrize("stdout", [">&-", "| true", FULL])
def test_a_daemon_lives_on_where_nobody_hears_that_it_is_ready(
    tigerd, directory: str, tmp_path: Path, wait_until, stdout: str
) -> None:
    """Its launcher gave up, or never listened."""
    log = tmp_path / "log"
    line = f"exec 2>{log}; {sys.executable} -m tigerd serve --dir {directory} {stdout}"
    with subprocess.Popen(["sh", "-c", line], stdout=subprocess.DEVNULL) as process:
        wait_until(
            lambda: status_of(tigerd, directory)["state"] == "running" or process.poll(),
            what="the daemon",
        )
        assert tigerd("stop", directory=directory).returncode == YES
        assert process.wait(timeout=20) == YES
    assert "Traceback" not in log.read_text()
    assert "Exception ignored" not in log.read_text()


@pytest.mark.parametrize("name", ["socket", "control"])
@pytest.mark.parametrize("command", ["serve", "start"])
def test_a_directory_in_the_place_of_a_file_is_named(
    tigerd, directory: str, command: str, name: str
) -> None:
    place = Path(directory, name)
    place.mkdir()
    completed = tigerd(command, directory=directory)
    assert completed.returncode == UNREACHABLE
    assert str(place) in completed.stderr
    log = Path(directory, "daemon.log")
    assert "Traceback" not in (log.read_text() if log.exists() else "")


def test_a_daemon_whose_socket_was_removed_opens_it_again(
    tigerd, directory: str, wait_until
) -> None:
    place = Path(directory, "socket")
    with tiger.connect(directory) as store:
        pid = store.ping()["pid"]
        for _ in range(2):
            place.unlink()
            wait_until(place.is_socket, what="the socket")
            with tiger.connect(directory, autostart=False) as other:
                assert other.ping()["pid"] == pid
        store.coupons.insert({"id": "A"})
    assert tigerd("stop", directory=directory).returncode == YES


@pytest.mark.parametrize("names", [["control"], ["control", "socket"], ["."]])
def test_a_daemon_whose_instance_was_removed_ends(
    directory: str, is_alive, wait_until, names: list[str]
) -> None:
    place = Path(directory, "removed")
    with tiger.connect(place) as store:
        pid = store.ping()["pid"]
    for name in names:
        shutil.rmtree(place) if name == "." else place.joinpath(name).unlink()
    wait_until(lambda: not is_alive(pid), what="the daemon's end")
    assert place.exists() == (names != ["."])


def test_a_daemon_leaves_the_socket_of_the_one_that_replaced_it(
    directory: str, is_alive, wait_until
) -> None:
    place = Path(directory, "replaced")
    with tiger.connect(place) as store:
        pid = store.ping()["pid"]
        with suspended(pid):
            place.rename(place.with_name("moved"))
            with tiger.connect(place) as other:
                other.coupons.insert({"id": "A"})
        wait_until(lambda: not is_alive(pid), what="the daemon's end")
        with tiger.connect(place, autostart=False) as other:
            assert other.ping()["pid"] != pid


def test_status_names_the_remedy_for_a_daemon_that_does_not_answer(
    tigerd, store, directory: str
) -> None:
    pid = store.ping()["pid"]
    with suspended(pid):
        stopped = tigerd("status", "--timeout", "0.2", directory=directory)
        Path(directory, "socket").unlink()
        without_socket = tigerd("status", "--timeout", "0.2", directory=directory)
    assert f"kill -CONT {pid}" in stopped.stderr
    assert f"tigerd restart --dir {directory}" in without_socket.stderr
    assert stopped.returncode == without_socket.returncode == YES


def test_records_without_a_control_segment_are_no_empty_instance(tigerd, directory: str) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
    assert tigerd("stop", directory=directory).returncode == YES
    Path(directory, "control").unlink()
    for command in ("start", "status", "check"):
        completed = tigerd(command, directory=directory)
        assert completed.returncode == NO
        assert f"tigerd repair --dir {directory}" in completed.stderr
    assert not Path(directory, "control").exists()


@pytest.mark.parametrize("command", ["start", "restart"])
def test_a_daemon_that_is_not_ready_in_time_is_a_time_out(
    tigerd, directory: str, wait_until, command: str
) -> None:
    completed = tigerd(command, "--wait", "0.001", directory=directory)
    assert completed.returncode == TIMED_OUT
    assert "not ready after 0.001 s" in completed.stderr
    wait_until(lambda: status_of(tigerd, directory)["state"] == "running", what="the daemon")


def test_a_start_of_a_daemon_that_does_not_answer_is_a_time_out(
    tigerd, store, directory: str
) -> None:
    with suspended(store.ping()["pid"]):
        assert tigerd("start", "--wait", "0.1", directory=directory).returncode == TIMED_OUT


def test_a_relative_runtime_directory_is_ignored(tigerd) -> None:
    """So says its specification."""
    found = json.loads(tigerd("where", directory=None, env={"XDG_RUNTIME_DIR": "run"}).stdout)
    unset = json.loads(tigerd("where", directory=None, env={"XDG_RUNTIME_DIR": None}).stdout)
    assert found == unset


def test_a_command_to_type_is_quoted_where_it_must_be(tigerd, directory: str) -> None:
    place = Path(directory, "my shop")
    place.mkdir(mode=0o750)
    open_control(place, 1000)[0].close()
    assert f"chmod 700 '{place}'" in tigerd("start", directory=str(place)).stderr
    place.chmod(0o700)
    place.joinpath("control").unlink()
    place.joinpath("tables/coupons").mkdir(parents=True)
    place.joinpath("tables/coupons/chunk.1").touch()
    assert f"repair --dir '{place}'`" in tigerd("start", directory=str(place)).stderr
