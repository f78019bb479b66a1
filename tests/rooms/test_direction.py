"""`tigerd` imports `tiger`, never the other way round; and the library needs one package only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms.programs import direction

PROJECT = Path(__file__).parents[2]
LIBRARY = PROJECT / "client" / "tiger"
DAEMON = PROJECT / "tigerd"
STRIPE = PROJECT / "client" / "tigerstripe"


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    "path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY))
)
def test_the_library_imports_itself_and_msgpack_only(path: Path) -> None:
    foreign = set(imported(path)) - set(sys.stdlib_module_names)
    assert foreign <= {"tiger", "msgpack"}


def test_a_client_never_loads_zeromq(directory: str, run_program) -> None:
    """It takes as long as all else that a client loads, and its daemon has it."""
    assert run_program(direction.loads_zeromq, directory) is False


def test_aio_is_there_with_tiger_and_loaded_when_it_is_used(run_program) -> None:
    answers = run_program(direction.loads_aio)
    assert answers == [False, "connect", True, False]


@pytest.mark.parametrize(
    "path", sorted(STRIPE.rglob("*.py")), ids=lambda path: str(path.relative_to(STRIPE))
)
def test_the_fake_of_stripe_stands_on_the_library_alone(path: Path) -> None:
    foreign = set(imported(path)) - set(sys.stdlib_module_names)
    of_the_extra = {"httptools", "starlette", "stripe", "uvicorn"}
    assert foreign <= {"tiger", "tigerstripe", *of_the_extra}


def test_the_daemon_knows_nothing_of_the_fake_of_stripe() -> None:
    """But for its commands and what is for tests, which load it when it is used."""
    for path in DAEMON.rglob("*.py"):
        if "stripe" not in path.name and path.name not in ("seeds.py", "testing.py"):
            assert not {"tigerstripe", "stripe"} & set(imported(path)), path


KNOWS_NO_STORE = {"tiger.batch", "tiger.errors", "tiger.shown", "tiger.system"}
"""Types and errors of public calls, and modules that know nothing of a store."""


def test_the_fake_of_stripe_uses_public_calls_of_the_library_alone() -> None:
    for path in STRIPE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").partition(".")[0] == "tiger"
            ):
                assert node.module in {"tiger", *KNOWS_NO_STORE}, path
