"""Red tests that share accounts."""

import tiger


def test_first(tiger_store_module: tiger.Store, tiger_store_session: tiger.Store) -> None:
    tiger_store_module.coupons.create({"id": "of-first"})
    tiger_store_session.coupons.create({"id": "of-first"})


def test_second(tiger_store_module: tiger.Store, tiger_store: tiger.Store) -> None:
    tiger_store_module.coupons.create({"id": "of-second"})
    tiger_store_module.coupons.patch("of-first", {"percent_off": 5})
    assert False


def test_third(tiger_store_session: tiger.Store) -> None:
    tiger_store_session.coupons.delete("of-first")
    assert False


def test_does_not_use_it() -> None:
    assert False
