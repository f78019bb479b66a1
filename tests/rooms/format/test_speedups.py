"""The compiled part answers as what is written in Python does, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.seeds import new_random
from tiger import errors
from tiger.errors import Damaged
from tiger.format import layout, protocol, record
from tiger.format.memory import Vanished
from tiger.format.protocol import CLEAR_NAMESPACE, DELETE, PUT
from tiger.format.resources import RESOURCES
from tiger.reading import reader, table_reader
from tiger.reading.filters import Match
from tiger.reading.table_reader import TableReader
from tigerd.engine import facts, walks
from tigerd.service import parsing

compiled = pytest.importorskip(
    "tiger.format.compiled", reason="there was no compiler to install it"
)
daemons = pytest.importorskip("tigerd.engine.compiled")

MAX_RECORD = 4096
FIELDS = ("active", "customer", "n")
EDGES = sorted({sign * (2**p + near) for p in range(66) for near in (-1, 0, 1) for sign in (1, -1)})

texts = st.text(max_size=40) | st.sampled_from(["", "a" * 31, "a" * 32, "é" * 128, "a" * 70_000])
scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from(EDGES)
    | st.sampled_from([-0.0, 0.0, 1e300, float(2**60), float("inf"), float("nan")])
    | st.floats()
    | texts
)
names = st.sampled_from(["id", "created", *FIELDS, "object"]) | st.text(max_size=8)
strange = st.binary(max_size=4) | st.sampled_from(["\ud800", (1, 2), {1: 2}, {None}])


def objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=20) | st.dictionaries(names, inner, max_size=20),
        max_leaves=20,
    )
    fields = dict.fromkeys(FIELDS, leaves | values)
    wanted = {"id": texts | leaves}
    return st.fixed_dictionaries(wanted, optional={"created": leaves, **fields, "more": values})


def deep(levels: int) -> dict[str, Any]:
    value: Any = {}
    for level in range(levels - 2):
        value = [value] if level % 2 else {"in": value}
    return {"id": "deep", "in": value}


LONG = [
    {f"key{n}": n for n in range(size)} | {"id": "a", "list": list(range(size))}
    for size in (15, 16, 17, 70_000)
]
BOUNDS = [deep(64), deep(65), *({"id": "a" * size} for size in (0, 1, 255, 256)), *LONG]
BOUNDS += [{"id": name} for name in ("a\x1f", "a\x7f", "a\x80", "é", "\u2028")]
BOUNDS += [{"id": "a", "n": "b" * size} for size in (31, 32, 250, 251, 252, 253, 255, 256, 5000)]
BOUNDS += [{"id": "a", "created": n, "n": n} for n in EDGES if -(2**63) <= n < 2**64]


def outcome(call: Callable[..., Any], *arguments: Any) -> str:
    """Return the result or the error of a call; 1, 1.0 and True are three answers."""
    try:
        return repr(call(*arguments))
    except (errors.TigerError, ValueError, msgpack.UnpackException) as error:
        return f"{type(error)}: {error}"


def check(module: Any, name: str, function: Any, call: Callable[[], Any]) -> None:
    """See that a call comes to the same with a compiled function in its place and with none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, function)
        result = outcome(call)
        patch.setattr(module, name, lambda *_: None)
        assert outcome(call) == result


def check_encoding(value: Any) -> None:
    check(record, "pack", compiled.pack_record, lambda: record.encode(value, MAX_RECORD))


def check_decoding(body: bytes) -> None:
    assert outcome(compiled.decode, body) == outcome(msgpack.unpackb, body)
    check(facts, "_facts_of", daemons.facts_of, lambda: facts.facts_of(body, FIELDS))


@given(objects(scalars | strange))
def test_any_record_is_encoded_or_refused_alike(value: dict[Any, Any]) -> None:
    check_encoding(value)


@given(objects(scalars), st.randoms(use_true_random=False))
def test_any_record_is_decoded_alike(value: dict[str, Any], random: Random) -> None:
    body = wasteful(value, random)
    check_decoding(body)
    cut = random.randrange(len(body))
    check_decoding(body[:cut])
    check_decoding(body[:cut] + bytes([random.randrange(256)]) + body[cut + 1 :])
    check_decoding(body + b"\xc0")


LONGER = ["cc01", "cd0001", "cdffff", "ce00000001", "cf0000000000000001", "cfffffffffffffffff"]
LONGER += ["d0ff", "d001", "d1ffff", "d2ffffffff", "d3ffffffffffffffff", "d30000000000000001"]
LONGER += ["d90161", "da000161", "db0000000161", "dc0000", "de0000", "ca3f800000"]


@pytest.mark.parametrize("value", LONGER)
def test_encodings_longer_than_need_be(value: str) -> None:
    packed = bytes.fromhex(value)
    check_decoding(b"\x82\xa2id\xa1a\xa1n" + packed)
    check_decoding(b"\x82\xa2id\xa1a\xa7created" + packed)


@pytest.mark.parametrize("value", BOUNDS, ids=lambda value: f"{value!r:.30}")
def test_bounds(value: dict[str, Any]) -> None:
    check_encoding(value)
    check_decoding(msgpack.packb(value))


@given(st.binary(max_size=40))
@example(b"")
@example(b"\x82\xa2id\xa1a\xa2id\xa1b")  # of two of one name the last one counts
@example(b"\x82\xa2id\xa1a\xa1b\x81\x01\x02")  # a number as a key
@example(b"\x82\xa2id\xa1a\xa1b\x81\xc4\x01c\x02")
@example(b"\x81\xa2id\xdb\xff\xff\xff\xff")
@example(b"\x81\xa2id\xdf\xff\xff\xff\xff")
@example(b"\x82\xa2id\xa1a\xa1b\xca\x7f\x80\x00\x00")
def test_any_bytes_are_decoded_alike(body: bytes) -> None:
    check_decoding(body)


def wasteful(value: Any, random: Random) -> bytes:
    """Return msgpack of a value, some of it longer than need be."""
    if isinstance(value, dict):
        head = _head(len(value), (0x80, 15), (0xDE, 0xDF), random)
        items = [wasteful(key, random) + wasteful(item, random) for key, item in value.items()]
        return head + b"".join(items)
    if isinstance(value, list):
        head = _head(len(value), (0x90, 15), (0xDC, 0xDD), random)
        return head + b"".join(wasteful(item, random) for item in value)
    if isinstance(value, str):
        data = value.encode(errors="replace")
        return _head(len(data), (0xA0, 31), (0xDA, 0xDB), random) + data
    if type(value) is int and -(2**31) <= value < 2**32 and random.random() < 0.3:
        code = 0xCF if value >= 0 else 0xD3
        return bytes([code]) + value.to_bytes(8, "big", signed=value < 0)
    if type(value) is int and not -(2**63) <= value < 2**64:
        value = None
    is_small = type(value) is float and abs(value) < 1e38
    return msgpack.packb(value, use_single_float=is_small and random.random() < 0.1)


def _head(size: int, short: tuple[int, int], codes: tuple[int, int], random: Random) -> bytes:
    if size <= short[1] and random.random() < 0.8:
        return bytes([short[0] | size])
    width = 2 if size < 1 << 16 and random.random() < 0.8 else 4
    return bytes([codes[width // 4]]) + size.to_bytes(width, "big")


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


numbers = st.sampled_from([0, 1, 127, 128, 1 << 55, parsing.NUMBERS_END]) | st.integers(-1, 300)
asked = st.tuples(
    st.sampled_from([protocol.VERSION] * 9 + [2]),
    numbers,
    numbers,
    numbers,
    st.booleans() | st.sampled_from([None, 1]),
    st.lists(
        st.lists(
            numbers
            | texts
            | st.sampled_from([None, True, 1.5])
            | st.binary(max_size=300)
            | st.lists(st.binary(max_size=9), max_size=600),
            max_size=5,
        )
        | st.tuples(st.sampled_from(["put", "é"]), numbers, texts, st.binary(max_size=70_000)),
        max_size=2,
    ),
)


@given(asked, st.binary(max_size=2))
@example((protocol.VERSION, 7, 0, 1, False, [("put", 1, "global", b"x")]), b"")
def test_requests(request: tuple[Any, ...], rest: bytes) -> None:
    frame = msgpack.packb(request) + rest
    check(parsing, "_parse", daemons.parse, lambda: parsing.parse(frame))
    assert daemons.parse(frame[:-1], protocol.VERSION, parsing.NUMBERS_END) is None or rest


def test_the_common_request() -> None:
    for body in (b"x" * 9, b"x" * 255, b"x" * 256, b"x" * 70_000):
        for answer in (False, True):
            request = [protocol.VERSION, 1 << 55, 63, 1 << 40, answer, [["put", 12, "a", body]]]
            parsed = daemons.parse(msgpack.packb(request), protocol.VERSION, parsing.NUMBERS_END)
            assert list(parsed) == request[1:]


@given(objects(st.booleans()))
def test_copies_share_no_container(value: dict[str, Any]) -> None:
    text = repr(value)
    for copier in (compiled.Copier(value), record.copier(value)[0], _python_copier(value)):
        first, second = copier(), copier()
        assert repr(first) == repr(second) == text
        found = [id(item) for each in (value, first, second) for item in containers(each)]
        assert len(found) == len(set(found))


def _python_copier(value: dict[str, Any]) -> Callable[[], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "_compiled_copier", None)
        return record.copier(value)[0]


@given(objects(scalars))
def test_sizes(value: dict[str, Any]) -> None:
    assert compiled.size_of(value) == record._size_of(value)


def test_first_reads() -> None:
    """Of keys that are there or not, deleted, of now or of before, while the index grows or not."""
    random = new_random()
    with new_directory() as path:
        daemon = Daemon(path)
        daemon.do([[PUT, 1, "global", msgpack.packb({"id": "first"})]])
        for turn in range(1500):
            name = f"c{random.randrange(700)}"
            body = msgpack.packb({"id": name, "text": "x" * random.randrange(300)})
            step = [[PUT, 1, "global", body], [DELETE, 1, "global", name]][random.random() < 0.2]
            daemon.do([step])
            if turn % 100 == 0:
                table = reader.Reader(path).table(1, daemon.writer.tables[1].resource.table)
                check_first_reads(daemon, table, random)
        daemon.do([[CLEAR_NAMESPACE, None, "global"]])
        check_first_reads(daemon, table, random)


def check_first_reads(daemon: Daemon, table: TableReader, random: Random) -> None:
    """Read all keys, and some that were never there."""
    scopes = daemon.writer.tables[1].namespaces.by_scope
    commit = daemon.writer.commit
    is_growing = daemon.writer.tables[1].index.previous is not None
    common = 0
    for number in range(750):
        for at in (commit, random.randrange(commit)):
            common += both_ways(table, next(iter(scopes)), f"c{number}", at)
    assert common > 500 or is_growing


def both_ways(table: TableReader, scope: int, name: str, commit: int) -> bool:
    """Read a key compiled, in Python, and as users do; return whether it was a common case."""

    def read() -> Any:
        try:
            found = table.newest_body(scope, name.encode(), commit)
        except Vanished:
            return "vanished"
        return found and (*found[1:], bytes(found[0]))

    with suppress(Vanished):
        table.newest(scope, name.encode())  # maps what is not mapped yet
    there = [table._control, table._directory_at, table._dropped_at, table._dropped]
    look = compiled.newest_body
    check(table_reader, "look", look, read)
    return look(*there, table.indexes, table.chunks, scope, name.encode(), commit) is not None


def test_lists() -> None:
    """Lists of a table and of values, at commits, from refs on; then through damaged versions."""
    random = new_random()
    with new_directory() as path:
        daemon = Daemon(path)
        resource = next(resource for resource in RESOURCES if resource.indexes)
        for _ in range(600):
            created = random.choice([1, 2, 2**60 + random.randrange(3), random.random() * 3])
            name, field = f"c{random.randrange(80)}", {resource.indexes[0]: random.choice("ab")}
            other = random.choice(["x", "y", 1])
            body = msgpack.packb({"id": name, "created": created, "other": other, **field})
            place = [resource.number, random.choice(["global", "global", "other"])]
            daemon.do([[PUT, *place, body] if random.random() < 0.7 else [DELETE, *place, name]])
        table = daemon.writer.reader.table(resource.number, resource.table)
        commit = daemon.writer.commit
        lists = list(lists_of(table, commit))
        for _ in range(400):
            at = random.choice([commit, random.randrange(commit)])
            match = Match({"other": record.value_key(random.choice(["x", 1]))})
            most = random.choice([1, 3, 1000])
            for wanted in (None, match):
                assert walks_alike(table, random.choice(lists), at, most, wanted)
        written = daemon.writer.tables[resource.number]
        chunk = written.space.chunks[1]
        refs = [version.ref for version in walks.versions_in(written, 1)]
        for _ in range(2000):
            place_at = random.randrange(layout.HEADER_WORDS, chunk.words[layout.HEADER_STATE] // 8)
            word = chunk.words[place_at]
            other = random.choice([random.choice(refs), word ^ 1 << random.randrange(64)])
            chunk.store(place_at, other)
            walks_alike(table, random.choice(lists), commit, 1000)
            chunk.store(place_at, word)


def lists_of(table: TableReader, commit: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield scope, ref, index and direction of all lists of a namespace, from any place on."""
    space: Any = table.find(layout.NAMESPACES, b"global", commit)
    yield space.number, 0, 0, layout.OLDER
    for value in ("", "a", "b"):
        index = bool(value)
        key = bytes((index,)) + record.value_key(value)
        owner: Any = table.newest(layout.VALUES | space.number, key) if value else None
        first = owner.version.first if value else space.first
        for version in table.walk(space.number, first, commit, index):
            for towards in (layout.OLDER, layout.NEWER):
                yield space.number, version.ref, index, towards


def walks_alike(
    table: TableReader,
    place: tuple[int, int, int, int],
    commit: int,
    most: int,
    match: Match | None = None,
) -> bool:
    """Walk compiled, in Python, and as users do; return whether it was a common case."""
    scope, ref, index, towards = place

    def read() -> Any:
        try:
            return table.bodies(scope, ref, commit, index, towards, most, match)
        except (Vanished, Damaged) as error:
            return type(error)

    check(table_reader, "along", compiled.bodies_along, read)
    link, is_older = towards - 2 * index, towards == layout.OLDER
    found = compiled.bodies_along(
        table.chunks, scope, ref, commit, link, is_older, most, match.texts if match else (), match
    )
    return found is not None


@pytest.mark.parametrize("setting", ["", "1"])
def test_it_can_be_left_out(setting: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tigerd", "version", "--json"],
        check=True,
        env={**os.environ, "TIGERD_PURE": setting},
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["compiled"] is (not setting)
