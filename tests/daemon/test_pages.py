"""What scripts/pages.py writes is what it would write now."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import pages


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_what_is_made_of_others_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages.PAGES[path](), (
        "run `.venv/bin/python scripts/pages.py`"
    )
