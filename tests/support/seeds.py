"""Seeds and effort of the tests that choose at random.

TIGERD_TEST_SEED=<number>   makes the same choices again; a failing test prints its own
TIGERD_TEST_EFFORT=full     leaves nothing out that a test can enumerate; else it takes a sample
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

FULL = os.environ.get("TIGERD_TEST_EFFORT") == "full"


def new_random() -> Random:
    """Return a random generator, and print how to have the same one again."""
    seed = int(os.environ.get("TIGERD_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    print(f"replay: TIGERD_TEST_SEED={seed} pytest '{test}'")
    return Random(seed)


def sample(random: Random, items: Sequence[Item], count: int) -> list[Item]:
    """Return so many of the items, in their order; all of them at full effort."""
    if FULL or len(items) <= count:
        return list(items)
    return [items[place] for place in sorted(random.sample(range(len(items)), count))]
