"""docs/guarantees.md names tests that exist, and leaves no promise without one by accident."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=str)
def test_the_test_that_holds_a_promise_exists(file: str, name: str) -> None:
    source = (ROOT / file).read_text()
    assert not name or f"def {name}(" in source


def test_only_power_loss_has_no_test() -> None:
    empty = [line for line in TEXT.splitlines() if re.match(r"\| \S.* \| *\|$", line)]
    assert len(empty) == 1
    assert "power loss" in empty[0]
