"""The file of leases: what is written step by step, and what the daemon makes of it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tiger.place import lease_file, leases
from tiger.place.leases import Lease, Register
from tiger.system import fcntl
from tiger.system import os as system
from tigerd.engine import holders


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory of an instance; the leases in it end with the test."""
    (tmp_path / leases.FOLDER).mkdir(mode=0o700)
    yield tmp_path
    for register in [each for each in leases._in_use if each._directory == tmp_path]:
        for slot in list(register._names):
            register.remove(slot)


def left(place: Path) -> set[str]:
    """The namespaces that nobody holds any more."""
    with holders.looking(place / leases.FOLDER) as look:
        assert look.strange == {}
        return set().union(*look.left.values())


def files(place: Path) -> list[str]:
    return os.listdir(place / leases.FOLDER)


def leave(place: Path, namespace: str) -> None:
    Lease(place, namespace).abandon()


def test_ten_thousand_leases_are_one_file_that_is_not_read_while_it_is_held(place: Path) -> None:
    names = {f"sandbox-{n}-é ü " for n in range(10_000)}
    held = [Lease(place, name) for name in names]
    assert len(files(place)) == 1
    with patch.object(holders, "_read", side_effect=AssertionError):
        assert left(place) == set()
    content = (place / leases.FOLDER / files(place)[0]).read_bytes()
    assert lease_file.namespaces_in(content, lease_file.KIND) == names
    leave(place, "gone")
    leave(place, "sandbox-7-é ü ")  # another one holds it
    assert left(place) == {"gone"}
    for lease in held:
        lease.release()


def test_a_slot_is_used_again(place: Path) -> None:
    first = [Lease(place, f"first-{n}") for n in range(3)]
    size = (place / leases.FOLDER / files(place)[0]).stat().st_size
    for lease in first:
        lease.release()
        lease.release()  # may be repeated
    with patch.object(leases, "LEASES_MAX", 3):
        second = [Lease(place, f"second-{n}") for n in range(3)]
        with pytest.raises(tiger.InvalidRequest, match="holds 3 namespaces, the maximum"):
            Lease(place, "fourth")
    path = place / leases.FOLDER / files(place)[0]
    assert abs(path.stat().st_size - size) <= 1
    assert lease_file.namespaces_in(path.read_bytes(), lease_file.KIND) == {
        "second-0",
        "second-1",
        "second-2",
    }
    for lease in second:
        lease.release()


def test_a_name_that_nobody_had_is_held_at_once_during_a_look(place: Path) -> None:
    register = Register(place)
    leave(place, "gone")
    read = holders._read
    held = []

    def reading(*arguments: Any) -> Any:
        held.append(register.add_new(f"new-{len(held)}"))
        return read(*arguments)

    with patch.object(leases, "LOCK_S", 0.0), patch.object(holders, "_read", reading):
        assert left(place) == {"gone"}
    assert held
    leave(place, "new-0")  # by mistake: what is held all the same
    assert left(place) == {"gone"}


def test_taking_a_lease_during_a_look_waits_for_its_end(place: Path) -> None:
    """Between two looks of a daemon, B took a lease and A let go: neither was seen."""
    a, b = Register(place), Register(place)  # as of two processes
    seed = a.add("seed")
    other = b.add("other")
    leave(place, "gone")
    read = holders._read
    refused = []

    def reading(*arguments: Any) -> Any:
        for change in (lambda: b.add("seed"), lambda: a.leave_to_daemon(seed, "seed")):
            with patch.object(leases, "LOCK_S", 0.0), pytest.raises(tiger.DaemonUnavailable):
                change()
            refused.append(change)
        return read(*arguments)

    with patch.object(holders, "_read", reading):
        assert left(place) == {"gone"}
    assert refused
    taken = b.add("seed")
    a.leave_to_daemon(seed, "seed")
    assert left(place) == {"gone"}
    b.remove(taken)
    assert left(place) == {"gone", "seed"}
    b.remove(other)


def test_while_somebody_takes_a_lease_the_daemon_does_not_decide(place: Path) -> None:
    leave(place, "gone")
    register = Register(place)
    write = register._write

    def writing(*arguments: Any) -> None:
        assert left(place) == set()
        write(*arguments)

    with patch.object(register, "_write", writing):
        slot = register.add("mine")
    assert left(place) == {"gone"}
    register.remove(slot)


STEPS = ("open", "close", "write", "pwrite", "rename", "stat", "fstat", "mkdir", "unlink")


def run_to(step: int, place: Path, told: int) -> None:
    """Take, leave and release leases, and die before that step of the system's."""
    count = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                os._exit(9)
            return call(*arguments, **keywords)

        return counting

    for name in STEPS:
        setattr(system, name, counted(getattr(system, name)))
    fcntl.flock = counted(fcntl.flock)
    first = Lease(place, "first")
    os.write(told, b"+first\n")
    second = Lease(place, "second")
    os.write(told, b"+second\n")
    second.abandon()
    os.write(told, b"-first\n")
    first.release()
    os.write(told, b"=\n")


def test_killed_at_any_step_what_was_taken_is_left_to_the_daemon(place: Path) -> None:
    """And nothing else is, nor does any file stay that the daemon does not understand."""
    for step in range(1, 200):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                run_to(step, place, write_end)
            finally:
                os._exit(0)
        os.close(write_end)
        status = os.waitpid(pid, 0)[1]
        with open(read_end) as told:
            said = told.read().split()
        found = left(place)
        assert found <= {"first", "second"}
        assert "+second" not in said or "second" in found, step
        is_held = "+first" in said and "-first" not in said
        assert not is_held or "first" in found, step
        with holders.looking(place / leases.FOLDER) as look:
            for name in look.left:
                look.forget(name)
        holders.remove_unfinished(place / leases.FOLDER)
        assert files(place) == [], step
        if status == 0:
            assert said[-1] == "="
            assert step > 20
            return
    pytest.fail("it never came to the end")


@pytest.mark.parametrize("written", [0, 3, -1], ids=["nothing", "a part", "an error"])
def test_where_there_is_no_room_a_lease_is_refused_and_names_nothing(
    place: Path, written: int
) -> None:
    first = Lease(place, "first")
    pwrite = system.pwrite

    def full(descriptor: int, data: bytes, at: int) -> int:
        if written < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        pwrite(descriptor, data[:written], at)
        return written

    with patch.object(system, "pwrite", full), pytest.raises(tiger.StoreFull, match="is full"):
        Lease(place, "second")
    content = (place / leases.FOLDER / files(place)[0]).read_bytes()
    assert lease_file.namespaces_in(content, lease_file.KIND) == {"first"}
    Lease(place, "third").release()
    first.release()


def test_without_room_a_lease_is_left_to_the_end_of_the_process(place: Path) -> None:
    lease = Lease(place, "mine")
    with patch.object(system, "write", side_effect=OSError(errno.ENOSPC, "no room")):
        lease.abandon()
    assert left(place) == set()
    assert len(files(place)) == 1


def test_a_file_that_was_tidied_up_is_made_again_with_all_that_is_held(place: Path) -> None:
    first = Lease(place, "first")
    shutil.rmtree(place / leases.FOLDER)
    second = Lease(place, "second")
    [name] = files(place)
    content = (place / leases.FOLDER / name).read_bytes()
    assert lease_file.namespaces_in(content, lease_file.KIND) == {"first", "second"}
    assert leases.holds.is_locked(place / leases.FOLDER / name)
    shutil.rmtree(place / leases.FOLDER)
    leases.register_of(place)  # as another store does
    first.release()
    third = Lease(place, "third")
    content = (place / leases.FOLDER / files(place)[0]).read_bytes()
    assert lease_file.namespaces_in(content, lease_file.KIND) == {"second", "third"}
    second.release()
    third.release()


def test_in_a_copy_of_the_directory_nothing_is_left_to_be_cleared(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lease = Lease(place, "mine")
    copy = tmp_path_factory.mktemp("copies") / "copy"
    shutil.copytree(place, copy)
    assert left(copy) == set()
    with holders.looking(copy / leases.FOLDER) as look:
        assert [*look.left.values()] == [set()]  # and the file goes
    lease.release()


def test_no_lease_and_no_store_keep_a_file(place: Path) -> None:
    register = leases.register_of(place)
    Lease(place, "mine").release()
    assert len(files(place)) == 1
    before = len(os.listdir("/dev/fd"))
    del register
    assert files(place) == []
    assert len(os.listdir("/dev/fd")) == before - 2
