"""Ids: of a prefix and letters, and no two alike in whatever processes."""

from __future__ import annotations

import random
import re

import pytest

from tests.stripe.programs import requests
from tests.support.forks import FORKS
from tigerstripe.ids import new_id


def test_an_id_is_its_prefix_and_so_many_letters_and_digits() -> None:
    assert re.fullmatch(r"cus_[A-Za-z0-9]{14}", new_id("cus", 14))
    assert re.fullmatch(r"[A-Za-z0-9]{8}", new_id("", 8))


@pytest.mark.parametrize("how", FORKS)
def test_a_forked_child_makes_other_ids_than_its_parent(run_program, how: str) -> None:
    assert run_program(requests.ids_differ, how)


def test_ids_differ_where_a_test_seeds_the_generator_of_all() -> None:
    random.seed(7)
    first = new_id("cus", 14)
    random.seed(7)
    assert new_id("cus", 14) != first
