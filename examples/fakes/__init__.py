"""Fakes of the services, kept in tigerd: every process of a test sees the same ones."""

from __future__ import annotations

import tiger
from fakes.billing import FakeBilling
from fakes.warehouse import FakeWarehouse
from shop.front import Services

__all__ = ["FakeBilling", "FakeWarehouse", "connect", "define_tables", "fake"]


def connect() -> Services:
    """Return the fakes of the test that started this process."""
    return fake(tiger.connect(autostart=False))  # TIGERD_DIR and TIGERD_NAMESPACE say where


def fake(store: tiger.Store) -> Services:
    """Return the fakes in an account."""
    return Services(FakeBilling(store), FakeWarehouse(store))


def define_tables(store: tiger.Store) -> None:
    """Make the tables that are not Stripe's; again is fine."""
    store.define("idempotency_keys")
    store.define("stock")
    store.define("orders", indexes=["customer", "status"])
