"""Large requests wait for the small ones, but not for ever."""

from __future__ import annotations

import pytest

from tigerd.service import large, unfinished
from tigerd.service.large import Large, Message


def test_a_large_request_is_due_when_no_other_comes_and_after_a_turn_of_the_others() -> None:
    waiting = Large()
    assert not waiting.is_due(False)
    waiting.put(Message(b"a", "1", b"first"))
    waiting.put(Message(b"b", "2", b"second"))
    assert waiting.is_due(True), "the others had their turn"
    assert waiting.take().frame == b"first"
    waiting.let_others()
    assert not waiting.is_due(True)
    assert waiting.is_due(False)
    waiting._due_at -= large.BETWEEN_S
    assert waiting.is_due(True)
    assert waiting.take().frame == b"second"
    assert not waiting.is_due(False)
    assert waiting.held == 0


def test_where_too_much_waits_one_is_due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "HELD_MAX", 5)
    waiting = Large()
    waiting.put(Message(b"a", "1", b"12345"))
    waiting.let_others()
    assert not waiting.is_due(True)
    waiting.put(Message(b"a", "1", b"6"))
    assert waiting.is_full
    assert waiting.is_due(True)


def test_memory_that_cannot_be_looked_at_ends_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon that has no descriptor free for a moment does not know how much it has."""
    held: list[int | None] = [2 * unfinished.HELD_MAX]
    monkeypatch.setattr(unfinished, "private_bytes", lambda: held[0])
    monkeypatch.setattr(unfinished, "HELD_S", 0.0)
    messages = unfinished.Unfinished()
    for now in (None, 2 * unfinished.HELD_MAX):
        held[0] = now
        assert not messages.is_too_much(0)
    held[0] = 4 * unfinished.HELD_MAX
    assert messages.is_too_much(0)
