"""A seed for all tests."""

import pytest


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"id": "of-conftest"}], "plans": []}
