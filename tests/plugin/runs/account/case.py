"""A case of unittest with an account for its class, and one for each test."""

import unittest
from typing import Any

from tigerd.testing import account


class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls: Any) -> None:
        block = account(name="of-class")
        cls.shared = block.__enter__()
        cls.addClassCleanup(block.__exit__, None, None, None)

    def setUp(self) -> None:
        block = account(name="of-case")
        self.store = block.__enter__()
        self.addCleanup(block.__exit__, None, None, None)

    def test_red(self) -> None:
        assert self.store.coupons.count() == 0
        self.store.coupons.create({"id": "of-red"})
        self.fail()

    def test_green(self) -> None:
        assert self.store.coupons.count() == 0
        self.store.coupons.create({"id": "of-green"})
