"""docs/stripe-testing.md names all fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tigerd.pytest import stripe_fixtures

PAGE = (Path(__file__).parents[2] / "docs" / "stripe-testing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [name for name in vars(stripe_fixtures) if name.startswith(stripe_fixtures.PREFIX)]
)
def test_the_table_of_the_page_names_every_fixture(name: str) -> None:
    assert f"`{name}`" in PAGE.partition("\n## Reference\n")[2]
