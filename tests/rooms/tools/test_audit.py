"""The audit of a live instance finds nothing that is only the daemon's cleaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import clear_namespace, delete, put
from tests.support.scenarios import CUSTOMERS, WIDE
from tiger.format import layout
from tiger.format.layout import NAMESPACES
from tiger.format.version import Version
from tiger.reading.table_reader import TableReader
from tigerd.tools import audit


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


def test_records_are_taken_away_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a cleared namespace have no end of their own: they were said to have one."""
    end = Version.end.fget
    with new_directory() as place:
        daemon = Daemon(place)
        daemon.do([put(CUSTOMERS, "a", f"w{number}") for number in range(7)])
        daemon.do([clear_namespace(None, "a")])
        turns = [daemon.clean]

        def end_and_clean(version: Version) -> int:
            found: int = end(version)
            if not found and turns:
                turns.pop()()
            return found

        monkeypatch.setattr(Version, "end", property(end_and_clean))
        assert audit.audit(place).findings == []
        assert not turns


@pytest.mark.parametrize("name", ["chunk.1", "index.1"])
@pytest.mark.parametrize("data", [bytes(64), b"\xa5" * 64])
def test_a_damaged_header_is_a_finding_and_the_audit_goes_on(
    directory: str, tigerd, name: str, data: bytes
) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert_many({"id": f"c{number}", "valid": True} for number in range(5))
        store.plans.insert({"id": "sound"})
    path = Path(directory, "tables/coupons", name)
    with path.open("r+b") as file:
        file.write(data)
    shown = tigerd("check", "--json", directory=directory)
    assert shown.returncode == 1
    found = json.loads(shown.stdout)
    assert found["records"] >= 1  # the plan, at least
    assert str(path) in {finding["file"] for finding in found["findings"]}
    assert "tigerd" not in "".join(f["what"] for f in found["findings"]).replace("of tigerd", "")
    words = tigerd("check", directory=directory)
    assert f"`tigerd repair --dir {directory}`\n" in words.stderr
    assert " a index" not in words.stdout


def test_findings_show_ids_as_text(directory: str, tigerd) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert_many({"id": f"é{number}", "valid": True} for number in range(5))
    path = Path(directory, "tables/coupons/chunk.1")
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(data.index(b"\x82\xa2id\xa3" + "é3".encode()) + 4)
        file.write(b"\xa3abc")
    found = json.loads(tigerd("check", "--json", directory=directory).stdout)
    assert "coupons 'é0'" in {finding["record"] for finding in found["findings"]}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon with a table in which some things ended, and some of them were taken away."""
    with new_directory() as place:
        daemon = Daemon(place)
        for number in range(10):
            daemon.do([put(CUSTOMERS, "a", f"u{number}", email="e")])
        daemon.do([delete(CUSTOMERS, "a", "u3")])
        daemon.clean()
        daemon.do([delete(CUSTOMERS, "a", "u4")])
        assert not audit.audit(place).findings
        yield daemon


def less_garbage(daemon: Daemon) -> None:
    chunk = daemon.writer.tables[CUSTOMERS].space.chunks[1]
    chunk.store(layout.CHUNK_GARBAGE, chunk.words[layout.CHUNK_GARBAGE] - layout.ALIGNMENT)


def fewer_places(daemon: Daemon) -> None:
    index = daemon.writer.tables[CUSTOMERS].index.current
    assert index is not None
    index.store(layout.INDEX_USED, index.words[layout.INDEX_USED] - 1)


def not_in_the_ring(daemon: Daemon) -> None:
    daemon.control.store(layout.CLEANED, daemon.control.words[layout.ENDED])


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (less_garbage, "bytes of it are garbage, and"),
        (fewer_places, "of its places are in use, but"),
        (not_in_the_ring, "the ring of ended versions does not name it"),
    ],
)
def test_words_that_a_start_relies_on_are_audited(
    daemon: Daemon, harm: Callable[[Daemon], None], told: str
) -> None:
    harm(daemon)
    (finding,) = audit.audit(daemon.directory).findings
    assert told in finding.what
