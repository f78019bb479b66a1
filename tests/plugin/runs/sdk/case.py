"""A case of unittest whose requests fail."""

import subprocess
import sys
import unittest

import stripe

from tigerd.testing import stripe_account

CHILD = "import stripe; stripe.Customer.retrieve('cus_of_child')"


class TestCase(unittest.TestCase):
    def setUp(self) -> None:
        block = stripe_account({"customers": [{"id": "cus_1", "object": "customer"}]})
        self.account = block.__enter__()
        self.addCleanup(block.__exit__, None, None, None)

    def test_red(self) -> None:
        subprocess.run([sys.executable, "-c", CHILD], stderr=subprocess.DEVNULL, check=False)
        stripe.Coupon.create(percent_off=500)

    def test_green(self) -> None:
        stripe.Customer.retrieve("cus_1")
        with self.assertRaises(stripe.InvalidRequestError):
            stripe.Customer.retrieve("cus_of_green")
