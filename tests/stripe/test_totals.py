"""The money of a sale: nothing is lost by rounding, whatever the order of discounts and taxes."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from tigerstripe import money
from tigerstripe.billing.totals import Line, cost, discount, spread, tax


def everything(product: str) -> bool:
    return True


def rate(percentage: float, *, inclusive: bool = False) -> dict[str, Any]:
    return {"percentage": percentage, "inclusive": inclusive}


def test_parts_add_up_to_the_whole_and_none_is_negative() -> None:
    chance = random.Random(1)
    for _ in range(300):
        weights = [chance.choice([0, chance.randrange(1, 100_000)]) for _ in range(9)]
        amount = chance.randrange(sum(weights) + 1)
        parts = spread(amount, weights)
        assert sum(parts) == amount
        assert all(
            0 <= part <= weight for part, weight in zip(parts, weights, strict=True)
        ), (amount, weights, parts)  # fmt: skip
    assert spread(5, [0, 0]) == [0, 0]


def test_discounts_take_off_what_those_before_left() -> None:
    lines = [Line(1000, "a"), Line(500, "b")]
    discount(lines, 10.0, None, everything)
    discount(lines, None, 300, lambda product: product == "b")
    discount(lines, 50.0, None, everything)
    assert [line.discounts for line in lines] == [[100, 0, 450], [50, 300, 75]]
    assert [line.total for line in lines] == [450, 75]
    discount(lines, None, 9999, everything)
    assert [line.total for line in lines] == [0, 0]


@pytest.mark.parametrize(
    ("amount", "percent", "off"), [(5, 10.0, 1), (4, 10.0, 0), (1005, 50.0, 503), (999, 33.33, 333)]
)
def test_a_percentage_is_rounded_half_up(amount, percent, off) -> None:
    line = Line(amount, "a")
    discount([line], percent, None, everything)
    assert line.discount == off


def test_taxes_are_of_what_discounts_left_and_those_within_come_first() -> None:
    line = Line(1300, "a", [rate(20, inclusive=True), rate(10), rate(0.5)])
    discount([line], None, 100, everything)
    tax(line)
    assert [t["amount"] for t in line.taxes] == [200, 100, 5]
    assert {t["taxable_amount"] for t in line.taxes} == {1000}
    assert (line.tax, line.total) == (305, 1305)
    free = Line(1000, "a", [rate(19)])
    tax(free, exempt=True)
    assert (free.tax, free.total, len(free.taxes)) == (0, 1000, 1)


@pytest.mark.parametrize(
    ("mode", "quantity", "amount"),
    [
        ("graduated", 1, 110),
        ("graduated", 5, 510),
        ("graduated", 6, 510 + 50),
        ("graduated", 12, 510 + 5 * 50 + 2 * 7),
        ("volume", 5, 510),
        ("volume", 6, 300),
        ("volume", 100, 707),
    ],
)
def test_tiers(mode, quantity, amount) -> None:
    scheme = {"billing_scheme": "tiered", "tiers_mode": mode, "transform_quantity": None}
    tiers = [
        {"up_to": 5, "unit_amount_decimal": "100", "flat_amount_decimal": "10"},
        {"up_to": 10, "unit_amount_decimal": "50", "flat_amount_decimal": None},
        {"up_to": None, "unit_amount_decimal": "7.07", "flat_amount_decimal": None},
    ]
    assert cost({"tiers": tiers}, scheme, quantity) == amount


def test_amounts_as_messages_write_them() -> None:
    assert money.shown(50, "usd") == "$0.50"
    assert money.shown(99_999_999, "usd") == "$999,999.99"
    assert money.shown(50, "jpy") == "¥50"
    assert money.shown(1500, "czk") == "15.00"
    assert money.shown(1500, "kwd") == "1.500"
    assert [money.whole(Decimal(text)) for text in ("0.5", "1.49", "-0.5")] == [1, 1, -1]
