"""The daemon's compiled part makes the same stores in the same order as what is in Python."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.daemon import DRAIN, Daemon, Step
from tests.support.file_system import new_directory
from tests.support.model import clear_namespace, create, delete, fork, put, put_many
from tests.support.scenarios import CUSTOMERS, INVOICES, SCENARIOS, invoice, wide
from tests.support.seeds import new_random
from tests.support.simulation import recorded
from tiger.errors import AlreadyExists, Conflict, Sealed
from tiger.format import protocol
from tiger.format.memory import is_at
from tiger.format.record import Record
from tiger.reading import table_reader
from tigerd.engine import applying, facts, index, lists, table

compiled = pytest.importorskip(
    "tigerd.engine.compiled", reason="there was no compiler to install it"
)

PARTS = (
    (facts, "_facts_of", compiled.facts_of),
    (index, "_move", compiled.move),
    (lists, "_walk", compiled.walk),
    (table, "_put", compiled.put),
    (applying, "_write", compiled.write),
)


@contextmanager
def counted(called: list[str], *, leaving_out: bool) -> Iterator[None]:
    """Note which compiled functions did something, or let none of them do anything."""

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            result = None if leaving_out else function(*arguments)
            if result is not None:
                called.append(name)
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name, function in PARTS:
            patch.setattr(module, name, counting(name, function))
        # A look at the index orders loads, which are a reader's.
        patch.setattr(table_reader, "memory", SimpleNamespace(is_at=is_at, fence=lambda: None))
        yield


def play(base: Path, steps: list[Step], *, leaving_out: bool) -> tuple[list[Any], dict[str, bytes]]:
    """Return every change of shared memory that the steps make of a copy of an instance."""
    directory = base.with_name("copy")
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(base, directory)
    called: list[str] = []
    with counted(called, leaving_out=leaving_out):
        daemon = Daemon(directory)
        with recorded() as events:
            for step in steps:
                with suppress(AlreadyExists, Conflict, Sealed):
                    daemon.do(step)
        daemon.do([put(CUSTOMERS, "late", "x")])  # and with nobody looking
    assert bool(called) is not leaving_out
    files = sorted(path for path in directory.rglob("*.*") if path.is_file())
    return events, {path.name + path.parent.name: path.read_bytes() for path in files}


def check(steps: list[Step]) -> None:
    with new_directory() as place:
        Daemon(place / "base")
        events, files = play(place / "base", steps, leaving_out=False)
        events_in_python, files_in_python = play(place / "base", steps, leaving_out=True)
        assert events == events_in_python
        assert files == files_in_python


# Not those that go back to a moment that a reader of one instance holds.
@pytest.mark.parametrize("name", [name for name in SCENARIOS if SCENARIOS[name].mark is None])
def test_in_each_scenario(name: str) -> None:
    scenario = SCENARIOS[name]
    check([*scenario.base, *scenario.warm, scenario.step])


def some_step(random: Random, names: list[str]) -> Step:
    """Write, delete or clear something, mostly in the order of `created`."""
    namespace = random.choice(names)
    identity = f"i{random.randrange(400)}"
    created = random.choice([None, 1.5, 7, 2**60 + 1, *[1000 + len(names)] * 20])
    content = invoice(identity, created, random.choice(["a", "b", 1, None, ["c"]]))  # type: ignore[arg-type]
    match random.randrange(40):
        case 0:
            return DRAIN
        case 1:
            return [clear_namespace(None, random.choice("ab"))]
        case 2 | 3 | 4:
            return [delete(INVOICES, namespace, identity)]
        case 5 | 6:
            many = [{**content, "id": f"m{random.randrange(400)}"} for _ in range(40)]
            return [put_many(INVOICES, namespace, many)]
        case 7:
            return random.choice(wide(20, "a"))
        case 8:
            return [put(INVOICES, namespace, **content), delete(INVOICES, namespace, identity)]
        case 9 | 10 | 11 | 12:
            return some_batch(random, namespace, content)
        case 13:
            return [create(INVOICES, namespace, **content)]
        case _:
            return [put(INVOICES, namespace, **content)]


def some_batch(random: Random, namespace: str, content: Record) -> Step:
    """Write some records of two tables together, if what is expected of them is so."""
    number = random.randrange(400)
    expected = random.choice([None, None, random.randrange(600)])
    return [
        [protocol.EXPECT, INVOICES, namespace, content["id"], expected],
        put(INVOICES, namespace, **content),
        create(CUSTOMERS, namespace, f"u{number}", email=f"e{random.randrange(50)}"),
        put_many(INVOICES, namespace, [{**content, "id": f"i{number}"}]),
        [*put(CUSTOMERS, random.choice("abc"), f"v{number % 9}"), expected],
    ]


def test_in_long_runs() -> None:
    random = new_random()
    names = ["a", "b", "c"]
    seeds = [invoice(f"i{n}", 1000 + n % 3, "a") for n in range(0, 400, 7)]
    steps: list[Step] = [[put_many(INVOICES, "parent", seeds)], [fork("parent", "c")]]
    check([*steps, *(some_step(random, names) for _ in range(1500))])


def test_a_key_that_an_index_may_not_have_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_has_hash", compiled.has_hash)
    random = new_random()
    absent = 0
    with new_directory() as place:
        daemon = Daemon(place)
        for _ in range(1000):
            with suppress(AlreadyExists, Conflict):
                daemon.do(some_step(random, ["a", "b"]))
            here = daemon.writer.tables.get(INVOICES)
            name, key = random.choice("ab"), f"i{random.randrange(500)}".encode()
            space = here and here.namespaces.get(name)
            if here and space:
                found = here.reader.newest(space.scope, key)
                may_have = here.index.may_have(space.scope, key)
                assert may_have or found is None
                absent += not may_have
    assert absent > 100
