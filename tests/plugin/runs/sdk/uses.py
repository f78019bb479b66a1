"""Uses accounts of every scope, also in other processes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import stripe

import shop
import tigerstripe


@pytest.mark.parametrize("number", range(4))
def test_each_has_an_account(tiger_stripe: tigerstripe.Account, number: int) -> None:
    shop.sign_up(f"{number}@example.com")
    assert [customer.email for customer in stripe.Customer.list()] == [f"{number}@example.com"]


def test_a_child_uses_it(tiger_stripe: tigerstripe.Account) -> None:
    subprocess.run([sys.executable, "-c", "import shop; shop.sign_up('c@example.com')"], check=True)
    assert [customer.email for customer in stripe.Customer.list()] == ["c@example.com"]


@pytest.fixture(scope="module")
def worker(tiger_stripe_module: tigerstripe.Account) -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys, shop; sys.stdin.readline(); shop.sign_up('worker@example.com')"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    yield process
    process.wait()


def test_a_process_of_the_module_uses_that_account(
    tiger_stripe_module: tigerstripe.Account, worker: subprocess.Popen[bytes]
) -> None:
    worker.communicate(b"go")
    assert [customer.email for customer in stripe.Customer.list()] == ["worker@example.com"]


class TestOfAClass:
    def test_first(self, tiger_stripe_class: tigerstripe.Account) -> None:
        shop.sign_up("a@example.com")

    def test_second(self, tiger_stripe_class: tigerstripe.Account) -> None:
        assert tiger_stripe_class.store.customers.count() == 1


def test_the_session_has_one(
    tiger_stripe_session: tigerstripe.Account, tiger_stripe: tigerstripe.Account
) -> None:
    assert stripe.api_key == tiger_stripe.api_key != tiger_stripe_session.api_key


def test_a_forked_child_uses_it(tiger_stripe: tigerstripe.Account) -> None:
    if (child := os.fork()) == 0:
        shop.sign_up("a@example.com")
        os._exit(0)
    os.waitpid(child, 0)
    shop.sign_up("b@example.com")
    assert tiger_stripe.store.customers.count() == 2
