"""The same seed in each way to say it: a function, a file, a dict."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import stripe

import tigerstripe


def make(account: tigerstripe.Account) -> None:
    tea = stripe.Product.create(name="Tea")
    stripe.Price.create(product=tea.id, unit_amount=900, currency="eur")
    assert account.store.prices.count() == 1


@pytest.fixture(scope="session")
def tiger_seed() -> Any:
    read = json.loads(Path("shop.json").read_text())
    return {"function": make, "file": "shop.json", "dict": read}[os.environ["KIND"]]
