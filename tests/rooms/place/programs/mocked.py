"""Starting a daemon where a test has put mocks: nothing imports `tiger` before they are there."""

from __future__ import annotations

import os
import socket
from unittest import mock


def note_signals() -> list[object]:
    """Let no signal reach anybody; return where they are noted."""
    signalled: list[object] = []
    os.kill = os.killpg = lambda *arguments: signalled.append(arguments)
    return signalled


def popen_is_a_mock(directory: str) -> list[object]:
    signalled = note_signals()
    import tiger

    with mock.patch("subprocess.Popen"), tiger.connect(directory) as store:
        return [store.ping()["pid"] > 1, signalled]


def popen_was_a_mock_when_loaded(directory: str) -> list[object]:
    signalled = note_signals()
    with mock.patch("subprocess.Popen"):
        import tiger

        try:
            tiger.connect(directory).close()
        except tiger.DaemonUnavailable as error:
            return ["did not start" in str(error), signalled]
    return [False, signalled]


class Guarded(socket.socket):
    def __new__(cls, *_: object, **__: object) -> Guarded:
        raise RuntimeError("a test forbids this")


def sockets_are_forbidden_when_loaded(directory: str) -> int:
    setattr(socket, "socket", Guarded)  # noqa: B010
    import tiger

    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        return store.coupons.count()
