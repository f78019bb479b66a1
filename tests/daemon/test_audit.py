"""The audit of a live instance finds nothing that is only the daemon's cleaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.crash.scenarios import CUSTOMERS, WIDE
from tests.support.daemon import Daemon, new_directory
from tests.support.model import delete, put
from tiger.layout import NAMESPACES
from tiger.table_reader import TableReader
from tiger.version import Version
from tigerd import audit


def look_while_cleaning(patch: pytest.MonkeyPatch) -> list[audit.Finding]:
    """Audit an instance whose daemon empties one chunk after another in the middle of a list."""
    with new_directory() as place:
        daemon = Daemon(place)
        for number in range(28):  # a chunk holds seven; in the list, what is in the first is first
            record = {"created": -number, "text": WIDE}
            daemon.do([put(CUSTOMERS, "a", f"w{number}", **record)])
        for number in range(28):
            if number % 7 != 3:
                daemon.do([delete(CUSTOMERS, "a", f"w{number}")])
        walk = TableReader.walk

        def walk_slowly(self: TableReader, scope: int, *arguments: Any) -> Iterator[Version]:
            for place, version in enumerate(walk(self, scope, *arguments)):
                yield version
                if scope != NAMESPACES and place == 1:  # in the chunk that is emptied first
                    daemon.clean()

        patch.setattr(TableReader, "walk", walk_slowly)
        return audit.audit(place).findings


def test_chunks_are_emptied_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_while_cleaning(monkeypatch) == []


def test_looking_once_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ATTEMPTS", 1)
    assert look_while_cleaning(monkeypatch)
