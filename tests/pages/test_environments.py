"""docs/environments.md tells the truth: each section is a project, whose blocks run as printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import BLOCK, reading

PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")

SECTIONS = {
    name: text
    for name, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
    if BLOCK.search(text)
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_blocks_of_a_section_run_and_print_what_it_shows(section: str) -> None:
    with reading() as reader:
        reader.follow(SECTIONS[section])
