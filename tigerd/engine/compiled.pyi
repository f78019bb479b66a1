from typing import Any

from tiger.format.version import Version
from tigerd.engine.facts import ValueKey
from tigerd.engine.namespaces import Namespace
from tigerd.engine.plan import Effect, Target
from tigerd.engine.segments import WritableSegment
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Writer

wake: Any

def take_turns(ns: int) -> bool: ...
def watch(on: bool) -> None: ...
def facts_of(
    body: bytes, fields: tuple[str, ...]
) -> tuple[bytes, tuple[float, int], list[ValueKey]] | None: ...
def parse(
    frame: bytes, version: int, numbers_end: int
) -> tuple[int, int, int, bool, list[Any]] | None: ...
def has_hash(index: WritableSegment, scope: int, key: bytes) -> bool: ...
def move(
    previous: WritableSegment,
    current: WritableSegment,
    chunks: dict[int, Any],
    start: int,
    stop: int,
) -> bool: ...
def walk(
    chunks: dict[int, Any],
    newer: int,
    older: int,
    index: int,
    order: tuple[float, int, int],
    steps: int,
) -> tuple[int, int]: ...
def put(
    table: WritableTable,
    namespace: Namespace,
    effect: Effect,
    order: tuple[float, int, int],
    beside: Version | None,
    kept: dict[int, bytes],
    commit: int,
) -> int | None: ...
def write(
    writer: Writer, operations: list[Any], slot: int, request: int
) -> list[Target] | None: ...
