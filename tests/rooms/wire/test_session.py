"""What a session does between sending a request and knowing its answer."""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.daemon import Daemon
from tiger.aio.connection import AsyncConnection
from tiger.format import protocol
from tiger.reading.reader import Reader
from tiger.wire.connection import Connection, Options
from tiger.wire.session import Session, Slot, Watch
from tiger.wire.zmtp import Wire
from tigerd.service.slots import Slots


@pytest.fixture
def reader(directory: str) -> Iterator[Reader]:
    Daemon(Path(directory))
    with closing(Reader(Path(directory))) as reader:
        yield reader


def test_the_result_of_a_write_is_made_while_the_daemon_works(reader: Reader) -> None:
    done: list[str] = []
    wire = Mock(Wire, connections=1)
    wire.flush.side_effect = lambda: done.append("sent")
    session = Session(reader, wire)
    session._slot = Slot(reader.words, session._client, 0)  # as if it had said hello
    steps = session.write([[protocol.CLEAR, 1]], lambda: done.append("made"), math.inf)
    assert type(next(steps)) is Watch
    assert done == ["sent", "made"]


def test_an_answer_is_the_one_that_was_found_though_the_slot_goes_to_another_client(
    directory: str,
) -> None:
    daemon = Daemon(Path(directory))
    slots = Slots(daemon.control)
    with closing(Reader(Path(directory))) as reader:
        session = Session(reader, Mock(Wire, connections=1, **{"flush.return_value": 0}))
        slot = slots.open(session._client)
        session._slot = Slot(reader.words, session._client, slot)
        steps = session.write([[protocol.DELETE, 1, "global", "A"]], lambda: None, math.inf)
        watch = next(steps)
        assert type(watch) is Watch
        assert not watch.slot.is_answered(watch.request)
        daemon.writer.store_answer((slot, 1), protocol.ABSENT, daemon.writer.commit, 0)
        assert watch.slot.is_answered(watch.request)
        slots._clear(slot, 4711)  # as for one client more than there are slots
        with pytest.raises(StopIteration) as stopped:
            steps.send(True)
    assert stopped.value.value.status == protocol.ABSENT


def ask(connection: Connection) -> Any:
    return connection.ask(protocol.PING)


def ask_and_wait(connection: AsyncConnection) -> Any:
    return asyncio.run(connection.ask(protocol.PING))


@pytest.mark.parametrize(("kind", "asks"), [(Connection, ask), (AsyncConnection, ask_and_wait)])
def test_an_interrupt_in_a_message_closes_the_socket_at_once(
    reader: Reader, kind: Any, asks: Callable[[Any], Any]
) -> None:
    """Though the exception, which names all that was under way, is still being looked at."""
    connection = kind(reader, Options(autostart=False, timeout_s=5))
    wire = connection.line.wire = Mock(Wire)
    wire.flush.return_value = select.POLLOUT
    wire.descriptor.side_effect = wire.receive.side_effect = Interrupted
    with pytest.raises(Interrupted) as caught:
        asks(connection)
    wire.close.assert_called_once_with()
    assert caught.value.__traceback__


class Interrupted(Exception):
    """As Ctrl-C, or a cancelled task."""
