"""A client that sleeps on its slot, with what the daemon does for an answer between its loads.

What the daemon stores, and when it wakes, is what it really did for a request. The client is the
real one; the kernel is a stand-in that compares and sleeps in one step, as a futex does. Who sleeps
there is woken by what the daemon still does, or never.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest

from tests.support.daemon import CLIENT, Daemon
from tests.support.model import put
from tiger.format import layout
from tiger.format import memory as segments
from tiger.wire import session
from tiger.wire.session import Slot
from tigerd.engine import writer
from tigerd.engine.segments import WritableSegment

LOADS = 12
"""Of the client, before which the daemon's steps happen."""
LOW = (1 << 32) - 1

Event = tuple[int, int | None]
"""A word and what is stored there; None where the client that sleeps on it is woken."""


class NeverWoken(Exception):
    pass


class Memory:
    """The control segment's words, and the daemon, which takes steps before some of their loads."""

    def __init__(
        self, words: Mapping[int, int], events: Sequence[Event], places: Sequence[int]
    ) -> None:
        self._words = {**words, layout.WAKES: 1}
        self._left = list(zip(places, events, strict=True))
        self._loads = self.sleeps = 0

    def __getitem__(self, at: int) -> int:
        self._loads += 1
        while self._left and self._left[0][0] <= self._loads:
            self._step()
        return self._words[at]

    def _step(self) -> int | None:
        """Take the daemon's next step; return the word whose sleeper it wakes, if any."""
        _, (at, value) = self._left.pop(0)
        if value is None:
            return at
        self._words[at] = value
        return None

    def sleep_on(self, _: object, at: int, value: int, seconds: float) -> None:
        assert seconds == math.inf
        if self[at] & LOW != value & LOW:
            return
        self.sleeps += 1
        while self._left:
            if self._step() == at:
                return
        raise NeverWoken


def answered(daemon: Daemon) -> None:
    daemon.do([put(1, "a", id="A")])


def refused(daemon: Daemon) -> None:
    daemon.writer.refuse((daemon.slot, daemon.last_request() + 1), 4)


def events_of(daemon: Daemon, act: Callable[[Daemon], None]) -> list[Event]:
    """Return what the daemon does to the client's slot, and the commit, in this order."""
    events: list[Event] = []
    first = layout.client_at(daemon.slot, 0)
    store = WritableSegment.store

    def note(segment: WritableSegment, at: int, value: int) -> None:
        store(segment, at, value)
        is_slot = first <= at < first + layout.CLIENT_WORDS
        if segment is daemon.control and (is_slot or at == layout.COMMIT):
            events.append((at, value))

    with (
        patch.object(WritableSegment, "store", note),
        patch.object(writer, "wake", lambda _, at: events.append((at, None))),
    ):
        act(daemon)
    return events


def words_of(daemon: Daemon) -> dict[int, int]:
    """Return what a client loads, as it is now."""
    at = layout.client_at(daemon.slot, 0)
    places = (layout.COMMIT, *range(at, at + layout.CLIENT_WORDS))
    return {place: daemon.control.words[place] for place in places}


def sleeps_in(daemon: Daemon, words: Mapping[int, int], events: list[Event], request: int) -> int:
    """Let a client wait, whenever the daemon acts; return how often it slept."""
    sleeps = 0
    for places in combinations_with_replacement(range(1, LOADS), len(events)):
        memory: Any = Memory(words, events, places)
        with patch.object(segments, "sleep_on", memory.sleep_on):
            assert Slot(memory, CLIENT, daemon.slot).sleep(request, math.inf)
        sleeps += memory.sleeps
    return sleeps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "time", Mock(monotonic=lambda: 0.0))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("act", [answered, refused])
def test_a_client_that_sleeps_is_woken_whenever_the_answer_comes(
    directory: str, act: Callable[[Daemon], None]
) -> None:
    daemon = Daemon(Path(directory))
    words, request = words_of(daemon), daemon.last_request() + 1
    events = events_of(daemon, act)
    assert sleeps_in(daemon, words, events, request) > 0
    wake = next(event for event in events if event[1] is None)
    events.remove(wake)
    with pytest.raises(NeverWoken):  # a wake that comes too soon would be found
        sleeps_in(daemon, words, [wake, *events], request)
