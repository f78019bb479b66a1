"""docs/environments.md tells the truth: each section is a project, whose blocks run as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.daemon.test_testing_page import BLOCK, Reader, reader

PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")

SECTIONS = {
    name: BLOCK.findall(text)
    for name, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
    if BLOCK.search(text)
}

__all__ = ["reader"]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_blocks_of_a_section_run_and_print_what_it_shows(reader: Reader, section: str) -> None:
    for kind, content in SECTIONS[section]:
        if kind == "python":
            name = re.match(r"# (\S+\.py)\n", content)
            assert name, f"a block that does not begin with the name of a file:\n{content}"
            reader.write(name[1], content)
        else:
            assert kind == "console"
            for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                command, *shown = part.splitlines()
                reader.type(command, shown)
    assert not reader.not_run
