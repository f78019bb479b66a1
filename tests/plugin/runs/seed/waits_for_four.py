"""A seed without ids, which four workers want at once."""

import os
import time
from pathlib import Path

import pytest

from tigerd.pytest.runs import Instance


@pytest.fixture(scope="session")
def tiger_seed(tiger_instance: Instance) -> object:
    Path(f"came-{os.getpid()}").touch()
    deadline = time.monotonic() + 30
    while len(list(Path().glob("came-*"))) < 4:
        assert time.monotonic() < deadline
    return {"coupons": [{"percent_off": number} for number in range(100)]}
