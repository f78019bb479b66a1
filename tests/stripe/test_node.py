"""The official SDK for Node.js, over HTTP."""

from __future__ import annotations

from tests.stripe.node import run_scenario
from tests.stripe.serving import serving


def test_the_sdk_of_node_works_on_it(shared_store, shared_directory) -> None:
    with serving(shared_directory, "--port", "0") as served:
        run_scenario(served.url, f"sk_test_{shared_store.current_namespace}")
