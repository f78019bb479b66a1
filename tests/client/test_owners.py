"""A directory that goes with a process: who makes it, and for whom."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import tiger
from tiger import instance, owners
from tigerd import passing, run_place


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the instance of a run would be; there is nothing yet."""
    path = passing.path_of(f"test-{os.urandom(8).hex()}")
    yield path
    if path.exists():
        passing.remove(path)


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
    ids=str,
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
            passing.make(place, owner)

        with ThreadPoolExecutor(4) as pool:
            for made in [pool.submit(make) for _ in range(4)]:
                made.result()
        assert owners.owner_of(place) == owner
        assert [path.name for path in place.glob("owner*")] == ["owner"]
        shutil.rmtree(place)


def test_what_is_kept_gets_no_owner_again(place: Path) -> None:
    owner = owners.Owner(owners.Process.current())
    passing.make(place, owner)
    passing.disown(place)
    passing.make(place, owner)
    assert owners.owner_of(place) is None
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
