"""`tigerd repair` keeps all that can be read, says what cannot, and leaves a clean instance."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import tiger
from tests.support.choke import Killed
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import delete, put_many
from tests.support.seeds import new_random
from tests.support.terminal import at_terminal
from tiger.format import layout, record
from tiger.format.resources import BY_NAME, DEFINITIONS
from tigerd.engine import walks
from tigerd.tools import repair
from tigerd.tools.audit import audit
from tigerd.tools.repair import salvage

COUNT = 300


def fill(directory: str) -> dict[str, list[dict[str, Any]]]:
    """Write records of two namespaces and a defined table; return them in list order."""
    with tiger.connect(directory) as store:
        other = store.namespace("other")
        store.define("boxes", prefix="box", indexes=["size"])
        store.coupons.insert_many(
            {"id": f"c{n}", "created": n % 7, "valid": n % 2 == 0} for n in range(COUNT)
        )
        other.boxes.insert_many({"id": f"b{n}", "size": n % 5} for n in range(COUNT))
        store.coupons.update({"id": "c5", "created": 5, "valid": None})
        store.coupons.delete("c6")
        gone = store.namespace("gone")
        gone.coupons.insert({"id": "gone"})
        gone.clear_namespace()
        return contents(store)


def contents(store: tiger.Store) -> dict[str, list[dict[str, Any]]]:
    other = store.namespace("other")
    return {"coupons": list(store.coupons), "boxes": list(other.boxes)}


def damage(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def repaired(
    directory: str, tigerd: Callable[..., Any], *, is_stopped: bool = False
) -> dict[str, Any]:
    assert is_stopped or tigerd("stop", directory=directory).returncode == 0
    done = tigerd("repair", "--yes", "--json", directory=directory)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_sound_instance_needs_no_repair(directory: str, tigerd) -> None:
    before = fill(directory)
    answer = repaired(directory, tigerd)
    assert answer == {"faults": 0, "records": 2 * COUNT - 1, "findings": []}
    with tiger.connect(directory) as store:
        assert contents(store) == before


def test_a_damaged_record_is_dropped_and_named_and_all_others_are_kept(
    directory: str, tigerd
) -> None:
    before = fill(directory)
    chunk = Path(directory, "tables", "coupons", "chunk.1")
    at = chunk.read_bytes().index(b"c77\x83")
    damage(chunk, at + 5, b"\xff\xff")
    answer = repaired(directory, tigerd)
    assert [finding["what"] for finding in answer["findings"]] == ["dropped: cannot be read"]
    assert "'c77'" in answer["findings"][0]["record"]
    assert answer["findings"][0]["file"] == str(chunk)
    assert abs(answer["findings"][0]["offset"] - at) < 64
    with tiger.connect(directory) as store:
        before["coupons"] = [record for record in before["coupons"] if record["id"] != "c77"]
        assert contents(store) == before
        assert store.coupons.find_active() == [r for r in before["coupons"] if r["valid"] is True]
        store.coupons.insert({"id": "c77"})
        store.boxes.insert({"id": "more", "size": 1})
    assert audit(Path(directory)).findings == []


@pytest.mark.parametrize("harm", [lambda path: damage(path, 0, bytes(4096)), Path.unlink])
@pytest.mark.parametrize("name", ["index.*", "control"])
def test_a_lost_index_or_control_segment_loses_no_record(
    directory: str, tigerd, name: str, harm: Callable[[Path], None]
) -> None:
    before = fill(directory)
    assert tigerd("stop", directory=directory).returncode == 0
    for path in [*Path(directory, "tables").glob(f"*/{name}"), *Path(directory).glob(name)]:
        harm(path)
    assert tigerd("check", directory=directory).returncode != 0
    done = tigerd("repair", "--yes", directory=directory)
    assert done.returncode == 0, done.stderr
    with tiger.connect(directory) as store:
        assert contents(store) == before
        assert store.namespaces() == {"global": COUNT - 1, "other": COUNT}
    assert audit(Path(directory)).findings == []


def test_records_of_a_lost_chunk_are_counted(directory: str, tigerd) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert_many({"id": f"c{n}", "text": "x" * 200} for n in range(2000))
    assert tigerd("stop", directory=directory).returncode == 0
    chunk = sorted(Path(directory, "tables", "coupons").glob("chunk.*"))[-1]
    chunk.unlink()
    answer = repaired(directory, tigerd, is_stopped=True)
    assert 0 < answer["records"] < 2000
    (finding,) = answer["findings"]
    assert (finding["file"], finding["record"]) == (str(chunk), "coupons")
    assert finding["what"].startswith(f"lost: {2000 - answer['records']:,} versions ")
    assert audit(Path(directory)).findings == []


def test_a_table_whose_definition_is_lost_is_named(directory: str, tigerd) -> None:
    fill(directory)
    assert tigerd("stop", directory=directory).returncode == 0
    chunk = Path(directory, "tables", DEFINITIONS.table, "chunk.1")
    damage(chunk, chunk.read_bytes().index(b"boxes") + 1, b"\xff")
    answer = repaired(directory, tigerd, is_stopped=True)
    boxes = [finding for finding in answer["findings"] if finding["record"] == "boxes"]
    assert [finding["what"].partition(":")[0] for finding in boxes] == ["lost with all its records"]


def test_it_asks_first_and_no_changes_nothing(directory: str, tigerd) -> None:
    fill(directory)
    chunk = Path(directory, "tables", "coupons", "chunk.1")
    damage(chunk, chunk.read_bytes().index(b"c77\x83") + 5, b"\xff\xff")
    assert tigerd("stop", directory=directory).returncode == 0
    before = chunk.read_bytes()
    for typed, awaited, wanted in (("n\n", None, 1), ("\x04", None, 1), ("", "[y/N]", 130)):
        code, shown = at_terminal("repair", "--dir", directory, typed=typed, interrupted_at=awaited)
        assert "Rebuild" in shown
        assert code == wanted
    in_script = tigerd("repair", directory=directory, stdin="n\n")
    assert in_script.returncode == 1
    assert "--yes" in in_script.stderr
    assert chunk.read_bytes() == before


def test_a_running_daemon_is_in_the_way(directory: str, tigerd) -> None:
    fill(directory)
    done = tigerd("repair", "--yes", directory=directory)
    assert done.returncode == 3
    assert "tigerd stop" in done.stderr


def lost(findings: list[dict[str, Any]]) -> int:
    """Return how many keys the findings say are lost."""
    words = [finding["what"] for finding in findings]
    numbers = [re.match(r"lost: ([\d,]+) versions", what) for what in words]
    named = sum(int(number[1].replace(",", "")) for number in numbers if number)
    return named + words.count("dropped: cannot be read")


def test_random_damage_to_chunks_never_stops_a_repair_and_is_told(directory: str, tigerd) -> None:
    """What is kept is what was written at some time; what is not is told; the rest is clean."""
    generator = new_random()
    before = fill(directory)
    written = [{"id": f"c{n}", "created": n % 7, "valid": n % 2 == 0} for n in range(COUNT)]
    written += [{"id": f"b{n}", "size": n % 5} for n in range(COUNT)]
    written += [{"id": "c5", "created": 5, "valid": None}, {"id": "gone"}]
    assert tigerd("stop", directory=directory).returncode == 0
    for path in Path(directory, "tables").glob("*/chunk.*"):
        if "definitions" not in str(path):
            size = int.from_bytes(path.read_bytes()[56:64], sys.byteorder)
            for _ in range(10):
                damage(path, generator.randrange(64, size), generator.randbytes(3))
    findings = repaired(directory, tigerd, is_stopped=True)["findings"]
    assert audit(Path(directory)).findings == []
    with tiger.connect(directory) as store:
        kept = [
            record
            for name in store.namespaces()
            for table in (store.coupons, store.boxes)
            for record in table.list_namespace(name)
        ]
    assert all(record in written for record in kept)
    live = [record for records in before.values() for record in records]
    assert sum(record not in kept for record in live) <= lost(findings)
    assert len(kept) >= 2 * COUNT - 60


@pytest.mark.parametrize(
    "call", ["shutil.rmtree", "pathlib.Path.rename", "tigerd.tools.repair.os.replace"]
)
def test_a_repair_that_is_killed_is_done_again_and_loses_nothing(
    directory: str, tigerd, monkeypatch, call: str
) -> None:
    before = fill(directory)
    assert tigerd("stop", directory=directory).returncode == 0
    found = salvage(Path(directory))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    finish = repair.finish
    with monkeypatch.context() as patched:
        patched.setattr(repair, "finish", lambda _: None)
        repair.rebuild(Path(directory), found)
        patched.setattr(call, killed)
        with pytest.raises(KeyboardInterrupt):
            finish(Path(directory))
    assert "interrupted" in tigerd("start", directory=directory).stderr
    assert tigerd("repair", "--yes", directory=directory).returncode == 0
    with tiger.connect(directory) as store:
        assert contents(store) == before


def test_of_copies_and_their_originals_one_is_kept() -> None:
    """A reader, or a kill, may have kept originals from going."""
    coupons = BY_NAME["coupons"].number
    with new_directory() as place:
        daemon = Daemon(place)
        wide = [{"id": f"c{n}", "text": "x" * 3000} for n in range(200)]
        daemon.do([put_many(coupons, "a", wide)])
        daemon.do([delete(coupons, "a", f"c{n}") for n in range(200) if n % 5])
        table = daemon.writer.tables[coupons]
        while not any(
            version.end == layout.COPIED
            for number in list(table.space.chunks)
            for version in walks.versions_in(table, number)
        ):
            daemon.clean(1)
        kept = {version.key.decode() for _, version in salvage(place).records[coupons]}
    assert kept == {f"c{n}" for n in range(0, 200, 5)}


def test_records_past_the_limit_of_now_are_kept(directory: str, tigerd: Callable[..., Any]) -> None:
    large = {"id": "large", "text": "x" * 5000}
    with tiger.connect(directory) as store:
        store.coupons.insert_many([large, {"id": "small"}])
    assert tigerd("restart", "--max-record", "1000", directory=directory).returncode == 0
    assert tigerd("stop", directory=directory).returncode == 0
    chunk = Path(directory, "tables/coupons/chunk.1")
    damage(chunk, chunk.read_bytes().index(b"small"), b"smXll")
    repaired(directory, tigerd, is_stopped=True)
    with tiger.connect(directory) as store:
        assert list(store.coupons) == [large]


def test_without_yes_a_script_gets_what_was_found_and_nothing_is_changed(
    directory: str, tigerd: Callable[..., Any]
) -> None:
    fill(directory)
    assert tigerd("stop", directory=directory).returncode == 0
    chunk = Path(directory, "tables", "coupons", "chunk.1")
    damage(chunk, chunk.read_bytes().index(b"c77\x83") + 5, b"\xff\xff")
    before = chunk.read_bytes()
    asked = tigerd("repair", "--json", directory=directory)
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert chunk.read_bytes() == before
    done = tigerd("repair", "--json", "--yes", directory=directory)
    assert json.loads(done.stdout) == json.loads(asked.stdout)


def test_an_uncommitted_version_is_not_taken_for_the_newest() -> None:
    """Its commit number comes again, with something else."""
    coupons = BY_NAME["coupons"].number
    with new_directory() as place:
        daemon = Daemon(place)
        daemon.do([put_many(coupons, "a", [{"id": "kept", "n": 1}, {"id": "other"}])])
        with (
            patch.object(daemon.writer, "before_commit", side_effect=Killed),
            pytest.raises(Killed),
        ):
            daemon.do([put_many(coupons, "a", [{"id": "kept", "n": 2}, {"id": "never"}])])
        daemon.restart()
        daemon.do([delete(coupons, "a", "other")])
        (found,) = salvage(place).records[coupons]
        assert record.decode(found[1].body) == {"id": "kept", "n": 1}
