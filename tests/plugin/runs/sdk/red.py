"""Red tests, with and without requests that failed."""

import subprocess
import sys

import stripe

import tigerstripe

CHILD = """
import stripe
try:
    stripe.Customer.retrieve("cus_of_child")
except stripe.InvalidRequestError:
    pass
"""


def test_red(tiger_stripe: tigerstripe.Account) -> None:
    stripe.Customer.create(name="Jane")
    stripe.Customer.list()
    tiger_stripe.fail_next("GET /v1/prices", status=500)
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    stripe.Coupon.create(percent_off=500)


def test_without_a_failed_request(tiger_stripe: tigerstripe.Account) -> None:
    stripe.Coupon.create(id="C", percent_off=50)
    assert False
