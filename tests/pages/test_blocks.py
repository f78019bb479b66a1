"""Blocks of the pages for users run as printed; each section of environments.md is a project."""

from __future__ import annotations

import pytest

from tests.support.pages import BLOCK, reading
from tests.support.processes import PROJECT


def text_of(name: str) -> str:
    return (PROJECT / "docs" / name).read_text(encoding="utf-8")


SECTIONS = {
    name: text
    for name, _, text in (
        part.partition("\n") for part in text_of("environments.md").split("\n## ")[1:]
    )
    if BLOCK.search(text)
}


@pytest.mark.parametrize("page", ["billing.md", "stripe-testing.md", "testing.md", *SECTIONS])
def test_the_blocks_of_the_page_run_and_print_what_it_shows(page: str) -> None:
    with reading() as reader:
        reader.follow(SECTIONS.get(page) or text_of(page))
