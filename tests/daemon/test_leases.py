"""Namespaces that go with the process that made them, however it goes."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tiger import holds, leases, pins
from tiger.leases import Lease

Wait = Callable[..., Any]

OWNER = """
with store.{kind}() as test:
    test.coupons.insert({{"id": "A"}})
    print(test.current_namespace, flush=True)
    sys.stdin.readline()
"""


def files(directory: str) -> list[Path]:
    return list(Path(directory, leases.FOLDER).iterdir())


@pytest.mark.parametrize("kind", ["sandbox", "fork"])
def test_a_namespace_whose_process_was_killed_is_cleared(
    store, directory: str, start_other_process, wait_until: Wait, kind: str
) -> None:
    store.coupons.insert({"id": "mine"})
    other = start_other_process(directory, OWNER.format(kind=kind))
    name = other.read_line()
    assert name in store.namespaces()
    with store.sandbox() as mine:
        mine.coupons.insert({"id": "B"})
        os.kill(other.process.pid, signal.SIGKILL)
        wait_until(lambda: name not in store.namespaces(), what="the clear")
        assert mine.coupons.count() == 1
        wait_until(lambda: len(files(directory)) == 1, what="the removal of the file")
    assert files(directory) == []
    store.coupons.insert({"id": "not sealed any more"})
    assert set(store.namespaces()) == {"global"}


def test_forks_of_forks_of_a_killed_process_are_all_cleared(
    store, directory: str, start_other_process, wait_until: Wait
) -> None:
    """A parent is sealed until its forks are gone, whichever the daemon comes upon first."""
    other = start_other_process(
        directory,
        """
        with store.sandbox() as a:
            a.coupons.insert({"id": "A"})
            with a.fork() as b, b.fork() as c, b.fork() as d:
                d.coupons.delete("A")
                print("ready", flush=True)
                sys.stdin.readline()
        """,
    )
    assert other.read_line() == "ready"
    assert len(store.namespaces()) == 3
    other.process.kill()
    wait_until(lambda: not store.namespaces() and not files(directory), what="the clears")


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
    wait_until(lambda: not store.namespaces() and not files(directory), what="both clears")


def test_a_daemon_that_takes_over_clears_what_was_left_meanwhile(
    store, directory: str, start_other_process, wait_until: Wait
) -> None:
    other = start_other_process(directory, OWNER.format(kind="sandbox"))
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
    other = start_other_process(directory, OWNER.format(kind="sandbox"))
    name = other.read_line()
    lease = Lease(Path(directory), name)
    other.process.kill()
    wait_until(lambda: len(files(directory)) == 1, what="the removal of the other's file")
    assert store.namespace(name).coupons.count() == 1
    lease.abandon()
    wait_until(lambda: name not in store.namespaces(), what="the clear")


def test_what_nobody_leased_or_whose_lease_was_released_stays(
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


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a\nb", b"x" * 1000])
def test_a_file_that_is_no_lease_does_no_harm(
    store, directory: str, wait_until: Wait, content: bytes
) -> None:
    folder = Path(directory, leases.FOLDER)
    store.coupons.insert({"id": "A"})
    folder.mkdir(exist_ok=True)
    (folder / "strange").write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    pid = store.ping()["pid"]
    store.namespace("gone").coupons.insert({"id": "A"})
    Lease(Path(directory), "gone").abandon()
    wait_until(lambda: "gone" not in store.namespaces(), what="the clear")
    assert store.ping()["pid"] == pid
    assert "A" in store.coupons


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.EACCES])
def test_a_file_that_cannot_be_opened_now_counts_as_held(directory: str, error: int) -> None:
    """A daemon with many connections may be out of descriptors: nobody loses anything by that."""
    place = Path(directory)
    lease, pin = Lease(place, "mine"), pins.Pin(place, 5)

    def refused(*_: object, **__: object) -> int:
        raise OSError(error, os.strerror(error))

    with patch.object(holds.os, "open", refused):
        assert leases.abandoned(place) == []
        assert pins.least(place) == 5
    with patch.object(holds.os, "scandir", refused):
        assert leases.abandoned(place) == []
        assert pins.least(place) == 0
    lease.release()
    pin.release()
    assert pins.least(place) is None
