"""Files that say of a process that it is there."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

import tiger
from tiger.place import holds
from tiger.place.holds import UNFINISHED, Hold
from tigerd.engine.holders import remove_unfinished


def test_abandoned_files_are_removed_and_those_being_made_are_not(tmp_path: Path) -> None:
    left = tmp_path / f"{UNFINISHED}left"
    left.touch()
    (tmp_path / "5.finished").touch()
    with (tmp_path / f"{UNFINISHED}being_made").open("w") as being_made:
        fcntl.flock(being_made, fcntl.LOCK_EX)
        remove_unfinished(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {
            f"{UNFINISHED}being_made",
            "5.finished",
        }


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def no_room(descriptor: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def half(descriptor: int, content: bytes) -> int:
    return len(content) // 2


@pytest.mark.parametrize("write", [no_room, half])
def test_where_there_is_no_room_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    """Half a name would be another namespace's."""
    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(holds.os, "write", write)
        with pytest.raises(tiger.StoreFull, match="shared memory is full"):
            Hold(tmp_path, "lease", b"global-1")
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def test_a_hold_that_fails_otherwise_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = descriptors()

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(holds.os, "rename", fails)
        with pytest.raises(tiger.InstanceError, match=f"{tmp_path}.*Input/output"):
            Hold(tmp_path, "lease", b"global-1")
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def test_nothing_is_held_in_an_instance_that_was_removed(tmp_path: Path) -> None:
    """A process that holds a namespace or a moment there has to connect again."""
    with pytest.raises(tiger.InstanceError, match=r"gone was removed: connect again"):
        Hold(tmp_path / "gone" / "leases", "mine")
