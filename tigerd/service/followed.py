"""Which log an instance follows: what was said when its daemon was started, and what it remembers.

It is remembered in a file of the instance, so that a daemon that a client starts follows too: one
that did not would write past the log.
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
    """A log, and which one it was when it was followed last."""

    url: str
    epoch: str

    @property
    def address(self) -> Address:
        """Where it is; `InvalidRequest` if that is no address."""
        from tigerd.log.log import address_of  # noqa: PLC0415 - only with a log

        return address_of(self.url)


def remembered(directory: Path) -> Followed | None:
    """Return what an instance remembers, None if it follows no log; `Damaged` if none can tell."""
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

    The first of these says where it is; which one it has to be, only the instance remembers.
    """
    before = remembered(directory)
    said = option or os.environ.get(VARIABLE, "").strip()
    if said:
        return Followed(said, before.epoch if before else "")
    return before


def remember(directory: Path, followed: Followed) -> None:
    """Note what an instance follows; `TigerError` if that cannot be."""
    path = directory / instance.FOLLOWED
    new = path.with_name(f"{instance.FOLLOWED}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w") as file:  # the address may have a password
            json.dump(followed._asdict(), file)
        os.replace(new, path)
    except OSError as error:
        raise use_error(path, error) from None
