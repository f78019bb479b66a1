"""Files that say of a process that it is there."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tiger.holds import UNFINISHED, remove_unfinished


def test_what_was_left_half_made_is_removed_and_what_is_being_made_is_not(tmp_path: Path) -> None:
    left = tmp_path / f"{UNFINISHED}.left"
    left.touch()
    (tmp_path / "5.finished").touch()
    with (tmp_path / f"{UNFINISHED}.being_made").open("w") as being_made:
        fcntl.flock(being_made, fcntl.LOCK_EX)
        remove_unfinished(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {
            f"{UNFINISHED}.being_made",
            "5.finished",
        }
