"""What scripts/pages.py writes is what it would write now."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import tiger
import tigerstripe
from scripts import pages
from tiger.batch import BatchTable
from tiger.snapshot import SnapshotTable


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_generated_files_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages.PAGES[path](), (
        "run `.venv/bin/python scripts/pages.py`"
    )


def test_every_public_name_is_on_the_page_of_all_calls() -> None:
    text = pages.CALLS.read_text(encoding="utf-8")
    for name in set(tiger.__all__) - {"aio", "__version__"}:
        assert re.search(rf"^#.*\b{name}\b", text, re.MULTILINE), name
    for kind, owner in pages.SECTIONS.values():
        for name, value in pages.members(kind):
            assert pages.text_of(value), f"{kind.__name__}.{name} has no docstring"
            if name not in pages.SPECIAL:
                assert f"{owner}.{name}" in text
    text = pages.STRIPE_CALLS.read_text(encoding="utf-8")
    for name in tigerstripe.__all__:
        assert f"tigerstripe.{name}(" in text or f"## {name}\n" in text or f"### `{name}`" in text


def test_every_call_says_what_it_raises() -> None:
    """Or that it raises nothing; a call that is another one's twin names that one."""
    silent = []
    for connect in (tiger.connect, tiger.aio.connect):
        if "aises" not in pages.text_of(connect):
            silent.append(f"{connect.__module__}.connect")
    for kind, _ in [*pages.SECTIONS.values(), *pages.STRIPE_SECTIONS.values()]:
        for name, value in pages.members(kind):
            text = pages.text_of(value) or pages.text_of(inspect.unwrap(value))
            is_told = re.search(r"\b[Rr]aises?\b|\bAs `", text)
            if not (isinstance(value, pages.PROPERTIES) or is_told):
                silent.append(f"{kind.__name__}.{name}")
    assert silent == []


def test_each_class_says_what_threads_and_forked_children_may_do() -> None:
    """But those that are plain data."""
    data = {tiger.Page, tiger.Differences, tiger.Difference, tiger.Commit, tiger.Change}
    within = {BatchTable, SnapshotTable}  # of a batch, and of a snapshot, which say so
    for kind, _ in pages.SECTIONS.values():
        text = pages.text_of(kind)
        is_told = re.search(r"\b[Tt]hreads?\b|\btasks\b", text)
        assert is_told or kind in data | within, kind


def test_no_docstring_speaks_of_a_page_that_is_not_there() -> None:
    """A reader of a docstring looks for the page that it names."""
    there = {path.name for path in pages.PROJECT.rglob("*.md") if ".venv" not in path.parts}
    for folder in ("client", "tigerd"):
        for path in (pages.PROJECT / folder).rglob("*.py*"):
            if path.suffix in (".py", ".pyx", ".pyi", ".pxi"):
                named = set(re.findall(r"[\w-]+\.md\b", path.read_text(encoding="utf-8")))
                assert named <= there, path


def test_links_of_the_documents_lead_somewhere() -> None:
    folders = [pages.PROJECT / name for name in ("benchmarks", "docs", "examples", "tests")]
    below = (path for folder in folders for path in folder.rglob("*.md"))
    for path in (*pages.PROJECT.glob("*.md"), *below):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_page_of_the_design_lists_all_that_is_compiled() -> None:
    text = (pages.PROJECT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = text.partition("\n| compiled |")[2].partition("\n\n")[0].splitlines()
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    paths = (path for name in ("client", "tigerd") for path in (pages.PROJECT / name).rglob("*.py"))
    sources = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert listed == set(re.findall(r'compiled\(\s*"[\w.]+", "(\w+)"', sources))


@pytest.mark.parametrize("room", ["payments", "billing"])
def test_the_page_of_stripe_names_each_module_of_a_room(room: str) -> None:
    text = (pages.PROJECT / "docs" / "stripe.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {room.capitalize()}\n")[2].partition("\n## ")[0]
    there = {path.name for path in (pages.PROJECT / "client/tigerstripe" / room).glob("[a-z]*.py")}
    assert there <= set(re.findall(r"\w+\.py\b", section))
