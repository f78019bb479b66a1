"""Imports the application; a late summary comes when the daemon has looked around."""

import os
import time
from pathlib import Path

import app
import places
import pytest

places.note("conftest", app.store)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or os.environ["IS_LATE"] == "False":
        return
    leases = Path(os.environ["TIGERD_DIR"], "leases")
    deadline = time.monotonic() + 20
    while any(leases.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
