"""What a session does between sending a request and knowing its answer."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tiger import protocol
from tiger.reader import Reader
from tiger.session import Send, Session, Watch


@pytest.fixture
def session(directory: str) -> Session:
    place = Path(directory)
    Daemon(place)
    with contextlib.closing(Reader(place)) as reader:
        session = Session(reader)
        session._slot = 0  # as if it had said hello
        return session


def test_what_a_write_returns_is_made_while_the_daemon_works(session: Session) -> None:
    made: list[str] = []
    steps = session.write([[protocol.CLEAR, 1]], lambda: made.append("made"), timeout_s=5)
    assert type(next(steps)) is Send
    assert not made
    assert type(steps.send(1)) is Watch
    assert made
