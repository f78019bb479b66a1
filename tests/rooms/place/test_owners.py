"""A directory that goes with a process: who makes it, and for whom."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

import tiger
from tests.rooms.place.programs import places as programs
from tiger.format import layout
from tiger.place import instance, owners
from tiger.reading.reader import Reader
from tigerd.service import ephemeral, run_place


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the instance of a run would be; there is nothing yet."""
    path = ephemeral.path_of(f"test-{os.urandom(8).hex()}")
    yield path
    if path.exists():
        ephemeral.remove(path)


def tell(monkeypatch: pytest.MonkeyPatch, place: Path, **settings: Any) -> None:
    """Say of which run this process is."""
    run = {
        "directory": str(place),
        "pid": os.getpid(),
        "pid_namespace": owners.pid_namespace(),
        "keep": False,
        **settings,
    }
    monkeypatch.setenv(owners.RUN, json.dumps(run))


def test_any_process_of_a_run_makes_its_instance(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, place, keep=True)
    with tiger.connect(place) as store:
        store.coupons.create({"id": "A"})
    assert owners.owner_of(place) == owners.Owner(owners.Process.current(), keep=True)


def ended_pid() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


@pytest.mark.parametrize(
    "settings",
    [
        {"directory": "/dev/shm/tigerd-run-0-of-another"},
        {"pid": ended_pid()},
        {"pid_namespace": "pid:[1]"},
        {"pid": "many"},
    ],
    ids=["another directory", "an ended process", "another container", "no number"],
)
def test_nobody_else_makes_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    tell(monkeypatch, place, **settings)
    with pytest.raises(tiger.DaemonUnavailable, match="has ended"):
        tiger.connect(place)
    assert not place.exists()


@pytest.mark.parametrize("text", [None, "", "[]", "{}", "nonsense"])
def test_without_a_run_nobody_makes_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.delenv(owners.RUN, raising=False)
    if text is not None:
        monkeypatch.setenv(owners.RUN, text)
    with pytest.raises(tiger.DaemonUnavailable, match="has ended"):
        tiger.connect(place)
    assert not place.exists()


def test_threads_and_processes_make_it_at_the_same_moment(place: Path) -> None:
    owner = owners.Owner(owners.Process.current())
    for _ in range(20):
        together = Barrier(4)

        def make(together: Barrier = together) -> None:
            together.wait()
            ephemeral.make(place, owner)

        with ThreadPoolExecutor(4) as pool:
            for made in [pool.submit(make) for _ in range(4)]:
                made.result()
        assert owners.owner_of(place) == owner
        assert [path.name for path in place.glob("owner*")] == ["owner"]
        shutil.rmtree(place)


def test_a_kept_instance_gets_no_owner_again(place: Path) -> None:
    owner = owners.Owner(owners.Process.current())
    ephemeral.make(place, owner)
    ephemeral.disown(place)
    ephemeral.make(place, owner)
    assert owners.owner_of(place) is None
    shutil.rmtree(place)


def test_an_owner_is_named_though_a_test_says_that_all_files_exist(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    owner = owners.Owner(owners.Process.current())
    ephemeral.make(place, owner)
    assert owners.owner_of(place) == owner
    shutil.rmtree(place)


def test_a_run_is_where_clients_know_it_from_others() -> None:
    assert run_place.PREFIX == instance.PASSING


def test_a_place_is_only_chosen_where_files_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a directory's mode allows may be forbidden: it is tried."""
    monkeypatch.setattr(run_place, "SHARED_MEMORY", str(tmp_path))
    assert run_place.parent() == str(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: True)

    def refused(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refused)
    assert run_place.parent() != str(tmp_path)


# Whether the process is there


def in_another_container(*options: str) -> list[str]:
    """Return the beginning of a command that runs in a pid namespace of its own."""
    prefix = ["unshare", "--user", "--map-root-user", "--pid", "--fork", *options]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("this kernel or container allows no pid namespace of one's own")
    return prefix


@pytest.mark.parametrize("options", [("--mount-proc",), ()], ids=["its own /proc", "another /proc"])
def test_from_another_container_nobody_is_alive_or_ended(
    options: tuple[str, ...], run_program
) -> None:
    """There its number is another one, and no process may have it."""
    process = owners.Process.current()
    told = run_program(
        programs.is_alive_or_has_ended, *process, prefix=in_another_container(*options)
    )
    assert told == [False, False, False]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_without_proc_nobody_is_alive_or_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, gone = owners.Process.current(), owners.Process.of(ended_pid())
    assert (mine.is_alive(), mine.has_ended(), gone.has_ended()) == (True, False, True)

    def no_instance_error(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(owners.os, "readlink", no_instance_error)
    for process in (mine, gone, owners.Process.of(os.getpid())):
        assert (process.is_alive(), process.has_ended()) == (False, False)


def test_a_run_goes_on_where_nothing_is_known_of_its_controller(
    place: Path, monkeypatch: pytest.MonkeyPatch, wait_until
) -> None:
    """Its daemon does not remove it, nor does `tigerd gc`, which says so."""
    ephemeral.make(place, owners.Owner(owners.Process(os.getpid(), "1", "pid:[1]")))
    with tiger.connect(place) as store:
        store.coupons.insert({"id": "A"})
        log = place / instance.LOG_NAME
        beat = Reader(place).words
        before = beat[layout.HEARTBEAT]
        wait_until(lambda: beat[layout.HEARTBEAT] > before + 1_200_000_000, what="two sweeps")
        assert store.coupons.count() == 1
        assert "has ended" not in log.read_text()


def test_ps_is_asked_in_words_that_no_test_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS has no /proc, and its words depend on the time zone. Simulated, by a `ps` of ours."""
    tool = tmp_path / "ps"
    tool.write_text('#!/bin/sh\necho "S $LC_ALL $TZ $LANG"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(owners, "sys", SimpleNamespace(platform="darwin"))
    before = owners.Process.current()
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE"}.items():
        monkeypatch.setenv(name, value)
    assert before.is_alive()
    tool.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (before.is_alive(), before.has_ended()) == (False, False)


# Which directory it is


def test_a_copy_of_a_runs_directory_is_nobodys(place: Path, directory: str) -> None:
    """What was saved of a run does not go when its process is gone; nor does what was moved."""
    ephemeral.make(place, owners.Owner(owners.Process.of(ended_pid())))
    copy, moved = Path(directory, "copy"), place.with_name(f"{place.name}-moved")
    shutil.copytree(place, copy)
    assert owners.owner_of(place) is not None
    assert owners.owner_of(copy) is None
    place.rename(moved)
    try:
        assert owners.owner_of(moved) is None
        assert [left.doubt is None for left in ephemeral.left_behind() if left.path == moved] == [
            False
        ]
    finally:
        ephemeral.remove(moved)


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{", b"\xff", b"[" * 10_000, b'{"directory": 5}', b'{"pid": 1e400, "directory": []}'],
    ids=range(6),
)
def test_an_odd_owner_is_nobody_and_ends_nothing(place: Path, content: bytes) -> None:
    ephemeral.make(place, owners.Owner(owners.Process.current()))
    path = place / owners.OWNER
    path.write_bytes(content)
    assert owners.owner_of(place) is None
    for odd in (
        {"pid": "1", "started": "", "pid_namespace": None, "keep": False},
        {"pid": 1 << 80, "started": "", "pid_namespace": None, "keep": False},
        {"pid": 1, "started": [], "pid_namespace": None, "keep": False},
        {"pid": 1, "started": "", "pid_namespace": None, "keep": None},
    ):
        path.write_text(json.dumps({"directory": owners._identity(place), **odd}))
        assert owners.owner_of(place) is None


def test_an_owner_that_is_no_file_keeps_nobody_waiting(place: Path) -> None:
    ephemeral.make(place, owners.Owner(owners.Process.current()))
    path = place / owners.OWNER
    path.unlink()
    path.mkdir()
    assert owners.owner_of(place) is None
    path.rmdir()
    os.mkfifo(path)
    assert owners.owner_of(place) is None
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room, and more than there is memory
    assert owners.owner_of(place) is None


# Removing it


def test_a_failed_removal_is_reported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ephemeral.make(place, owners.Owner(owners.Process.current()))

    def refused(path: Path, **_: bool) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(ephemeral, "_remove_tree", refused)
        with pytest.raises(tiger.InstanceError, match="Operation not permitted"):
            ephemeral.sweep(place)
    for left in place.parent.glob(f"{place.name}.*{ephemeral.GONE}"):
        ephemeral.sweep(left)


def test_another_users_directory_is_in_nobodys_way(place: Path) -> None:
    """Its name cannot be known before: it is random."""
    ephemeral.make(place, owners.Owner(owners.Process.current()))
    other = place.with_name(f"{place.name}{ephemeral.GONE}")
    other.mkdir()
    other.joinpath("theirs").touch()
    try:
        ephemeral.sweep(place)
        assert not place.exists()
        assert other.joinpath("theirs").exists()
        with pytest.raises(tiger.InstanceError):
            ephemeral.sweep(other)  # it is no instance
    finally:
        shutil.rmtree(other)
    assert list(place.parent.glob(f"{place.name}*")) == []


def test_a_link_is_not_what_is_removed(place: Path, directory: str) -> None:
    Path(directory, "mine").touch()
    place.symlink_to(directory)
    with pytest.raises(tiger.InstanceError, match="not a directory"):
        ephemeral.sweep(place)
    place.unlink()
    assert os.listdir(directory) == ["mine"]
