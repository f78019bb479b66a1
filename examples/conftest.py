"""Shared fixtures: the seed, the shop's own database, webhooks, and other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stripe

import tigerstripe
from crowd import Crowd
from shop import orders

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def tiger_seed() -> Path:
    """The seed of every account: a file of requests for the Stripe CLI's `stripe fixtures`."""
    return HERE / "shop.json"


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the shop a database for this test alone."""
    monkeypatch.setenv("SHOP_DATABASE", str(tmp_path / "shop.sqlite"))
    orders.fill({"lamp": 5, "chair": 2, "vase": 1})


@pytest.fixture
def endpoint(
    tiger_stripe: tigerstripe.Account, monkeypatch: pytest.MonkeyPatch
) -> stripe.WebhookEndpoint:
    """The shop's webhook endpoint; the shop finds its secret in the environment."""
    endpoint = stripe.WebhookEndpoint.create(
        url="https://shop.example.com/hooks", enabled_events=["checkout.session.expired"]
    )
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", endpoint.secret)
    return endpoint


@pytest.fixture
def start(tiger_stripe: tigerstripe.Account) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m MODULE`. Python processes find the test's account by themselves."""
    started: list[subprocess.Popen[str]] = []

    def start(module: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module]
        started.append(
            subprocess.Popen(
                command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.communicate()


@pytest.fixture
def server(start: Callable[..., subprocess.Popen[str]], endpoint: stripe.WebhookEndpoint) -> str:
    """The URL of the shop's live server, which gets the webhooks."""
    output = start("shop.web").stdout
    assert output is not None
    url = output.readline().strip()
    stripe.WebhookEndpoint.modify(endpoint.id, url=f"{url}/hooks")
    return url


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """Processes that do the same thing at the same moment."""
    crowd = Crowd()
    yield crowd
    crowd.close()
