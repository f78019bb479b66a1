"""Gives each test a Stripe account of its own, or the floor's, which holds nothing."""

from __future__ import annotations

import os

import pytest
import stripe

from benchmarks.at_once import AtOnce

IS_FLOOR = os.environ["SUITE_PEER"] == "floor, sdk"


@pytest.fixture(autouse=True)
def account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK talk to an account through the plugin, or to what answers at once."""
    if not IS_FLOOR:
        request.getfixturevalue("tiger_stripe")
        return
    monkeypatch.setattr(stripe, "api_key", "sk_test_floor")
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    monkeypatch.setattr(stripe, "default_http_client", AtOnce())
