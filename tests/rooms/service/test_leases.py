"""Namespaces that go with the process that made them, however it goes."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tests.rooms.service.programs import leases as programs
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import put
from tiger.format.resources import BY_NAME
from tiger.place import holds, lease_file, leases, pins
from tiger.place.leases import Lease
from tigerd.engine import holders
from tigerd.engine.applying import Applying
from tigerd.service.abandoned import CLEARS_MAX, Abandoned

COUPONS = BY_NAME["coupons"].number

Wait = Callable[..., Any]


def named(directory: str) -> set[str]:
    """The namespaces that stand in any file of leases."""
    found = set()
    for path in Path(directory, leases.FOLDER).iterdir():
        with suppress(FileNotFoundError):  # forgotten meanwhile
            found |= lease_file.namespaces_in(path.read_bytes(), lease_file.KIND)
    return found


def files(directory: str) -> list[Path]:
    return list(Path(directory, leases.FOLDER).iterdir())


def leave(store: Any, directory: str, name: str) -> None:
    """Leave a namespace with a record to the daemon."""
    store.namespace(name).coupons.insert({"id": "A"})
    Lease(Path(directory), name).abandon()


@pytest.mark.parametrize("kind", ["sandbox", "fork"])
def test_a_namespace_whose_process_was_killed_is_cleared(
    store, directory: str, start_other_process, wait_until: Wait, kind: str
) -> None:
    store.coupons.insert({"id": "mine"})
    other = start_other_process(directory, programs.hold, kind)
    name = other.read_line()
    assert name in store.namespaces()
    with store.sandbox() as mine:
        mine.coupons.insert({"id": "B"})
        os.kill(other.process.pid, signal.SIGKILL)
        wait_until(lambda: name not in store.namespaces(), what="the clear")
        assert mine.coupons.count() == 1
        wait_until(lambda: len(files(directory)) == 1, what="the removal of the file")
        assert named(directory) == {mine.current_namespace}
    assert named(directory) == set()
    store.coupons.insert({"id": "not sealed any more"})
    assert set(store.namespaces()) == {"global"}


def test_forks_of_forks_of_a_killed_process_are_all_cleared(
    store, directory: str, start_other_process, wait_until: Wait
) -> None:
    """A parent is sealed until its forks are gone, whichever the daemon comes upon first."""
    other = start_other_process(directory, programs.hold_forks_of_forks)
    assert other.read_line() == "ready"
    assert len(store.namespaces()) == 3
    other.process.kill()
    wait_until(lambda: not store.namespaces() and not named(directory), what="the clears")


def test_a_parent_whose_fork_somebody_still_holds_is_cleared_after_it(
    store, directory: str, wait_until: Wait
) -> None:
    place = Path(directory)
    parent = store.namespace("parent")
    for name in ("parent", "witness"):
        store.namespace(name).coupons.insert({"id": "A"})
    child = parent.begin_fork("child")
    lease = Lease(place, "child")
    Lease(place, "parent").abandon()
    Lease(place, "witness").abandon()
    wait_until(lambda: "witness" not in store.namespaces(), what="a sweep")
    assert child.coupons.get("A") == parent.coupons.get("A") == {"id": "A"}
    lease.abandon()
    wait_until(lambda: not store.namespaces() and not named(directory), what="both clears")


def test_a_daemon_that_takes_over_clears_what_was_left_meanwhile(
    store, directory: str, start_other_process, wait_until: Wait
) -> None:
    other = start_other_process(directory, programs.hold, "sandbox")
    name = other.read_line()
    os.kill(store.ping()["pid"], signal.SIGKILL)
    other.process.kill()
    other.process.wait()
    assert name in store.namespaces()
    store.coupons.insert({"id": "A"})  # starts the next one
    wait_until(lambda: name not in store.namespaces(), what="the clear")


def test_a_namespace_stays_as_long_as_one_process_holds_it(
    store, directory: str, start_other_process, wait_until: Wait
) -> None:
    other = start_other_process(directory, programs.hold, "sandbox")
    name = other.read_line()
    lease = Lease(Path(directory), name)
    other.process.kill()
    wait_until(lambda: len(files(directory)) == 1, what="the removal of the other's file")
    assert store.namespace(name).coupons.count() == 1
    lease.abandon()
    wait_until(lambda: name not in store.namespaces(), what="the clear")


def test_a_namespace_without_a_lease_or_with_a_released_one_stays(
    store, directory: str, wait_until: Wait
) -> None:
    store.namespace("mine").coupons.insert({"id": "A"})
    store.namespace("passing").coupons.insert({"id": "A"})
    Lease(Path(directory), "mine").release()
    Lease(Path(directory), "passing").abandon()
    wait_until(lambda: "passing" not in store.namespaces(), what="the clear")
    assert "mine" in store.namespaces()


def test_a_sandbox_that_cannot_be_cleared_is_left_to_the_daemon(
    store, directory: str, wait_until: Wait
) -> None:
    sandbox = store.sandbox()
    test = sandbox.__enter__()
    test.coupons.insert({"id": "A"})
    child = test.begin_fork("child")
    with pytest.raises(tiger.Sealed):
        sandbox.__exit__(None, None, None)
    assert test.coupons.count() == 1
    child.clear_namespace()
    wait_until(lambda: not store.namespaces(), what="the clear")


def test_a_waiter_is_told_of_what_the_daemon_clears(store, directory: str) -> None:
    gone = store.namespace("gone")
    gone.coupons.insert({"id": "A"})
    watching = gone.watch(timeout_s=60)
    Lease(Path(directory), "gone").abandon()
    assert next(watching).changes[0].what == "cleared"
    watching.close()


def test_of_many_namespaces_only_some_are_cleared_at_a_look() -> None:
    """All who write wait while the daemon clears."""
    with new_directory() as place:
        daemon = Daemon(place)
        names = [f"n{number}" for number in range(2 * CLEARS_MAX + 10)]
        daemon.do([put(COUPONS, name, "A") for name in names])
        for name in names:
            Lease(daemon.directory, name).abandon()
        applying = Applying(daemon.directory, daemon.control)
        told: list[Any] = []
        abandoned = Abandoned(daemon.directory, applying, told.append)
        left = []
        while files(str(daemon.directory)):
            abandoned.clear()
            left.append(len(applying.writer.table(COUPONS).namespaces))
        assert left == [CLEARS_MAX + 10, 10, 0]
        assert len(told) == len(names)


def test_a_namespace_that_cannot_be_cleared_is_tried_once_by_a_daemon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each try recovers all there is."""
    with new_directory() as place:
        daemon = Daemon(place)
        daemon.do([put(COUPONS, "mine", "A")])
        Lease(daemon.directory, "mine").abandon()
        applying = Applying(daemon.directory, daemon.control)
        abandoned = Abandoned(daemon.directory, applying, lambda _: None)
        with patch.object(Applying, "apply", side_effect=tiger.Damaged("a list ends")) as apply:
            abandoned.clear()
            abandoned.clear()
        assert apply.call_count == 1
        assert caplog.text.count("cannot clear 'mine': a list ends") == 1


STRANGE = {
    "no bytes": b"",
    "bytes": b"\xff\xfe",
    "a name": b"mine",
    "the name in a line": b"mine\n",
    "what is of another size": lease_file.KIND + b"mine\n",
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE.keys())
def test_a_file_that_is_no_lease_does_no_harm(
    store, directory: str, wait_until: Wait, content: bytes
) -> None:
    folder = Path(directory, leases.FOLDER)
    store.namespace("mine").coupons.insert({"id": "A"})
    folder.mkdir(exist_ok=True)
    (folder / "strange").write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo")
    pid = store.ping()["pid"]
    leave(store, directory, "gone")
    wait_until(lambda: "gone" not in store.namespaces(), what="the clear")
    assert store.ping()["pid"] == pid
    assert "A" in store.namespace("mine").coupons
    log = Path(directory, "daemon.log").read_text()
    is_ours = content.startswith(lease_file.KIND)
    assert log.count("skipped 'strange' among the leases") == (not is_ours)
    assert (folder / "strange").exists() is not is_ours


def test_a_huge_file_among_the_leases_is_skipped_and_named(
    store, directory: str, wait_until: Wait
) -> None:
    """A sparse file of more bytes than there are is not read."""
    folder = Path(directory, leases.FOLDER)
    folder.mkdir(exist_ok=True)
    with (folder / "huge").open("wb") as file:
        file.write(lease_file.KIND)
        file.truncate(1 << 45)
    pid = store.ping()["pid"]
    for name in ("first", "second"):
        leave(store, directory, name)
        wait_until(lambda name=name: name not in store.namespaces(), what="the clear")
    assert store.ping()["pid"] == pid
    log = Path(directory, "daemon.log").read_text()
    assert log.count("skipped 'huge' among the leases: has 35184372088832 bytes") == 1


@pytest.mark.parametrize("folder", [leases.FOLDER, pins.FOLDER])
def test_a_link_in_the_place_of_a_folder_is_not_followed(
    store, directory: str, tmp_path: Path, wait_until: Wait, folder: str
) -> None:
    """Neither by a process that makes a file, nor by the daemon that removes abandoned ones."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "5.theirs").touch()
    (elsewhere / "new.theirs").touch()
    place = Path(directory, folder)
    place.rmdir()
    place.symlink_to(elsewhere)
    store.coupons.insert({"id": "A"})
    with pytest.raises(tiger.InstanceError, match=f"{place} is not a folder of user"):
        store.mark() if folder == pins.FOLDER else store.sandbox().__enter__()
    holders.remove_unfinished(place)
    assert holders.least_pin(Path(directory)) == (0 if folder == pins.FOLDER else None)
    with holders.looking(place) as look:
        assert look.left == {}
    assert {path.name for path in elsewhere.iterdir()} == {"5.theirs", "new.theirs"}
    place.unlink()
    with store.sandbox(), store.snapshot():
        pass  # made again


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.EACCES])
def test_a_file_that_cannot_be_opened_now_counts_as_held(directory: str, error: int) -> None:
    """A daemon with many connections may be out of descriptors: nobody loses anything by that."""
    place = Path(directory)
    lease, pin = Lease(place, "mine"), pins.Pin(place, 5)
    opened = os.open

    def refused(*_: object, **__: object) -> int:
        raise OSError(error, os.strerror(error))

    def refused_within(path: Any, *arguments: Any, dir_fd: int | None = None) -> int:
        return refused() if dir_fd is not None else opened(path, *arguments)

    for module, name, refusing in (
        (holds, "open", refused),
        (holds, "open", refused_within),
        (holds, "scandir", refused),
    ):
        with patch.object(module.os, name, refusing):
            with holders.looking(place / leases.FOLDER) as look:
                assert look.left == {}
            assert holders.least_pin(place) in (0, 5)
    lease.release()
    pin.release()
    assert holders.least_pin(place) is None
