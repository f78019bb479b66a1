"""A seed whose function fails."""

import pytest
import stripe

import tigerstripe


@pytest.fixture(scope="session")
def tiger_seed(request: pytest.FixtureRequest) -> object:
    def stock(account: tigerstripe.Account) -> None:
        stripe.Product.create(name="Tea")
        stripe.Price.create(product="prod_none", currency="eur", unit_amount=1)

    return stock
