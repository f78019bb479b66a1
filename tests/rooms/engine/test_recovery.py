"""What a daemon looks at when it takes over: what was under way, however much there is."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from tests.support.choke import Killed
from tests.support.daemon import Daemon, Step
from tests.support.file_system import new_directory
from tests.support.model import clear_namespace, delete, put, put_many
from tests.support.scenarios import CUSTOMERS, INVOICES
from tiger.format import layout
from tiger.format.version import Version
from tiger.place.pins import Pin
from tiger.reading.lineage import find_lineage
from tigerd.engine.index import Index
from tigerd.tools.audit import audit

BATCH: Step = [
    put(CUSTOMERS, "a", "new", email="e1"),
    put(CUSTOMERS, "a", "u3", email="e7"),
    delete(CUSTOMERS, "a", "u4"),
    put(INVOICES, "b", "new", customer="c1"),
]


def fill(daemon: Daemon, count: int) -> None:
    """Write so many records, and take away what ended."""
    items = [{"id": f"u{n}", "email": f"e{n % 5}", "created": n} for n in range(count)]
    daemon.do([put_many(CUSTOMERS, "a", items)])
    daemon.do([put_many(CUSTOMERS, "b", items), put(INVOICES, "b", "i0", customer="c0")])
    daemon.do([delete(CUSTOMERS, "a", "u0")])
    daemon.clean()


def kill(daemon: Daemon, step: Step) -> None:
    """Kill the daemon just before the commit of a request."""
    with patch.object(daemon.writer, "before_commit", side_effect=Killed), pytest.raises(Killed):
        daemon.do(step)


def looks(daemon: Daemon) -> tuple[int, int]:
    """Let the next daemon take over; return how many versions and entries it looked at."""
    seen = [0, 0]
    see, find = Version.__init__, Index._naming

    def init(self: Version, *arguments: object) -> None:
        seen[0] += 1
        see(self, *arguments)  # type: ignore[arg-type]

    def naming(self: Index, *arguments: object) -> object:
        seen[1] += 1
        return find(self, *arguments)  # type: ignore[arg-type]

    with patch.object(Version, "__init__", init), patch.object(Index, "_naming", naming):
        daemon.restart()
    return seen[0], seen[1]


@pytest.mark.parametrize("step", [None, BATCH, [clear_namespace(None, "a")]])
def test_it_looks_at_as_much_though_there_be_more(step: Step | None) -> None:
    seen = []
    for count in (10, 3000):
        with new_directory() as place:
            daemon = Daemon(place)
            fill(daemon, count)
            if step is not None:
                kill(daemon, step)
            seen.append(looks(daemon))
            assert not audit(place).findings
    assert seen[0] == seen[1]
    assert sum(seen[0]) < 100


def test_waiting_versions_are_known_without_a_look_at_them(daemon: Daemon) -> None:
    """However much a reader holds."""
    fill(daemon, 1000)
    before = looks(daemon)
    held = Pin(daemon.directory, daemon.writer.commit)
    daemon.do([delete(CUSTOMERS, "a", f"u{n}") for n in range(1, 900)])
    daemon.clean()
    needed = daemon.writer.tables[CUSTOMERS].space.needed.copy()
    assert looks(daemon) == before
    held.release()
    daemon.clean()
    after = daemon.writer.tables[CUSTOMERS].space.needed
    assert sum(after.values()) < sum(needed.values()) - 900 * 100


def test_versions_missing_from_the_ring_are_searched_while_it_serves(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ENDED_MAX", 64)
    fill(daemon, 1000)
    before = looks(daemon)
    held = Pin(daemon.directory, daemon.writer.commit)
    daemon.do([delete(CUSTOMERS, "a", f"u{n}") for n in range(1, 900)])
    assert looks(daemon) == before
    daemon.clean(30)  # into the middle of the search
    daemon.do([clear_namespace(None, "b"), put(CUSTOMERS, "a", "u1", email="e1")])
    held.release()
    daemon.clean()
    daemon.do([delete(CUSTOMERS, "a", "nobody")])
    daemon.clean()
    words = daemon.control.words
    assert words[layout.CLEANED] == words[layout.ENDED]
    spaces = daemon.writer.tables[CUSTOMERS].namespaces
    assert (spaces.keys(), spaces["a"].records) == ({"a"}, 101)
    assert sum(daemon.writer.tables[CUSTOMERS].space.needed.values()) < 101 * 256 + 6 * 200
    assert not audit(daemon.directory).findings


def test_an_index_that_was_growing_goes_on(daemon: Daemon) -> None:
    """It is not moved before the first request, and no key comes into it twice."""
    items = [{"id": f"u{n}", "email": "e"} for n in range(3000)]
    while (index := daemon.writer.table(CUSTOMERS).index).previous is None:
        daemon.do([put_many(CUSTOMERS, "a", items[:200])])
        items = items[200:]
    keys = sum(word > layout.MOVED for word in index.previous.words[layout.SLOTS_AT :])
    assert keys > 0
    looks(daemon)
    index = daemon.writer.table(CUSTOMERS).index
    assert index.previous is not None
    assert sum(word > layout.MOVED for word in index.previous.words[layout.SLOTS_AT :]) == keys
    daemon.do([put(CUSTOMERS, "a", "u5", email="other")])
    daemon.clean()
    assert not audit(daemon.directory).findings
    assert index.previous is None


def numbers(daemon: Daemon) -> dict[bytes, int]:
    """Return the places of a namespace's records among those of the same `created`."""
    table = daemon.writer.table(CUSTOMERS)
    lineage = find_lineage(table.reader, b"a", daemon.writer.commit)
    assert lineage is not None
    return {version.key: version.number for version in lineage.walk(lineage.firsts())}


def test_the_place_of_a_record_follows_from_its_commit_alone() -> None:
    """Or on hosts that apply the same, places would differ where a daemon was killed."""
    begun = [put(CUSTOMERS, "a", "u1"), put(CUSTOMERS, "a", "u2")]
    more = [put_many(CUSTOMERS, "a", [{"id": f"v{n}"} for n in range(20)])]  # by other code
    found = []
    with new_directory() as place:
        for name, is_killed in (("calm", False), ("killed", True)):
            daemon = Daemon(place / name)
            for step in (begun, [delete(CUSTOMERS, "a", "u2")], BATCH[:2], more, BATCH[:1]):
                if is_killed:
                    kill(daemon, step)
                    daemon.restart()
                daemon.do(step)
            found.append(numbers(daemon))
    assert found[0] == found[1]
    assert found[0][b"u1"] == 1 << layout.NUMBER_BITS
    assert found[0][b"v3"] == (4 << layout.NUMBER_BITS) + 3
