"""The user of the process that listens at the daemon's socket."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from tiger.errors import InstanceError
from tiger.system import os, socket


def check_peer(connected: socket.socket, path: Path) -> None:
    """Raise `InstanceError` unless the process at the other end is this user's."""
    user, mine = peer_user(connected), os.geteuid()
    if user not in (mine, None):
        raise InstanceError(
            f"{path} is served by a process of user {user}, you are user {mine}: nothing was sent "
            f"there; connect to a directory of your own"
        )


if sys.platform == "darwin":
    _XUCRED = struct.Struct("=IIh66x")  # version, uid, groups
    _SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # sys/un.h

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        said = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        return int(_XUCRED.unpack(said)[1])

elif hasattr(socket, "SO_PEERCRED"):
    _UCRED = struct.Struct("=iII")  # pid, uid, gid

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        said = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(said)[1])

else:

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        return None
