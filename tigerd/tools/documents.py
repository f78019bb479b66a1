"""Reading JSON that people and programs wrote: records for `put`, whole namespaces for `load`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, BinaryIO

from tiger import Store
from tiger.errors import InvalidRecord, TigerError, UnknownTable
from tiger.format import layout, record
from tiger.reading.reader import Reader

Records = list[dict[str, Any]]

OVERHEAD = 16
"""Bytes that a record, or an operation, may take in a frame beside its own."""

NAMELESS = "a record"
"""The name of a record without an id in errors that also give its position."""

BLANK = " \t\r\n"


DOCUMENT_MAX = 1 << 30
"""Bytes of JSON that are read at once; the records in them take several times as much."""


class InvalidDocument(TigerError, ValueError):
    """The input is invalid; nothing was written."""


def read_document(file: BinaryIO, name: str, most: int = DOCUMENT_MAX) -> bytes:
    """Return the contents of a file, or raise `InvalidDocument` if it is larger than a limit."""
    data = file.read(most + 1)
    if len(data) > most:
        raise InvalidDocument(
            f"{name} has more than {most:,} bytes, the most that is read at once: split it"
        )
    return data


def parse_records(data: bytes, name: str) -> Records:
    """Return the records in an object, an array of objects, or one object after another.

    `name` is the name of the input in errors.
    """
    documents = _parse(data, name)
    if len(documents) == 1 and isinstance(documents[0], list):
        documents = documents[0]
    elif not documents:
        raise InvalidDocument(f'{name} is empty: give a record, as {{"id": "A"}}')
    for place, document in enumerate(documents):
        if not isinstance(document, dict):
            raise InvalidDocument(
                f"{name}: record {place} is {_kind(document)}: a record is an object"
            )
    return documents


def parse_tables(data: bytes, name: str) -> dict[str, Records]:
    """Return the records of each table in a document of `tigerd dump`."""
    documents = _parse(data, name)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        found = _kind(documents[0]) if len(documents) == 1 else f"{len(documents)} documents"
        raise InvalidDocument(f'{name} holds {found}: use one object, {{"coupons": [...]}}')
    return check_shape(documents[0], name)


def check_shape(tables: dict[str, Any], name: str) -> dict[str, Records]:
    """Return tables if they are lists of objects by name."""
    for table, records in tables.items():
        if not isinstance(table, str):
            raise InvalidDocument(f"{name}: {table!r:.80} is not a table: use its name, a string")
        if not isinstance(records, list):
            raise InvalidDocument(f"{name}: {table} is {_kind(records)}: use an array of records")
        for place, item in enumerate(records):
            if not isinstance(item, dict):
                raise InvalidDocument(
                    f"{name}: {table}[{place}] is {_kind(item)}: a record is an object"
                )
    return tables


def check_tables(
    store: Store,
    tables: dict[str, Records],
    name: str,
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Return the bytes of a request with all the records; raise for the first that is invalid.

    `advance` is told of every record that was looked at.
    """
    max_record = max_record_of(store)
    size = OVERHEAD
    for table, records in tables.items():
        try:
            store.table(table)
        except UnknownTable as error:
            raise UnknownTable(f"{name}: {error}") from None
        seen: dict[str, int] = {}
        for place, item in enumerate(records):
            try:
                size += size_of(item, max_record) + OVERHEAD
            except InvalidRecord as error:
                raise InvalidRecord(f"{name}: {table}[{place}]: {error}") from None
            first = seen.setdefault(item["id"], place) if "id" in item else place
            if first != place:
                raise InvalidDocument(
                    f"{name}: {table}[{place}] has the id {item['id']!r} of {table}[{first}]: "
                    f"leave one of them out"
                )
            advance(1)
        size += len(table) + OVERHEAD
    return size


def max_record_of(store: Store) -> int:
    """Return the most bytes that a record of the instance may have."""
    reader = Reader(store.directory)
    try:
        return reader.words[layout.MAX_RECORD]
    finally:
        reader.close()


def size_of(item: dict[str, Any], max_record: int) -> int:
    """Return a record's bytes, or raise `InvalidRecord`; one without an id is to get one."""
    if "id" in item:
        return len(record.encode(item, max_record)[1])
    item = {"id": "x" * layout.KEY_MAX, **item}
    try:
        return len(record.encode_body(item, NAMELESS, max_record))
    except InvalidRecord as error:
        raise InvalidRecord(str(error).removeprefix(NAMELESS).lstrip(",: ")) from None


def _parse(data: bytes, name: str) -> list[Any]:
    """Return all documents of a text."""
    decoder = json.JSONDecoder(object_pairs_hook=_to_object)
    documents = []
    try:
        text = data.decode(json.detect_encoding(data))
        at = _skip_blank(text, 0)
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            documents.append(document)
            at = _skip_blank(text, at)
    except RecursionError:
        raise InvalidDocument(
            f"{name} is nested too deep: a record has {record.DEPTH_MAX} levels at most"
        ) from None
    except ValueError as error:
        why = str(error).partition(";")[0]  # what follows is advice to programmers
        raise InvalidDocument(f"{name} is not JSON: {why}") from None
    return documents


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at


def _to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, unless a key appears twice: one of the values would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r:.80} appears twice in one object: keep one")
            seen.add(key)
    return found


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "a number"
    return kinds.get(type(value), f"of type {type(value).__name__}")
