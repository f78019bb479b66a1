"""docs/billing.md tells the truth: its blocks run and print what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages import reading

PAGE = Path(__file__).parents[2] / "docs" / "billing.md"


def test_the_blocks_of_the_page_run_and_print_what_it_shows() -> None:
    with reading() as reader:
        reader.follow(PAGE.read_text(encoding="utf-8"))
