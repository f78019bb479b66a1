"""A module imports from the rooms beneath its own: docs/design.md and docs/stripe.md show them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOTS = {
    "tiger": PROJECT / "client" / "tiger",
    "tigerd": PROJECT / "tigerd",
    "tigerstripe": PROJECT / "client" / "tigerstripe",
}

GROUND = {
    "tiger": {"__about__", "errors", "nearest", "shortage", "shown", "system"},
    "tigerd": set[str](),
    "tigerstripe": {"arguments", "errors", "ids", "keys", "money"},
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
