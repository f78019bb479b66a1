"""A module imports from the rooms beneath its own: docs/design.md and docs/stripe.md show them."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

import tiger
from tiger.aio import AsyncTable
from tiger.format.speedups import are_used
from tiger.snapshot import SnapshotTable
from tiger.wire import connection

PROJECT = Path(__file__).parents[2]
ROOTS = {
    "tiger": PROJECT / "client" / "tiger",
    "tigerd": PROJECT / "tigerd",
    "tigerstripe": PROJECT / "client" / "tigerstripe",
}

GROUND = {
    "tiger": {"__about__", "errors", "nearest", "shortage", "shown", "system"},
    "tigerd": set[str](),
    "tigerstripe": {"arguments", "errors", "ids", "keys", "money", "records"},
}
"""Modules that stand under all rooms of their package; the files beside them are its front."""

BENEATH: dict[str, set[str]] = {
    "tiger.ground": set(),
    "tiger.format": {"tiger.ground"},
    "tiger.place": {"tiger.format", "tiger.ground"},
    "tiger.reading": {"tiger.place", "tiger.format", "tiger.ground"},
    "tiger.wire": {"tiger.reading", "tiger.place", "tiger.format", "tiger.ground"},
    "tiger.front": {"tiger.wire", "tiger.reading", "tiger.place", "tiger.format", "tiger.ground"},
}
LIBRARY = set(BENEATH)
BENEATH |= {
    "tigerd.engine": {"tiger.reading", "tiger.place", "tiger.format", "tiger.ground"},
    "tigerd.log": {"tiger.format", "tiger.ground"},
    "tigerd.service": {"tigerd.log", "tigerd.engine", *LIBRARY - {"tiger.front"}},
    "tigerd.tools": {"tigerd.engine", *LIBRARY},
    "tigerd.pytest": {"tigerd.service", "tigerd.tools", "tigerd.engine", *LIBRARY},
    "tigerd.cli": {"tigerd.service", "tigerd.tools", "tigerd.log", "tigerd.engine", *LIBRARY},
    "tigerd.front": {"tigerd.pytest", "tigerd.cli", "tigerd.service", *LIBRARY},
}
STRIPE: dict[str, tuple[str, ...]] = {
    "ground": (),
    "facts": ("ground",),
    "work": ("facts",),
    "objects": ("work",),
    "payments": ("objects",),
    "billing": ("payments",),
    "checkout": ("billing",),
    "resources": ("checkout",),
    "requests": ("payments",),
    "webhooks": ("requests",),
    "pages": ("resources", "requests"),
    "front": ("pages", "webhooks"),
    "http": ("front",),
    "triggers": ("front",),
    "bootstrap": ("front",),
}
"""Of each room of tigerstripe those right beneath it; it may import from all beneath these, too."""
for _room, _next in STRIPE.items():
    _names = [f"tigerstripe.{each}" for each in _next]
    _all = {"tiger.front", "tiger.ground"}.union(_names, *(BENEATH[name] for name in _names))
    BENEATH[f"tigerstripe.{_room}"] = _all
for _room in ("cli", "pytest", "front"):
    BENEATH[f"tigerd.{_room}"] |= {f"tigerstripe.{each}" for each in STRIPE}
"""From which rooms a room may import, beside itself."""


def room_of(module: str) -> str:
    """Return the room of a module, as `tiger.format` of `tiger.format.layout`."""
    package, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    if f"{package}.{name}" in BENEATH:
        return f"{package}.{name}"
    return f"{package}.ground" if name in GROUND[package] else f"{package}.front"


def modules() -> dict[str, Path]:
    """Return all modules of the packages, by name."""
    found = {}
    for package, root in ROOTS.items():
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(source: str) -> Iterator[str]:
    """Yield the modules of ours that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in names)


def runs_up(module: str, source: str) -> list[str]:
    """Return the modules that a module imports and that its room must not know."""
    room = room_of(module)
    allowed = {room, *BENEATH[room]}
    return [name for name in imported(source) if room_of(name) not in allowed]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_from_the_rooms_beneath_its_own(module: str) -> None:
    if module in ROOTS:  # a package's own file hands names on
        return
    assert runs_up(module, MODULES[module].read_text()) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("tiger.reading.reads", "from tiger.wire import session", ["tiger.wire.session"]),
        ("tiger.reading.reads", "def read():\n    import tiger.store", ["tiger.store"]),
        ("tiger.errors", "from tiger.format.layout import WORD", ["tiger.format.layout"]),
        ("tigerd.engine.writer", "from tigerd.service import server", ["tigerd.service.server"]),
        ("tigerd.engine.writer", "from tiger import connect", ["tiger"]),
        ("tigerd.tools.audit", "import tigerd.cli.output", ["tigerd.cli.output"]),
        ("tigerd.cli.check", "from tigerd.tools import audit", []),
        (
            "tigerstripe.billing.lines",
            "from tigerstripe.resources import prices",
            ["tigerstripe.resources.prices"],
        ),
        (
            "tigerstripe.work.unit",
            "from tigerstripe.objects.registry import need",
            ["tigerstripe.objects.registry"],
        ),
        (
            "tigerstripe.requests.engine",
            "from tigerstripe.account import Account",
            ["tigerstripe.account"],
        ),
        ("tigerstripe.keys", "from tigerstripe.facts import table", ["tigerstripe.facts.table"]),
        ("tigerstripe.work.scope", "from tiger.reading import reads", ["tiger.reading.reads"]),
    ],
)
def test_an_import_that_runs_up_is_found(module: str, source: str, found: list[str]) -> None:
    assert runs_up(module, source) == found


def test_no_room_stands_on_itself() -> None:
    """So that no import of one room from another runs in a circle."""
    done: set[str] = set()
    while left := {room: below - done for room, below in BENEATH.items() if room not in done}:
        free = {room for room, below in left.items() if not below}
        assert free, f"in a circle: {sorted(left)}"
        done |= free


# --- How far a call goes ---

GET = ["reading/reads.py", "reading/cache.py", "reading/table_reader.py"]
INSERT = ["table.py", "wire/requests.py", "wire/connection.py", "wire/session.py", "wire/zmtp.py"]

NO_STOP = {"format/speedups.py", "format/memory.py"}
"""A stand-in for what is not compiled, and a fence: one instruction, or none."""


def files_passed(call: Callable[[], object]) -> list[str]:
    """Return the files of the library that a call passes, each where it comes first."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOTS["tiger"]):
            name = str(path.relative_to(ROOTS["tiger"]))
            if name not in found and name not in NO_STOP:
                found.append(name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def test_a_first_get_passes_four_files_and_an_insert_six(
    shared_store: tiger.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiled part is one of them, which the profiler does not see."""
    coupons = shared_store.coupons
    coupons.insert_many({"id": f"c{number}"} for number in range(9))
    coupons.get("c1")
    looking = shared_store._attached.connection._looking
    monkeypatch.setattr(looking, "is_worth_it", lambda: True)  # as where cores are free
    monkeypatch.setattr(looking, "_longest_s", 60.0)
    monkeypatch.setattr(connection, "LONG_TURN_S", 60.0)
    pure = [] if are_used() else ["format/record.py"]
    assert files_passed(lambda: coupons.get("c2")) == GET
    assert files_passed(lambda: coupons.insert({"id": "new"})) == [*INSERT[:2], *pure, *INSERT[2:]]


# --- How far one has to look for a method ---

BASES_MAX = 2


def bases(kind: type) -> list[type]:
    """Return the bases of a class that are ours; those of an error say what it may be caught as."""
    if issubclass(kind, BaseException):
        return []
    return [base for base in kind.__mro__[1:] if base.__module__.partition(".")[0] in ROOTS]


def test_no_class_has_more_than_two_bases_of_ours() -> None:
    for module in MODULES:
        if not module.endswith("__main__"):
            importlib.import_module(module)
    waiting: list[type] = [object]
    while waiting:
        below = type.__subclasses__(waiting.pop())
        waiting += below
        assert [kind for kind in below if len(bases(kind)) > BASES_MAX] == []


def test_no_class_that_is_only_declared_has_more_either() -> None:
    """Type checkers, and help in editors, go by `declared.pyi`."""
    declared = ast.parse((ROOTS["tiger"] / "declared.pyi").read_text())
    classes = [node for node in declared.body if isinstance(node, ast.ClassDef)]
    assert classes
    for node in classes:
        assert [ast.unparse(base) for base in node.bases] in (
            [],
            ["Table"],
            ["AsyncTable"],
            ["SnapshotTable"],
        )
    for kind in (tiger.Table, AsyncTable, SnapshotTable):
        assert len(bases(kind)) < BASES_MAX
