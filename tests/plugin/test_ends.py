"""However a run ends, nothing of it is left; the `suite` fixture looks for it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import tiger
from tests.plugin.conftest import GONE_S, RUNS, Suite
from tiger.place import owners
from tigerd.service import ephemeral


def wait_for_workers(suite: Suite, wait_until: Callable, number: int) -> None:
    """Wait until so many processes of the suite are in the middle of a test."""
    wait_until(
        lambda: len(list(suite.path.glob("ready-*"))) == number, what="tests that run", timeout_s=30
    )


@pytest.mark.parametrize(("workers", "keep"), [(2, "none"), (0, "failed")])
def test_the_controller_is_killed(
    suite: Suite, wait_until: Callable, is_alive: Callable, workers: int, keep: str
) -> None:
    """Its workers end too: they are stopped by xdist, and can start nothing anew."""
    suite.add("ends/waits.py", WRITES_ON=True)
    run = suite.start(f"-n{workers}", "--tigerd-keep", keep)
    wait_for_workers(suite, wait_until, workers or 1)
    run.kill()
    run.wait()
    suite.check_gone()  # while the workers still try to write
    for place in suite.places():
        wait_until(lambda place=place: not is_alive(place.process), what="the workers' end")
    suite.check_gone()


def test_the_controller_is_killed_during_long_tests(
    suite: Suite, wait_until: Callable, is_alive: Callable
) -> None:
    """Nobody waits for the ends of tests that nobody asks for any more."""
    suite.add("ends/waits.py")
    run = suite.start("-n2")
    wait_for_workers(suite, wait_until, 2)
    workers = [int(path.name.partition("-")[2]) for path in suite.path.glob("ready-*")]
    run.kill()
    run.wait()
    suite.check_gone()
    for worker in workers:
        wait_until(
            lambda worker=worker: not is_alive(worker), timeout_s=GONE_S, what="a worker's end"
        )


@pytest.mark.parametrize("workers", [2, 0])
def test_ctrl_c(suite: Suite, wait_until: Callable, is_alive: Callable, workers: int) -> None:
    suite.add("ends/waits.py")
    run = suite.start(f"-n{workers}")
    wait_for_workers(suite, wait_until, workers or 1)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    output, _ = run.communicate(timeout=30)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not suite.directory().exists()  # gone before the run was


def test_ctrl_c_keeps_what_is_to_be_kept(suite: Suite, wait_until: Callable) -> None:
    """A controller that was interrupted never hears how its workers ended."""
    suite.write(
        "test_it.py", "def test_a(tiger_store):\n    tiger_store.coupons.create({})\n    0/0\n"
    )
    suite.add("ends/waits.py", "test_wait.py")
    run = suite.start("-n2", "-v", "--tigerd-keep", "failed")
    wait_for_workers(suite, wait_until, 2)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    suite.kept.append(suite.directory())
    assert "tigerd: " not in output
    assert f"records are kept at {suite.directory()}" in output
    with tiger.connect(suite.directory(), autostart=False) as store:
        assert [name for name in store.namespaces() if name.startswith("test_a-")]


@pytest.mark.parametrize("arguments", [["-n2", "-x"], ["--maxfail=2"]])
def test_stopping_at_a_failure(suite: Suite, arguments: list[str]) -> None:
    suite.add("ends/fails_often.py")
    result = suite.run(*arguments)
    assert result.parseoutcomes()["failed"] >= 1
    assert not suite.directory().exists()


def test_pdb(suite: Suite) -> None:
    """The account is there while the person looks."""
    suite.add("ends/fails_first.py")
    run = suite.start("--pdb", "-nauto", stdin="")
    output, _ = run.communicate("p tiger_store.coupons.count() + 70\nc\n", timeout=30)
    assert re.search(r"\(Pdb\) 71\b", output), output
    assert "1 failed, 1 passed" in output


@pytest.mark.parametrize("keep", ["none", "failed"])
def test_a_worker_is_killed_and_replaced(suite: Suite, keep: str) -> None:
    """Its account is cleared, unless failed ones are to be looked at."""
    suite.add("ends/kills_worker.py", IS_KEPT=keep == "failed")
    result = suite.run("-n2", "--tigerd-keep", keep)
    result.assert_outcomes(passed=12, failed=1)
    result.stdout.fnmatch_lines(["*replacing crashed worker gw*"])
    assert len(suite.places()) == 3
    assert suite.directory().exists() == (keep == "failed")
    if keep == "failed":
        suite.kept.append(suite.directory())


def test_a_forked_child_that_ends_its_copy_of_the_run_ends_nothing(suite: Suite) -> None:
    suite.add("ends/forks.py")
    suite.run("-p", "no:xdist").assert_outcomes(passed=1)


def test_the_daemon_is_killed(suite: Suite) -> None:
    """Another is started, with nothing lost."""
    suite.add("ends/kills_daemon.py")
    suite.run("-n1").assert_outcomes(passed=2)
    daemon = int((suite.path / "daemon").read_text())
    assert daemon not in {place.daemon for place in suite.places()}


def test_a_daemon_that_does_not_stop_is_made_to(suite: Suite, is_alive: Callable) -> None:
    suite.write("test_it.py", STOPPED)
    result = suite.run()
    assert result.ret == 0, result.stdout.str()
    assert not suite.directory().exists()
    assert "Error" not in result.stderr.str()


STOPPED = """
import os, signal

def test_it(tiger_instance):
    os.kill(tiger_instance.pid, signal.SIGSTOP)
"""


# --- tigerd run, tigerd gc ---


@pytest.mark.parametrize("is_idle", [True, False])
def test_tigerd_run_is_killed(wait_until: Callable, is_alive: Callable, is_idle: bool) -> None:
    command = [sys.executable, "-m", "tigerd", "run", "--", sys.executable]
    command += [str(RUNS / "ends" / "tells_and_waits.py")]
    if not is_idle:
        command.append("write")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        directory, daemon, child = run.stdout.readline().split()
        try:
            run.kill()
            run.wait()
            wait_until(lambda: not is_alive(int(daemon)), timeout_s=5, what="the daemon's end")
            wait_until(lambda: not Path(directory).exists(), timeout_s=5, what="no directory")
            assert is_alive(int(child)) or not is_idle
        finally:
            os.kill(int(child), signal.SIGKILL)
    assert list(Path(directory).parent.glob(f"{Path(directory).name}*")) == []


def test_nobody_starts_a_daemon_in_a_directory_that_is_being_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = ephemeral.path_of(f"test-{os.getpid()}-removed")
    ephemeral.make(path, owners.Owner(owners.Process.current()))
    remove = shutil.rmtree

    def removing(place: Path, **settings: bool) -> None:
        with pytest.raises(tiger.DaemonUnavailable, match="has ended"):
            tiger.connect(path)
        remove(place, **settings)

    try:
        monkeypatch.setattr(shutil, "rmtree", removing)
        ephemeral.sweep(path)
    finally:
        monkeypatch.undo()
        with suppress(tiger.TigerError):
            ephemeral.remove(path)
    assert list(path.parent.glob(f"{path.name}*")) == []


@pytest.fixture
def ended() -> owners.Process:
    """A process that has ended."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        found = owners.Process.of(process.pid)
        assert found.is_alive()
    assert not found.is_alive()
    return found


def test_gc_takes_what_is_left_and_nothing_else(
    tigerd: Callable, ended: owners.Process, wait_until: Callable
) -> None:
    made: dict[str, Path] = {}

    def begin(name: str, owner: owners.Owner | None) -> Path:
        path = made[name] = ephemeral.path_of(f"test-{os.getpid()}-{name}")
        ephemeral.make(path, owner or owners.Owner(owners.Process.current()))
        return path

    mine = owners.Process.current()
    try:
        with tiger.connect(begin("running", owners.Owner(mine))) as store:
            store.coupons.create({"id": "A"})
            begin("stopped", owners.Owner(mine))
            for name, owner in (
                ("dead", owners.Owner(ended)),
                ("pid-of-another", owners.Owner(mine._replace(started="1"))),
                ("dead-kept", owners.Owner(ended, keep=True)),
            ):
                begin(name, owner)
            ephemeral.disown(begin("kept", None))
            os.utime(made["kept"], (0, 0))
            for name in ("begun-just-now", "begun-long-ago", "made-again"):
                (begin(name, None) / owners.OWNER).unlink()
            (made["made-again"] / "control").touch()
            os.utime(made["begun-long-ago"], (0, 0))
            os.utime(made["made-again"], (0, 0))
            begin("half-removed", None).rename(made["half-removed"].with_suffix(ephemeral.GONE))
            made["half-removed"] = made["half-removed"].with_suffix(ephemeral.GONE)
            for content in ("[]", "{", '{"pid": 1}'):
                path = begin(f"odd{len(content)}", None)
                (path / owners.OWNER).write_text(content)
            begin("open-to-all", owners.Owner(ended)).chmod(0o777)
            begin("no-directory", None)
            ephemeral.sweep(made["no-directory"])
            made["no-directory"].symlink_to(made["dead"])

            answer = tigerd("gc", "--json", directory=None)
            assert answer.returncode == 0, answer.stderr
            gone = {"dead", "pid-of-another", "begun-long-ago", "made-again", "half-removed"}
            for name, path in made.items():
                assert (str(path) in answer.stdout) == (name in gone), name
                assert os.path.lexists(path) == (name not in gone), name
            assert store.coupons.count() == 1
            again = tigerd("gc", directory=None).stdout
            assert str(made["dead"]) not in again
            assert "nothing was left" not in again  # of the odd ones it is not known
    finally:
        for path in made.values():
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                path.chmod(0o700)
                ephemeral.remove(path)


def test_an_instance_that_a_test_has_damaged_goes_with_the_run(suite: Suite) -> None:
    suite.add("ends/damages.py")
    result = suite.run()
    assert not any("Traceback" in line for line in result.errlines)
    result.assert_outcomes(passed=2)
