"""Fixtures of the tests that simulate: something random, and recordings of what a writer does.

For `pytest_plugins` of a test module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.interleaving.writes import WRITES, recording_of
from tests.support.file_system import new_directory
from tests.support.seeds import new_random
from tests.support.simulation import Recording


@pytest.fixture
def random() -> Random:
    return new_random()


@pytest.fixture(scope="module")
def recordings_place() -> Iterator[Path]:
    with new_directory() as path:
        yield path


@pytest.fixture(scope="module", params=WRITES)
def recording(request: pytest.FixtureRequest, recordings_place: Path) -> Recording:
    return recording_of(request.param, recordings_place, pinned=False)


@pytest.fixture(scope="module", params=WRITES)
def pinned_recording(request: pytest.FixtureRequest, recordings_place: Path) -> Recording:
    return recording_of(request.param, recordings_place, pinned=True)
