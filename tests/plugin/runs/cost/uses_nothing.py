"""Uses no fixture of the plugin."""

import os

import pytest
from loaded import loaded


@pytest.mark.parametrize("number", range(4))
def test_it(number: int) -> None:
    assert loaded() == os.environ["ALWAYS"].split()
    assert number != 3
