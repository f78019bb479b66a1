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
from tests.plugin.conftest import GONE_S, Suite
from tiger.place import owners
from tigerd.service import ephemeral

WAITS = """
import os, time
import pytest
import tiger

@pytest.mark.parametrize("number", range(4))
def test_it(tiger_store, tiger_store_session, number):
    tiger_store.coupons.create({"id": "A"})
    with open(f"ready-{os.getpid()}", "w") as file:
        file.write("ready\\n")
    time.sleep(60)
"""


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
    suite.write("test_it.py", WAITS.replace("time.sleep(60)", WRITES_ON))
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
    suite.write("test_it.py", WAITS)
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


WRITES_ON = """
    until = time.monotonic() + 4
    while time.monotonic() < until:
        try:
            with tiger.connect(tiger_store.directory) as store:
                store.namespace("late").coupons.create({})
            tiger_store.coupons.create({})
        except tiger.TigerError:
            pass
"""


@pytest.mark.parametrize("workers", [2, 0])
def test_ctrl_c(suite: Suite, wait_until: Callable, is_alive: Callable, workers: int) -> None:
    suite.write("test_it.py", WAITS)
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
    suite.write("test_wait.py", WAITS)
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
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(20))
        def test_it(tiger_store, tiger_store_module, tiger_store_session, number):
            tiger_store.coupons.create({"id": "A"})
            assert number % 3
        """,
    )
    result = suite.run(*arguments)
    assert result.parseoutcomes()["failed"] >= 1
    assert not suite.directory().exists()


def test_pdb(suite: Suite) -> None:
    """The account is there while the person looks."""
    suite.write(
        "test_it.py",
        """
        def test_it(tiger_store):
            tiger_store.coupons.create({"id": "A"})
            assert False

        def test_after(tiger_store):
            assert tiger_store.coupons.count() == 0
        """,
    )
    run = suite.start("--pdb", "-nauto", stdin="")
    output, _ = run.communicate("p tiger_store.coupons.count() + 70\nc\n", timeout=30)
    assert re.search(r"\(Pdb\) 71\b", output), output
    assert "1 failed, 1 passed" in output


KILLED = """
import os, time
from pathlib import Path
import pytest
import tiger

@pytest.fixture(scope="session")
def tiger_seed():
    return {"coupons": [{"id": "seed"}]}

def test_killed(tiger_store, tiger_store_module):
    for store in (tiger_store, tiger_store_module):
        store.coupons.create({"id": "of-the-dead"})
    with open("dead", "w") as file:
        file.write(tiger_store.current_namespace)
    os.kill(os.getpid(), 9)

@pytest.mark.parametrize("number", range(12))
def test_others(tiger_store, tiger_store_module, number):
    assert [c["id"] for c in tiger_store.coupons.list()] == ["seed"]
    assert "of-the-dead" not in [c["id"] for c in tiger_store_module.coupons.list()]
    deadline = time.monotonic() + 30
    while Path("places.txt").read_text().count("\\n") < 3:
        assert time.monotonic() < deadline
    with tiger.connect(tiger_store.directory) as store:
        while True:
            if os.path.exists("dead"):
                names = {name.rsplit("-", 1)[0] for name in store.namespaces()}
                if ("test_killed" in names) == IS_KEPT:
                    break
            assert time.monotonic() < deadline
"""


@pytest.mark.parametrize("keep", ["none", "failed"])
def test_a_worker_is_killed_and_replaced(suite: Suite, keep: str) -> None:
    """Its account is cleared, unless failed ones are to be looked at."""
    suite.write("test_it.py", KILLED.replace("IS_KEPT", str(keep == "failed")))
    result = suite.run("-n2", "--tigerd-keep", keep)
    result.assert_outcomes(passed=12, failed=1)
    result.stdout.fnmatch_lines(["*replacing crashed worker gw*"])
    assert len(suite.places()) == 3
    assert suite.directory().exists() == (keep == "failed")
    if keep == "failed":
        suite.kept.append(suite.directory())


def test_a_forked_child_that_ends_its_copy_of_the_run_ends_nothing(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        import os
        import pytest

        @pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
        def test_it(tiger_store, tiger_store_session):
            for store in (tiger_store, tiger_store_session):
                store.coupons.create({"id": "A"})
            child = os.fork()
            if child == 0:
                pytest.exit("the child is done", returncode=7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            for store in (tiger_store, tiger_store_session):
                assert store.coupons.count() == 1
                store.coupons.create({"id": "B"})
        """,
    )
    suite.run("-p", "no:xdist").assert_outcomes(passed=1)


def test_the_daemon_is_killed(suite: Suite) -> None:
    """Another is started, with nothing lost."""
    suite.write(
        "test_it.py",
        """
        import os
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed():
            return {"coupons": [{"id": "seed"}]}

        def test_it(tiger_store, tiger_store_module, tiger_instance):
            tiger_store.coupons.create({"id": "before"})
            tiger_store_module.coupons.create({"id": "before"})
            pid = tiger_instance.pid
            os.kill(pid, 9)
            assert tiger_store.coupons.count() == 2
            tiger_store.coupons.create({"id": "after"})
            assert tiger_store.coupons.count() == 3
            assert tiger_store_module.coupons.count() == 2
            assert tiger_instance.pid != pid
            assert tiger_instance.socket.is_socket()
            with open("daemon", "w") as file:
                file.write(f"{tiger_instance.pid}")

        def test_after(tiger_store, tiger_instance):
            assert [c["id"] for c in tiger_store.coupons.list()] == ["seed"]
            os.kill(tiger_instance.pid, 9)
        """,
    )
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

TELL_AND_WAIT = """
import os, sys, time, tiger
with tiger.connect() as store:
    print(store.directory, store.ping()["pid"], os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_idle", [True, False])
def test_tigerd_run_is_killed(wait_until: Callable, is_alive: Callable, is_idle: bool) -> None:
    command = [sys.executable, "-m", "tigerd", "run", "--", sys.executable, "-c", TELL_AND_WAIT]
    if not is_idle:
        command[-1] = TELL_AND_WAIT.replace("time.sleep(60)", WRITES_FOR_EVER)
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


WRITES_FOR_EVER = """
while True:
    try:
        with tiger.connect() as store:
            store.coupons.create({})
    except tiger.TigerError:
        pass
"""


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


DAMAGING = """
import os

def test_it(tiger_store):
    tiger_store.coupons.insert({"id": "A"})
    with open(os.path.join(os.environ["TIGERD_DIR"], "control"), "r+b") as file:
        file.write(bytes(64))

def test_next():
    pass
"""


def test_an_instance_that_a_test_has_damaged_goes_with_the_run(suite: Suite) -> None:
    suite.write("test_it.py", DAMAGING)
    result = suite.run()
    assert not any("Traceback" in line for line in result.errlines)
    result.assert_outcomes(passed=2)
