"""Files of an instance that are removed, replaced, renamed or restored, one by one, under a daemon.

Whatever is taken away, one daemon serves, what was acknowledged is there, and a process that
has mapped what is not there any more is told so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tests.faults.storm import check
from tests.support.processes import (
    PROJECT,
    daemons_of,
    end_daemons,
    instance_directory,
    kill,
    serving,
    state_of,
    stop,
    wait_for,
)
from tiger.format import layout
from tiger.format.memory import Segment
from tiger.place import instance
from tiger.reading import presence
from tigerd.engine.control import open_control, take_lock
from tigerd.service import custody, stopping

HURRIED = "tests.faults.altered hurried"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in a directory of this test's own, so that it can be renamed."""
    with instance_directory() as directory:
        for name in ("shop", "other"):
            (directory / name).mkdir(mode=0o700)
        yield directory / "shop"
        for name in ("shop", "other", "moved"):
            end_daemons(directory / name)
        for log in directory.rglob("daemon.log"):
            assert "Traceback" not in log.read_text(), log


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "LOOK_S", 0.02)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def raises(kind: type[Exception], read: Callable[[], Any]) -> Callable[[], bool]:
    """Return what tells whether a read raises that; it may still return."""

    def look() -> bool:
        try:
            read()
        except kind:
            return True
        return False

    return look


NAMES = [
    "tables/coupons/chunk.1",
    "tables/coupons/index.1",
    "tables/coupons",
    "tables",
    "socket",
    "start.lock",
    "spare",
    "pins",
    "leases",
]


def test_files_removed_under_a_daemon_are_written_again(place: Path) -> None:
    """And so is what two clients wrote before, meanwhile and after, for every reader."""
    with serving(place, module=HURRIED) as daemon, tiger.connect(place) as first:
        written = []

        def write(store: tiger.Store) -> None:
            written.append(store.coupons.insert({"id": f"c{len(written)}", "name": "a"})["id"])

        for name in NAMES:
            write(first)
            assert first.coupons.get("c0")["id"] == "c0"  # remembered, of whatever generation
            for path in place.glob(name[:-1] + "*"):
                remove(path)
            write(first)
            with tiger.connect(place) as second:
                wait_for(lambda: not raises(tiger.TigerError, second.coupons.count)(), name)
                write(second)
                for store in (first, second):
                    assert [r["id"] for r in store.coupons] == written[::-1], name
                    assert store.coupons.count() == len(written)
                    assert [store.coupons.get(i)["id"] for i in written] == written
                first.coupons.patch("c0", {"name": name})
                assert second.coupons.get("c0") == first.coupons.get("c0")
                assert first.coupons.get("c0")["name"] == name
                assert second.ping()["pid"] == daemon
        wait_for((place / "socket").exists, "the socket")
        check(place)
        kill([daemon])
        with tiger.connect(place) as after:
            assert [r["id"] for r in after.coupons] == written[::-1]


@pytest.mark.parametrize("names", [["control"], ["control", "socket", "start.lock", "tables"]])
def test_a_control_segment_that_is_removed_is_left_for_the_next_daemon(
    place: Path, names: list[str]
) -> None:
    with serving(place, module=HURRIED) as daemon, tiger.connect(place) as first:
        first.coupons.insert_many({"id": f"c{n}"} for n in range(20))
        assert first.coupons.get("c1") == first.coupons.get("c1") == first.coupons.peek("c1")
        (place / "start.lock").touch()
        for name in names:
            remove(place / name)
        wait_for(lambda: not is_running(daemon), "the end of the daemon")
        for read in (
            lambda: first.coupons.get("c1"),
            lambda: first.coupons.peek("c1"),
            first.coupons.count,
            lambda: first.coupons.list(limit=2),
            first.namespaces,
            lambda: first.coupons.insert({"id": "late"}),
            lambda: next(first.watch(timeout_s=0)),
            first.mark,
        ):
            wait_for(raises(tiger.InstanceError, read), "the error")
        with tiger.connect(place) as second:
            assert second.coupons.count() == 20
            assert len(daemons_of(place)) == 1
        check(place)


def test_a_reader_of_an_instance_that_was_made_anew_is_told(place: Path) -> None:
    """Also where no daemon of it lives that could tell: with what it remembers, and without."""
    with serving(place) as daemon:
        store = tiger.connect(place)
        store.coupons.insert({"id": "A", "n": 1})
        assert store.coupons.get("A") == store.coupons.get("A") == store.coupons.peek("A")
        kill([daemon])
    assert store.coupons.get("A")["n"] == 1  # a daemon that is dead is not missed
    shutil.rmtree(place)
    with tiger.connect(place) as other:
        other.coupons.insert({"id": "A", "n": 2})
        wait_for(raises(tiger.InstanceError, lambda: store.coupons.peek("A")), "the error")
        with pytest.raises(tiger.InstanceError, match="removed, or replaced: connect again"):
            store.coupons.list()
    store.close()


def test_a_stopped_or_dead_daemon_is_not_missed_by_readers(place: Path) -> None:
    with serving(place) as daemon, tiger.connect(place) as store:
        store.coupons.insert({"id": "A"})
        look_at = store._reader.presence
        for end in (stop, kill):
            end([daemon])
            for _ in range(3):
                look_at._look_at = 0.0
                assert store.coupons.get("A") == store.coupons.peek("A") == {"id": "A"}
                assert store.coupons.count() == 1
                look_at.check()


@pytest.mark.parametrize("in_place", [True, False], ids=["in_place", "by_renaming"])
@pytest.mark.parametrize("lives", [True, False], ids=["under_a_daemon", "while_none_runs"])
def test_a_reader_of_an_instance_that_was_restored_from_a_copy_is_told(
    place: Path, in_place: bool, lives: bool
) -> None:
    with serving(place, module=HURRIED) as daemon:
        store = tiger.connect(place, autostart=False)
        store.coupons.insert({"id": "A", "n": 1})
        backup = place.with_name("backup")
        shutil.copytree(place, backup, ignore=lambda *_: ["socket"])
        store.coupons.insert({"id": "A", "n": 2})
        assert store.coupons.get("A")["n"] == 2
        store._reader.presence.check()  # as within a second
        if not lives:
            kill([daemon])
        for path in backup.rglob("*.*" if lives else "*"):
            if path.is_file():
                restore(path, place / path.relative_to(backup), in_place=in_place)
        restore(backup / "control", place / "control", in_place=in_place)
        if lives:
            wait_for(lambda: not is_running(daemon), "the end of the daemon")
        wait_for(raises(tiger.InstanceError, lambda: store.coupons.get("A")), "the error")
        store.close()


def restore(source: Path, target: Path, *, in_place: bool) -> None:
    """Put a copy of a file where it was; in place without cutting what others have mapped."""
    if in_place:
        with target.open("r+b") as file:
            file.write(source.read_bytes())
    else:
        shutil.copy(source, target.with_name("copy"))
        target.with_name("copy").rename(target)


def is_running(pid: int) -> bool:
    return state_of(pid) not in ("Z", "")


def test_a_restored_instance_that_went_on_for_as_long_is_told_from_this_one(place: Path) -> None:
    """As many daemons, more commits: their random numbers tell them apart."""
    with serving(place) as daemon, tiger.connect(place, autostart=False) as store:
        store.coupons.insert({"id": "A"})
        control = Segment(place / "control", layout.CONTROL)
        number = control.words[layout.DAEMON]
        kill([daemon])
        words = bytearray((place / "control").read_bytes())
        view = memoryview(words).cast("Q")
        view[layout.daemon_at(number)] += 1
        view[layout.daemon_at(number + 1)] = 5
        view[layout.DAEMON] = number + 1
        view[layout.COMMIT] += 7
        with (place / "control").open("r+b") as file:
            file.write(words)
        with pytest.raises(tiger.InstanceError):
            store._reader.check_instance()


def test_a_directory_that_is_renamed_goes_on_at_its_new_place(place: Path) -> None:
    with serving(place, module=HURRIED) as daemon:
        store = tiger.connect(place)
        store.coupons.insert({"id": "A"})
        moved = place.with_name("moved")
        place.rename(moved)
        wait_for(raises(tiger.InstanceError, lambda: store.coupons.get("A")), "the error")
        wait_for(
            raises(tiger.InstanceError, lambda: store.coupons.insert({"id": "B"})), "the error"
        )
        store.close()
        with tiger.connect(moved) as other:
            wait_for(lambda: other.coupons.insert({"id": "C"}), "the write")
            assert other.coupons.get("A") == {"id": "A"}
            wait_for(lambda: other.ping()["pid"] != daemon, "another daemon")
        assert not place.exists()
        check(moved)


def test_a_closed_store_reads_nothing(place: Path) -> None:
    store = tiger.connect(place)
    store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
    coupons, plans, other = store.coupons, store.plans, store.namespace("b")
    for _ in range(3):
        assert coupons.get("A") == coupons.peek("A") == {"id": "A"}
    page = coupons.list(limit=1)
    kept = other.coupons
    snapshot = store.snapshot()
    view = snapshot.__enter__()
    store.close()
    for read in (
        lambda: coupons.get("A"),
        lambda: coupons.peek("A"),
        lambda: coupons.get("C", None),
        lambda: "A" in coupons,
        coupons.count,
        coupons.list,
        lambda: plans.get("A", None),
        lambda: kept.get("A", None),
        lambda: store.coupons,
        lambda: view.coupons.get("A"),
        store.tables,
        store.namespaces,
        store.mark,
        store.ping,
        lambda: list(page.auto_paging_iter()),
    ):
        with pytest.raises(tiger.InvalidRequest, match="the store is closed: connect again"):
            read()
    snapshot.__exit__(None, None, None)


def test_an_instance_of_an_older_layout_is_refused_and_not_touched(place: Path) -> None:
    """Its daemon, which holds the file `lock`, lives."""
    with serving(place) as daemon:
        with tiger.connect(place) as store:
            store.coupons.insert({"id": "A"})
        kill([daemon])
    with (place / "control").open("r+b") as file:
        file.seek(layout.HEADER_VERSION * layout.WORD)
        file.write((2).to_bytes(8, sys.byteorder))
    before = {path: path.read_bytes() for path in place.rglob("*.*") if path.is_file()}
    control = (place / "control").read_bytes()
    for attempt in (
        lambda: tiger.connect(place),
        lambda: tiger.connect(place, autostart=False),
        lambda: stopping.stop_daemon(place, 1),
    ):
        with pytest.raises(tiger.LayoutMismatch, match=rf"layout 2.*last process {daemon}"):
            attempt()
    assert (place / "control").read_bytes() == control
    after = {path: path.read_bytes() for path in before}
    assert all(after[path] == before[path] for path in before if path.name != "daemon.log")


def test_the_pid_of_a_daemon_is_that_of_the_process_that_holds_the_instance(place: Path) -> None:
    """Another daemon may have the number by now that a dead one has left."""
    with serving(place) as dead:
        kill([dead], signal.SIGKILL)
    with serving(place.with_name("other")) as other:
        lock = take_lock(place)
        try:
            with (place / "control").open("r+b") as file:
                file.seek(layout.PID * layout.WORD)
                file.write(other.to_bytes(8, sys.byteorder))
            assert stopping.pid_of(place) != other
        finally:
            os.close(lock)


OVERLAY = """
mount -t tmpfs tmp "$1" && cd "$1" && mkdir lower upper work merged && cp -a "$2" lower/shop &&
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged && shift 2 &&
exec "$0" "$@" "$PWD/merged/shop"
"""


def test_a_reader_of_an_image_is_told_when_a_daemon_has_its_own_copy(place: Path) -> None:
    """Such as of a container: the file that the daemon writes to has the same number there."""
    with serving(place) as daemon:
        with tiger.connect(place) as store:
            store.coupons.insert({"id": "A"})
        kill([daemon])
    (place / "socket").unlink(missing_ok=True)
    layers = place.with_name("layers")
    layers.mkdir()
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c"]
    mounts = [*unshare, OVERLAY, sys.executable, str(layers), str(place)]
    if sys.platform != "linux" or subprocess.run([*mounts, "-c", ""], check=False).returncode:
        pytest.skip("this kernel or container allows no overlayfs in a namespace of one's own")
    completed = subprocess.run(
        [*mounts, Path(__file__).with_name("programs") / "baked.py"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert completed.stdout.strip() == "told", completed.stderr


def test_a_request_in_whose_middle_the_daemon_fails_is_refused_and_the_daemon_goes_on(
    place: Path,
) -> None:
    with (
        serving(place, module="tests.faults.altered fails") as daemon,
        tiger.connect(place) as store,
    ):
        store.coupons.insert({"id": "A"})
        for write in (
            lambda: store.coupons.insert({"id": "bad"}),
            lambda: store.coupons.insert_many([{"id": "B"}, {"id": "bad"}, {"id": "C"}]),
        ):
            with pytest.raises(tiger.Damaged, match=r"middle.*a fault that is built in"):
                write()
            assert [record["id"] for record in store.coupons] == ["A"]
        store.coupons.insert({"id": "D"})
        assert [record["id"] for record in store.coupons] == ["D", "A"]
        assert store.ping()["pid"] == daemon
        check(place)
    forget_log(place)


def test_a_daemon_that_fails_while_it_cleans_goes_on(place: Path) -> None:
    """What was ended stays for a while; nobody who writes is told."""
    module = "tests.faults.altered cannot_clean"
    with serving(place, module=module) as daemon, tiger.connect(place) as store:
        store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
        store.coupons.delete("A")
        log = place / "daemon.log"
        wait_for(lambda: "failed while cleaning" in log.read_text(), "a turn of the cleaner")
        for _ in range(3):
            store.coupons.patch("B", {"n": 1})
        assert [record["id"] for record in store.coupons] == ["B"]
        assert store.ping()["pid"] == daemon
        check(place)
    forget_log(place, "failed while cleaning")


def forget_log(place: Path, what: str = "failed in the middle of request") -> None:
    """Take away a log that has a traceback in it, as it should."""
    log = place / "daemon.log"
    assert what in log.read_text()
    assert "a fault that is built in" in log.read_text()
    log.unlink()


def test_a_daemon_that_has_no_memory_left_in_the_middle_of_a_request_says_that_it_is_full(
    place: Path,
) -> None:
    module = "tests.faults.altered lacks_memory"
    with serving(place, module=module) as daemon, tiger.connect(place) as store:
        with pytest.raises(tiger.StoreFull, match="nothing was changed"):
            store.coupons.insert({"id": "bad"})
        store.coupons.insert({"id": "A"})
        assert [record["id"] for record in store.coupons] == ["A"]
        assert store.ping()["pid"] == daemon
    (place / "daemon.log").unlink()


def test_a_request_that_ended_a_daemon_is_refused_by_the_next(place: Path) -> None:
    """It does not end one daemon after another; and who asked is told."""
    module = "tests.faults.altered fails_for_good"
    with serving(place, module=module) as daemon, tiger.connect(place, timeout_s=30) as store:
        store.coupons.insert({"id": "A"})
        with pytest.raises(tiger.Damaged, match=r"failed in the middle of this request.*nothing"):
            store.coupons.insert({"id": "bad"})
        assert store.ping()["pid"] != daemon
        log = (place / "daemon.log").read_text()
        assert log.count("the previous daemon failed in the middle of it") == 1
        store.coupons.insert({"id": "bad"})  # another request, of a daemon without the fault
        assert [record["id"] for record in store.coupons] == ["bad", "A"]
        check(place)
    forget_log(place)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere address space is not limited")
def test_a_daemon_with_little_address_space_is_full_in_time_and_starts_again(place: Path) -> None:
    """As with `ulimit -v`: it keeps what it needs to go on with."""
    module = "tests.faults.altered limited"
    written = 0
    with serving(place, module=module) as daemon:
        with tiger.connect(place, autostart=False, timeout_s=30) as store:
            with pytest.raises(tiger.StoreFull, match="ulimit -v"):  # noqa: PT012 - which one is it?
                while written < 1000:
                    store.coupons.insert({"id": f"c{written}", "text": "x" * 1_000_000})
                    written += 1
            assert store.coupons.count() == written
            assert store.coupons.delete("c0") is True
            assert store.ping()["pid"] == daemon
        kill([daemon])
    with serving(place, module=module), tiger.connect(place, autostart=False) as store:
        assert store.coupons.count() == written - 1


def test_a_socket_that_cannot_be_looked_at_is_not_taken_for_removed(place: Path) -> None:
    """As in a directory whose owner has taken away the mode from himself: the daemon goes on."""
    lock = take_lock(place)
    control, _ = open_control(place, None)
    held = custody.Custody(place, lock, control)
    instance.socket_path(place).touch()
    held.bound()
    with patch.object(custody, "is_at", side_effect=PermissionError):
        assert held.has_socket()
        assert not held.is_over()
    held.release()
    assert not held.has_socket()
