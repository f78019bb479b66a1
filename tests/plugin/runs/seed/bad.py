"""Seeds that are no good, and one test without."""

import os
from typing import Any

import pytest

import tiger

SEEDS: list[Any] = [
    *os.environ["FILES"].split(),
    5,
    [1],
    {"nope": []},
    {5: [{}]},
    {"coupons": [{"at": object()}]},
    {"coupons": object()},
]


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=pytest.mark.tigerd(seed=s)) for n, s in enumerate(SEEDS)]
)
def test_seed(tiger_store: tiger.Store, number: int) -> None:
    pass


@pytest.mark.tigerd(sed="A")
def test_word(tiger_store: tiger.Store) -> None:
    pass


@pytest.mark.tigerd("A")
def test_place(tiger_store: tiger.Store) -> None:
    pass


def test_good(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({})
