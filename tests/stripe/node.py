"""The scenario of the official SDK for Node.js, where that is installed (NODE_PATH counts)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SCENARIO = Path(__file__).with_name("scenario.cjs")


def run_scenario(url: str, key: str, prefix: Sequence[str] = ()) -> None:
    """Run it with a server, and with a key; `prefix` is the beginning of its command."""
    if _node("-e", "require.resolve('stripe')").returncode:
        pytest.skip("the npm package stripe is not where node finds it")
    parts = urlsplit(url)
    done = _node(str(SCENARIO), str(parts.hostname), str(parts.port), key, prefix=prefix)
    assert done.returncode == 0, done.stderr


def _node(*arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on PATH")
    return subprocess.run(
        [*prefix, node, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
