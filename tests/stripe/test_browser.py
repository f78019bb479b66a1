"""Buyers with a real browser buy on the pages of their accounts, in parallel workers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

BUYER = Path(__file__).with_name("browser_buyer.py")
BROWSER = ("/usr/bin/chromium", "/usr/bin/chromedriver")

pytestmark = pytest.mark.skipif(
    not all(map(os.path.exists, BROWSER)) or importlib.util.find_spec("selenium") is None,
    reason="there is no Chromium with its driver, or no selenium",
)


def test_buyers_in_two_workers_buy_on_pages_of_their_own_accounts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]
    command += ["--dist", "each", "-p", "no:randomly", f"--basetemp={tmp_path / 'run'}"]
    done = subprocess.run(
        [*command, "-c", os.devnull, f"--rootdir={tmp_path}", str(BUYER)],
        cwd=tmp_path,
        env={**os.environ, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "4 passed" in done.stdout
