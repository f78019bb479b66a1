"""Tests of classes, and some of none."""

from holding import held

import tiger


class TestOne:
    def test_first(self, tiger_store_class: tiger.Store, tiger_store: tiger.Store) -> None:
        assert held(tiger_store_class) == held(tiger_store) == {}
        tiger_store_class.coupons.create({})

    def test_second(self, tiger_store_class: tiger.Store) -> None:
        assert tiger_store_class.coupons.count() == 1


class TestTwo:
    def test_third(self, tiger_store_class: tiger.Store) -> None:
        assert held(tiger_store_class) == {}


def test_fourth(tiger_store_class: tiger.Store) -> None:
    assert held(tiger_store_class) == {}
    tiger_store_class.coupons.create({})


def test_fifth(tiger_store_class: tiger.Store) -> None:
    assert held(tiger_store_class) == {}
