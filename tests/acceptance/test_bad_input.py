"""Bad input: each gets an error that names the value and the remedy, and nothing changes."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import os
import pickle
import random
import re
import shlex
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

import tiger
from tests.acceptance.programs import shortages
from tests.support.file_system import small_file_system
from tiger.format import protocol


@contextlib.contextmanager
def refused(store: Any, error: type[Exception], *parts: str) -> Iterator[None]:
    """The block raises that error, with a message that has all the parts, and changes nothing.

    The parts are regular expressions: what was given, and what to do instead.
    """
    before = store.ping()["commit"], store.namespaces()
    with pytest.raises(error) as caught:
        yield
    assert isinstance(caught.value, tiger.TigerError)
    message = str(caught.value)
    assert [part for part in parts if not re.search(part, message)] == [], message
    assert (store.ping()["commit"], store.namespaces()) == before


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "insert": lambda table, record: table.insert(record),
    "update": lambda table, record: table.update(record),
    "create": lambda table, record: table.create(record),
    "insert_many": lambda table, record: table.insert_many([{"id": "good"}, record]),
}


@pytest.fixture(params=WRITES)
def write(request: pytest.FixtureRequest) -> Callable[[Any, Any], Any]:
    """Each call that writes a whole record."""
    return WRITES[request.param]


def nested(levels: int) -> Any:
    """A value of that many levels, in lists and objects by turns."""
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


# Ids


def test_update_without_an_id(shared_store) -> None:
    with refused(shared_store, tiger.InvalidRecord, "no-id-here", r"\bid\b"):
        shared_store.coupons.update({"name": "no-id-here"})


BAD_IDS = [
    ("", "''", "1 to 255"),
    (None, "None", "string"),
    (5, "5", "string"),
    (b"bytes", "bytes", "string"),
    (["list"], "list", "string"),
    (True, "True", "string"),
    ("x" * 256, "256", "255"),
    ("é" * 128, "256", "255"),
    ("line\nbreak", r"line\\nbreak", "control"),
    ("nul\x00", r"nul\\x00", "control"),
    ("del\x7f", r"del\\x7f", "control"),
    ("\ud800", r"\\ud800", "surrogate|UTF-8"),
]
bad_ids = pytest.mark.parametrize(
    ("identity", "value", "remedy"), BAD_IDS, ids=lambda v: ascii(v)[:16]
)


@bad_ids
def test_an_id_that_no_record_may_have(shared_store, write, identity, value, remedy) -> None:
    with refused(shared_store, tiger.InvalidRecord, value, remedy):
        write(shared_store.coupons, {"id": identity})


READS: dict[str, Callable[[Any, Any], Any]] = {
    "get": lambda table, identity: table.get(identity),
    "get with default": lambda table, identity: table.get(identity, None),
    "[]": lambda table, identity: table[identity],
    "peek": lambda table, identity: table.peek(identity),
    "version": lambda table, identity: table.version(identity),
    "delete": lambda table, identity: table.delete(identity),
    "patch": lambda table, identity: table.patch(identity, {"a": 1}),
    "modify": lambda table, identity: table.modify(identity, dict),
}


@bad_ids
def test_an_id_that_no_record_may_have_is_told_where_one_is_asked_for(
    shared_store, identity, value, remedy
) -> None:
    """It is a fault of the caller's, not a record that is missing."""
    for call in READS.values():
        with refused(shared_store, tiger.InvalidRecord, value, remedy):
            call(shared_store.coupons, identity)


@pytest.mark.parametrize("changes", [{"id": "other"}, {"id": None}, {"id": 5}])
def test_a_patch_of_the_id(shared_store, changes) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, "id"):
        shared_store.coupons.patch("A", changes)
    assert shared_store.coupons.get("A") == {"id": "A"}
    assert shared_store.coupons.count() == 1


def test_a_modify_that_changes_the_id(shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, "other", "id"):
        shared_store.coupons.modify("A", lambda record: {**record, "id": "other"})


# Records


@pytest.mark.parametrize("record", [None, 5, "text", ["id", "A"], b"{}", [("id", "A")]], ids=repr)
def test_what_is_no_record(shared_store, write, record) -> None:
    with refused(shared_store, tiger.InvalidRecord, "dict|object|mapping"):
        write(shared_store.coupons, record)


class Unknown:
    """A type that no one has heard of."""


BAD_VALUES = {
    "nan": (float("nan"), "nan", "finite"),
    "infinity": (float("inf"), "inf", "finite"),
    "minus infinity": (float("-inf"), "-inf", "finite"),
    "past 64 bits": (2**64, "18446744073709551616|64", "64"),
    "below 64 bits": (-(2**63) - 1, "-9223372036854775809|64", "64"),
    "far past": (10**30, "64", "64"),
    "datetime": (datetime.datetime(2020, 1, 1), "datetime", "text|seconds|string"),
    "date": (datetime.date(2020, 1, 1), "date", "text|seconds|string"),
    "bytes": (b"raw", "bytes", "strings"),
    "bytearray": (bytearray(b"raw"), "bytearray", "strings"),
    "set": ({1}, "set", "lists"),
    "decimal": (decimal.Decimal("1.5"), "Decimal", "floats|strings"),
    "complex": (1j, "complex", "floats"),
    "uuid": (uuid.UUID(int=1), "UUID", "strings"),
    "extension": (msgpack.ExtType(5, b"x"), "ExtType|bytes", "objects|lists"),
    "timestamp": (msgpack.Timestamp(1), "Timestamp", "text|seconds"),
    "path": (Path("x"), "Path", "strings"),
    "object": (Unknown(), "Unknown", "objects"),
    "class": (Unknown, "type", "objects"),
    "function": (nested, "function", "objects"),
    "integer key": ({1: "x"}, "1", "string"),
    "none key": ({None: "x"}, "None", "string"),
    "bytes key": ({b"k": "x"}, "b'k'", "string"),
    "tuple key": ({("a", "b"): "x"}, "a", "string"),
    "surrogate": ("\ud83d", r"\\ud83d", "surrogate"),
    "surrogate in a key": ({"\udc00": 1}, r"\\udc00", "surrogate"),
}


@pytest.fixture(params=BAD_VALUES)
def bad_value(request: pytest.FixtureRequest) -> tuple[Any, str, str]:
    """A value that no record may hold, how the message names it, and what it advises."""
    return BAD_VALUES[request.param]


def test_a_value_that_no_record_may_hold(shared_store, write, bad_value) -> None:
    value, name, remedy = bad_value
    with refused(shared_store, tiger.InvalidRecord, name, remedy):
        write(shared_store.coupons, {"id": "A", "value": value})


def test_such_a_value_deep_inside(shared_store, bad_value) -> None:
    """The message names the record, if not the place in it."""
    value, name, _ = bad_value
    with refused(shared_store, tiger.InvalidRecord, name, "'A'"):
        shared_store.coupons.insert({"id": "A", "metadata": {"list": [{"deep": value}]}})


def test_such_a_value_in_a_patch(shared_store, bad_value) -> None:
    value, name, remedy = bad_value
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, name, remedy):
        shared_store.coupons.patch("A", {"value": value})
    assert shared_store.coupons.get("A") == {"id": "A"}


def test_such_a_value_from_a_modify(shared_store, bad_value) -> None:
    value, name, remedy = bad_value
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, name, remedy):
        shared_store.coupons.modify("A", lambda record: {**record, "value": value})
    assert shared_store.coupons.get("A") == {"id": "A"}


@pytest.mark.parametrize("key", [5, None, b"k", ("t",)], ids=repr)
def test_a_key_of_the_record_itself_that_is_no_string(shared_store, write, key) -> None:
    with refused(shared_store, tiger.InvalidRecord, re.escape(repr(key)), "string"):
        write(shared_store.coupons, {"id": "A", key: 1})


@pytest.mark.parametrize("levels", [64, 65, 1_000, 100_000])
def test_nesting_past_64_levels(shared_store, write, levels: int) -> None:
    """The record itself is the first level."""
    with refused(shared_store, tiger.InvalidRecord, "64", "flat|deep|level"):
        write(shared_store.coupons, {"id": "A", "value": nested(levels)})


def test_a_record_that_holds_itself(shared_store, write) -> None:
    record: dict[str, Any] = {"id": "A"}
    record["self"] = record
    with refused(shared_store, tiger.InvalidRecord, "64"):
        write(shared_store.coupons, record)


def test_a_record_past_the_limit(shared_store, write) -> None:
    with refused(shared_store, tiger.InvalidRecord, "HUGE|good", "1048576|1 MiB", "--max-record"):
        write(shared_store.coupons, {"id": "HUGE", "text": "x" * 2**20})


def test_the_limit_of_a_record_is_exact(shared_store) -> None:
    record = {"id": "A", "text": ""}
    record["text"] = "x" * (2**20 - len(msgpack.packb({**record, "text": "y" * 70_000})) + 70_000)
    assert len(msgpack.packb(record)) == 2**20
    shared_store.coupons.insert(record)
    assert shared_store.coupons.get("A") == record
    with refused(shared_store, tiger.InvalidRecord, "1048577"):
        shared_store.coupons.insert({**record, "text": record["text"] + "x"})
    assert shared_store.coupons.get("A") == record


def test_a_patch_that_makes_a_record_too_large(shared_store) -> None:
    half = "x" * (600 * 1024)
    shared_store.coupons.insert({"id": "HUGE", "a": half})
    with refused(shared_store, tiger.InvalidRecord, "HUGE", "--max-record"):
        shared_store.coupons.patch("HUGE", {"b": half})
    assert shared_store.coupons.get("HUGE") == {"id": "HUGE", "a": half}


def test_the_limit_of_a_record_can_be_raised(directory: str, serve) -> None:
    serve(directory, "--max-record", str(3 * 2**20))
    with tiger.connect(directory, autostart=False) as store:
        record = {"id": "A", "text": "x" * (2 * 2**20)}
        store.coupons.insert(record)
        assert store.coupons.get("A") == record
        with refused(store, tiger.InvalidRecord, "3145728|3 MiB"):
            store.coupons.insert({"id": "B", "text": "x" * (3 * 2**20)})


# Tables


@pytest.mark.parametrize("name", ["nonsense", "coupon", "Coupons", "", "../coupons", "tigerd"])
def test_an_unknown_table(shared_store, name: str) -> None:
    with refused(shared_store, tiger.UnknownTable, re.escape(repr(name)), "define"):
        shared_store.table(name)


def test_an_unknown_table_as_an_attribute(shared_store) -> None:
    with refused(shared_store, tiger.UnknownTable, "nonsense", "define"):
        _ = shared_store.nonsense
    assert not hasattr(shared_store, "nonsense")


# Lists


@pytest.mark.parametrize("limit", [0, -1, -(2**70), "abc", "10", 10.5, 10.0, True, False, [5]])
def test_a_limit_that_is_no_positive_integer(shared_store, limit: Any) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, ValueError, re.escape(repr(limit)), "100|integer"):
        shared_store.coupons.list(limit=limit)


def test_both_cursors(shared_store) -> None:
    shared_store.coupons.insert_many([{"id": "A"}, {"id": "B"}, {"id": "C"}])
    with refused(shared_store, ValueError, "starting_after", "ending_before"):
        shared_store.coupons.list(starting_after="C", ending_before="A")


CURSORS = pytest.mark.parametrize("argument", ["starting_after", "ending_before"])


@CURSORS
def test_an_unknown_cursor(shared_store, argument: str) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidCursor, "nobody", "coupons", "use the id"):
        shared_store.coupons.list(**{argument: "nobody"})


@CURSORS
def test_an_unknown_cursor_of_an_empty_table(shared_store, argument: str) -> None:
    with refused(shared_store, tiger.InvalidCursor, "nobody"):
        shared_store.coupons.list(**{argument: "nobody"})


@CURSORS
def test_a_cursor_that_was_deleted(shared_store, argument: str) -> None:
    shared_store.coupons.insert_many([{"id": "A"}, {"id": "GONE"}, {"id": "B"}])
    assert shared_store.coupons.list(**{argument: "GONE"}).data
    shared_store.coupons.delete("GONE")
    with refused(shared_store, tiger.InvalidCursor, "GONE"):
        shared_store.coupons.list(**{argument: "GONE"})


@CURSORS
@pytest.mark.parametrize("cursor", ["", 5, b"A", ["A"], "x" * 256, "\ud800", True], ids=ascii)
def test_a_cursor_that_can_be_no_id(shared_store, argument: str, cursor: Any) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, ValueError, ".*"):
        shared_store.coupons.list(**{argument: cursor})


@pytest.mark.parametrize("value", [float("nan"), 2**64, b"x", {1: 2}, "\ud800"], ids=repr)
def test_a_value_that_no_record_can_hold_is_not_searched_for(shared_store, value: Any) -> None:
    shared_store.payouts.insert({"id": "A", "status": "x"})
    for call in (
        lambda: shared_store.payouts.list(status=value),
        lambda: shared_store.payouts.find_by_status(value),
        lambda: shared_store.payouts.find_by("other", value),
    ):
        with refused(shared_store, tiger.InvalidRecord):
            call()


# Arguments of other kinds


@pytest.mark.parametrize("version", [-1, 1 << 64, 2**70, "1", True], ids=repr)
def test_a_version_that_none_is(shared_store, version: Any) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, str(version), r"version\(id\)"):
        shared_store.coupons.update({"id": "A"}, if_version=version)


@pytest.mark.parametrize(
    "definition",
    [
        {"name": Unknown},
        {"name": "a\ud800"},
        {"name": []},
        {"prefix": Unknown},
        {"prefix": "\ud800"},
        {"url": 5},
        {"indexes": 5},
        {"indexes": [Unknown]},
        {"indexes": [[]]},
        {"indexes": ["\udc00"]},
        {"indexes": "name"},
    ],
    ids=ascii,
)
def test_a_table_that_cannot_be_defined(shared_store, definition: dict[str, Any]) -> None:
    with refused(shared_store, tiger.InvalidRecord, "table|surrogate"):
        shared_store.define(**{"name": "gadgets", **definition})
    assert "gadgets" not in shared_store.tables()


@pytest.mark.parametrize("name", [[], 5, None, {}, "\ud800"], ids=ascii)
def test_a_table_of_a_name_that_none_has(shared_store, name: Any) -> None:
    with refused(shared_store, tiger.UnknownTable, "tigerd tables"):
        shared_store.table(name)


@pytest.mark.parametrize("field", [[], 5, None], ids=repr)
def test_a_field_that_none_is(shared_store, field: Any) -> None:
    with refused(shared_store, tiger.InvalidRequest, "field", "name"):
        shared_store.coupons.find_by(field, 1)


@pytest.mark.parametrize("mark", [None, 5, "mark"], ids=repr)
def test_a_mark_that_none_is(shared_store, mark: Any) -> None:
    with refused(shared_store, tiger.InvalidRequest, repr(mark), r"store\.mark\(\)"):
        shared_store.rollback(mark)
    if mark is not None:
        with refused(shared_store, tiger.InvalidRequest, repr(mark), r"store\.mark\(\)"):
            shared_store.changes(since=mark)


@pytest.mark.parametrize("timeout_s", [None, "5", -1, 0, float("nan"), True, [5]], ids=repr)
def test_a_time_in_which_nothing_can_be_answered(
    shared_directory, shared_store, timeout_s: Any
) -> None:
    with refused(shared_store, tiger.InvalidRequest, "timeout_s", "more than 0"):
        tiger.connect(shared_directory, timeout_s=timeout_s)


@pytest.mark.parametrize("timeout_s", ["a", -1, float("nan"), [1]], ids=repr)
def test_a_watch_for_no_time_is_refused_at_once(shared_store, timeout_s: Any) -> None:
    with refused(shared_store, tiger.InvalidRequest, "timeout_s"):
        shared_store.watch(timeout_s)


def test_no_record_has_an_id_that_is_none(shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    for identity in ("\ud800", "", 5, None, []):
        assert identity not in shared_store.coupons


# Requests that are too large


def test_more_records_than_one_request_may_have(
    shared_store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon would drop it, and never say so."""
    monkeypatch.setattr(protocol, "OPERATIONS_MAX", 100)  # of this client
    items = ({"id": f"{number:x}"} for number in range(101))
    with refused(shared_store, tiger.InvalidRequest, "101", "several batches"):
        shared_store.coupons.insert_many(items)


def test_more_writes_than_one_request_may_have(
    shared_store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "OPERATIONS_MAX", 100)  # of this client

    def insert(first: int, second: int) -> None:
        with shared_store.batch() as batch:
            batch.coupons.insert_many({"id": f"c{number}"} for number in range(first))
            for number in range(second):
                batch.coupons.insert({"id": f"c{number}"})

    for first, second in ((101, 1), (1, 100)):
        with refused(shared_store, tiger.InvalidRequest, "101", "several batches"):
            insert(first, second)
    insert(100, 99)
    assert shared_store.coupons.count() == 100


# Namespaces

BAD_NAMES = [
    ("", "''", "1 to 255"),
    ("x" * 256, "256", "255"),
    ("é" * 128, "256", "255"),
    (5, "5", "string"),
    (b"bytes", "bytes", "string"),
    ("line\nbreak", r"line\\nbreak", "control"),
    ("\udfff", r"\\udfff", "surrogate|UTF-8"),
]
NAMING: dict[str, Callable[[Any, Any], Any]] = {
    "namespace": lambda store, name: store.namespace(name),
    "clear_namespace": lambda store, name: store.clear_namespace(name),
    "table.clear_namespace": lambda store, name: store.coupons.clear_namespace(name),
    "table.list_namespace": lambda store, name: store.coupons.list_namespace(name),
}


@pytest.mark.parametrize("call", NAMING)
@pytest.mark.parametrize(("name", "value", "remedy"), BAD_NAMES, ids=lambda v: ascii(v)[:16])
def test_a_name_that_no_namespace_may_have(shared_store, call, name, value, remedy) -> None:
    shared_store.coupons.insert({"id": "A"})
    with refused(shared_store, tiger.InvalidRecord, value, remedy):
        NAMING[call](shared_store, name)


@pytest.mark.parametrize("name", ["", "x" * 256, 5, "\n"], ids=lambda name: ascii(name)[:8])
def test_connecting_to_a_namespace_of_a_bad_name(shared_directory, shared_store, name) -> None:
    with refused(shared_store, tiger.InvalidRecord):
        tiger.connect(shared_directory, namespace=name)


# Directories


def test_a_directory_open_to_others(directory: str) -> None:
    os.chmod(directory, 0o755)
    with pytest.raises(tiger.TigerError, match=r"0?700") as caught:
        tiger.connect(directory)
    assert directory in str(caught.value)
    assert os.listdir(directory) == []


def test_a_directory_of_someone_else(directory: str) -> None:
    """Root's `/usr`, or, for root, one given away."""
    place = "/usr"
    if os.getuid() == 0:
        place = os.path.join(directory, "given")
        os.mkdir(place, 0o700)
        os.chown(place, 12345, 12345)
    with pytest.raises(tiger.TigerError, match=r"TIGERD_DIR|own") as caught:
        tiger.connect(place)
    assert place in str(caught.value)
    if place != "/usr":
        assert os.listdir(place) == []


def test_a_link_to_a_directory_open_to_others(directory: str) -> None:
    """It is no way round the rule."""
    target, link = os.path.join(directory, "open"), os.path.join(directory, "link")
    os.mkdir(target)
    os.chmod(target, 0o755)
    os.symlink(target, link)
    with pytest.raises(tiger.TigerError) as caught:
        tiger.connect(link)
    assert link in str(caught.value)
    assert os.listdir(target) == []


def test_a_directory_that_is_a_file(directory: str) -> None:
    place = os.path.join(directory, "file")
    Path(place).write_text("mine")
    with pytest.raises(tiger.TigerError, match="directory") as caught:
        tiger.connect(place)
    assert place in str(caught.value)
    assert Path(place).read_text() == "mine"


def test_a_path_too_long_for_a_socket(directory: str) -> None:
    place = os.path.join(directory, "x" * 120)
    with pytest.raises(tiger.TigerError, match=r"(?s)10[0-9].*(short|TIGERD_DIR)") as caught:
        tiger.connect(place)
    assert "xxxxx" in str(caught.value)
    assert os.listdir(directory) == []


def test_a_segment_of_another_version(directory: str, tigerd) -> None:
    """The control segment says version 999; every way in says so, and nothing is written."""
    from tiger.format import layout

    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
    assert tigerd("stop", directory=directory).returncode == 0
    control = Path(directory) / "control"
    content = bytearray(control.read_bytes())
    words = memoryview(content).cast("Q")
    assert words[layout.HEADER_VERSION] == layout.VERSION
    words[layout.HEADER_VERSION] = 999
    control.write_bytes(content)

    for autostart in (False, True):
        with pytest.raises(tiger.LayoutMismatch, match="999") as caught:
            tiger.connect(directory, autostart=autostart)
        assert directory in str(caught.value)
    for command in (["start"], ["check"], ["get", "coupons", "A"]):
        completed = tigerd(*command, directory=directory)
        assert completed.returncode == 4
        assert "999" in completed.stderr
    assert control.read_bytes() == bytes(content)
    assert tigerd("status", directory=directory).returncode in (1, 4)


# Daemons: test_processes.py has those that are busy, stopped, dead, and started five at a time


def test_no_daemon_and_no_instance(directory: str) -> None:
    with pytest.raises(tiger.DaemonUnavailable, match="tigerd start") as caught:
        tiger.connect(directory, autostart=False)
    assert directory in str(caught.value)


def test_a_command_that_an_error_names_can_be_typed(directory: str, tigerd) -> None:
    place = Path(directory, "of two words")

    def is_told(call: Callable[[], Any]) -> bool:
        with pytest.raises(tiger.DaemonUnavailable) as caught:
            call()
        command = str(caught.value).split("`")[1]
        return shlex.split(command) == ["tigerd", "start", "--dir", str(place)]

    assert is_told(lambda: tiger.connect(place, autostart=False))
    place.mkdir(mode=0o700)
    assert is_told(lambda: tiger.connect(place, autostart=False))
    assert tigerd("start", directory=str(place)).returncode == 0
    with tiger.connect(place, autostart=False) as store:
        assert tigerd("stop", directory=str(place)).returncode == 0
        assert is_told(lambda: store.coupons.insert({"id": "A"}))


# Shared memory that is full


@pytest.mark.parametrize("size", [500, 90_000], ids=["small records", "large records"])
def test_shared_memory_that_is_full(directory: str, run_program, size: int) -> None:
    """Never a signal: a typed error that says how much is there; deletes and clears still work."""
    answer = run_program(
        shortages.fills_and_empties, directory, size, prefix=small_file_system(directory, "6m")
    )
    error = answer.pop("error")
    assert error is not None
    assert re.search(r"\bMiB\b", error)
    assert directory in error
    assert re.search(r"--shm-size|TIGERD_DIR", error)
    assert {what for what, so in answer.items() if not so} == set()


def test_shared_memory_that_is_full_of_what_may_go_takes_a_write(
    directory: str, run_program
) -> None:
    """What a snapshot held is taken away by the write that needs the room, not some time later."""
    answer = run_program(
        shortages.writes_after_snapshot, directory, prefix=small_file_system(directory, "6m")
    )
    written, count = answer
    assert written > 20
    assert count == 21


def test_shared_memory_too_small_to_begin_with(directory: str, run_program) -> None:
    error = run_program(
        shortages.error_of_connect, directory, prefix=small_file_system(directory, "128k")
    )
    assert error is not None
    assert directory in error
    assert re.search(r"--shm-size|TIGERD_DIR", error)


# Frames

HUGE = bytes(65 * 2**20)
PING = 1 << 40  # a request's number
LOST_MS = 500
FRAMES = {
    "empty": [b""],
    "not msgpack": [b"\xc1\xff\xfe"],
    "text": [b"GET / HTTP/1.1\r\n\r\n"],
    "an integer": [msgpack.packb(5)],
    "an empty list": [msgpack.packb([])],
    "an empty object": [msgpack.packb({})],
    "nulls": [msgpack.packb([None] * 8)],
    "truncated": [msgpack.packb(["insert", {"id": "x" * 100}])[:-20]],
    "trailing bytes": [msgpack.packb([1, 2]) + b"\x00"],
    "a list that claims four billion items": [b"\xdd\xff\xff\xff\xff"],
    "nested lists that claim many": [b"\xdd\x00\x00\xff\xff" * 1_000],
    "nested lists that each claim a million": [b"\xdd\x00\x10\x00\x00" * 210_000],
    "depth": [b"\x91" * 100_000],
    "extension": [msgpack.packb(msgpack.ExtType(42, b"x" * 50))],
    "pickle": [pickle.dumps(os.getpid)],
    "many frames": [b"a"] * 50,
    "command of nobody": [msgpack.packb([1, "no such command", {}])],
    "random": [random.Random(7).randbytes(200)],
    "huge": [HUGE],
    "huge among small ones": [b"\xc0", HUGE, b"\xc0"],
}


@pytest.mark.parametrize("frames", FRAMES)
def test_frames_that_are_no_command(shared_store, shared_directory, tigerd, frames: str) -> None:
    """Sent straight to the socket, between two writes of a client that behaves."""
    shared_store.coupons.insert({"id": "before"})
    before = shared_store.ping()
    where = json.loads(tigerd("where", directory=shared_directory).stdout)
    address = "ipc://" + where["socket"].removeprefix("ipc://")
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(address)
        for _ in range(3):
            dealer.send_multipart(FRAMES[frames])
        # What comes after them is answered when they were taken, unless they ended the connection.
        dealer.send(protocol.pack([protocol.VERSION, 5, -1, PING, True, [[protocol.PING]]]))
        while dealer.poll(LOST_MS):
            if protocol.unpack(dealer.recv())[0] == PING:
                break

    after = shared_store.ping()
    assert (after["pid"], after["commit"]) == (before["pid"], before["commit"])
    shared_store.coupons.insert({"id": "after"})
    assert [record["id"] for record in shared_store.coupons] == ["after", "before"]


def test_a_peer_that_does_not_speak_zeromq(shared_store, shared_directory, tigerd) -> None:
    before = shared_store.ping()
    where = json.loads(tigerd("where", directory=shared_directory).stdout)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4_096), b"\xff" * 64, b""):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(1)
            peer.connect(where["socket"].removeprefix("ipc://"))
            with contextlib.suppress(OSError):
                peer.sendall(noise)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1_024)
    after = shared_store.ping()
    assert (after["pid"], after["commit"]) == (before["pid"], before["commit"])
    shared_store.coupons.insert({"id": "after"})


def test_peers_that_come_and_go(shared_store, shared_directory, tigerd) -> None:
    """None of them is remembered for ever: the daemon still answers, and can open files."""
    before = shared_store.ping()
    where = json.loads(tigerd("where", directory=shared_directory).stdout)
    for _ in range(2_000):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(where["socket"].removeprefix("ipc://"))
    with tiger.connect(shared_directory) as late:
        assert late.ping()["pid"] == before["pid"]
        late.namespace(shared_store.current_namespace).coupons.insert({"id": "A"})
    assert shared_store.coupons.count() == 1
