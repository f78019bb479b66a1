"""The address of the log that an instance follows: from `--log`, `TIGERD_LOG`, or remembered.

It is remembered in a file of the instance. So a daemon that a client starts follows it too, and
does not write without the log.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tiger.errors import Damaged
from tiger.place import instance
from tiger.shortage import use_error
from tiger.system import os

if TYPE_CHECKING:
    from tigerd.log.log import Address

VARIABLE = "TIGERD_LOG"


class Followed(NamedTuple):
    """The address of a log, and its epoch when it was last followed."""

    url: str
    epoch: str

    @property
    def address(self) -> Address:
        """The parsed address; `InvalidRequest` if it is not one."""
        from tigerd.log.log import address_of  # noqa: PLC0415 - only with a log

        return address_of(self.url)


def remembered(directory: Path) -> Followed | None:
    """Return the remembered log, None if there is none; `Damaged` if the file is unreadable."""
    path = directory / instance.FOLLOWED
    try:
        said = json.loads(path.read_text())
        return Followed(str(said["url"]), str(said["epoch"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise use_error(path, error) from None
    except (ValueError, KeyError, TypeError):
        raise Damaged(
            f"{path} does not say which log the instance follows: begin with an empty directory, "
            f"which loads everything from the log"
        ) from None


def log_of(directory: Path, option: str | None) -> Followed | None:
    """Return the log that a daemon is to follow: the option's, `TIGERD_LOG`'s, the remembered one.

    The first of these gives the address; the epoch is always the remembered one.
    """
    before = remembered(directory)
    said = option or os.environ.get(VARIABLE, "").strip()
    if said:
        return Followed(said, before.epoch if before else "")
    return before


def remember(directory: Path, followed: Followed) -> None:
    """Remember the log that an instance follows; `TigerError` if that fails."""
    path = directory / instance.FOLLOWED
    new = path.with_name(f"{instance.FOLLOWED}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w") as file:  # the address may have a password
            json.dump(followed._asdict(), file)
        os.replace(new, path)
    except OSError as error:
        raise use_error(path, error) from None
