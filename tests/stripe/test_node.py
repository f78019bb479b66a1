"""The official SDK for Node.js, over HTTP; it runs where that is installed (NODE_PATH counts)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.stripe.serving import serving

SCENARIO = Path(__file__).with_name("scenario.cjs")


def _node(*arguments: str) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on PATH")
    return subprocess.run(
        [node, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_sdk_of_node_works_on_it(shared_store, shared_directory) -> None:
    if _node("-e", "require.resolve('stripe')").returncode:
        pytest.skip("the npm package stripe is not where node finds it")
    with serving(shared_directory, "--port", "0") as served:
        parts = urlsplit(served.url)
        key = f"sk_test_{shared_store.current_namespace}"
        done = _node(str(SCENARIO), str(parts.hostname), str(parts.port), key)
    assert done.returncode == 0, done.stderr
