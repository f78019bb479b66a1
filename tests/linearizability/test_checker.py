"""The checker accepts what is linearizable and nothing else."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from tests.linearizability.checker import IMPOSSIBLE, NEVER, Operation, State, find_violation, step
from tests.support.seeds import new_random


def op(name: str, argument: object, result: object, call: float, back: float) -> Operation:
    return Operation(name, argument, result, call, back)


GOOD = {
    "nothing": [],
    "one after another": [op("put", 1, True, 0, 1), op("get", None, 1, 2, 3)],
    "a read during a write sees it": [op("put", 1, True, 0, 9), op("get", None, 1, 2, 3)],
    "a read during a write does not see it": [
        op("put", 1, True, 0, 9),
        op("get", None, None, 2, 3),
    ],
    "two readers during a write, the later sees it": [
        op("put", 1, True, 0, 9),
        op("get", None, None, 2, 3),
        op("get", None, 1, 4, 5),
    ],
    "an unknown write is seen late": [
        op("put", 1, None, 0, NEVER),
        op("get", None, None, 2, 3),
        op("put", 2, True, 4, 5),
        op("get", None, 1, 6, 7),
    ],
    "an unknown write is never seen": [op("put", 1, None, 0, NEVER), op("get", None, None, 2, 3)],
    "of two that swap at once one wins": [
        op("put", 1, True, 0, 1),
        op("swap", (1, 2), True, 2, 5),
        op("swap", (1, 3), False, 2, 5),
        op("get", None, 2, 6, 7),
    ],
    "two that count at once": [
        op("put", 0, True, 0, 1),
        op("add", 1, 2, 2, 9),
        op("add", 1, 1, 3, 9),
        op("get", None, 2, 10, 11),
    ],
    "a delete between a create and a create": [
        op("create", 1, True, 0, 1),
        op("delete", None, True, 2, 9),
        op("create", 2, True, 3, 4),
        op("patch", 3, True, 10, 11),
    ],
}
BAD = {
    "a write is lost": [op("put", 1, True, 0, 1), op("get", None, None, 2, 3)],
    "a read is stale": [
        op("put", 1, True, 0, 1),
        op("put", 2, True, 2, 3),
        op("get", None, 1, 4, 5),
    ],
    "time goes back between two readers during a write": [
        op("put", 1, True, 0, 9),
        op("get", None, 1, 2, 3),
        op("get", None, None, 4, 5),
    ],
    "a read of what was never written": [op("put", 1, True, 0, 1), op("get", None, 7, 2, 3)],
    "a read of what is written later": [op("get", None, 1, 0, 1), op("put", 1, True, 2, 3)],
    "both of two swaps win": [
        op("put", 1, True, 0, 1),
        op("swap", (1, 2), True, 2, 5),
        op("swap", (1, 3), True, 2, 5),
    ],
    "a count is done twice": [op("put", 0, True, 0, 1), op("add", 1, 2, 2, 3)],
    "a count is lost": [op("put", 0, True, 0, 1), op("add", 1, 1, 2, 5), op("add", 1, 1, 3, 5)],
    "an unknown write is seen and then not": [
        op("put", 1, None, 0, NEVER),
        op("get", None, 1, 2, 3),
        op("get", None, None, 4, 5),
    ],
    "a create of what is not there is refused": [op("create", 1, False, 0, 1)],
    "a delete is done twice": [
        op("put", 1, True, 0, 1),
        op("delete", None, True, 2, 5),
        op("delete", None, True, 2, 5),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_can_be_put_in_order_is_accepted(name: str) -> None:
    assert find_violation(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_cannot_be_put_in_order_is_not(name: str) -> None:
    assert find_violation(BAD[name])


def by_trying_all(history: list[Operation]) -> bool:
    """Whether some order fits: slow, and plain to see that it is right."""
    unknown = [operation for operation in history if not operation.is_known]
    for kept in range(1 << len(unknown)):
        left = {id(o) for at, o in enumerate(unknown) if not kept >> at & 1}
        chosen = [operation for operation in history if id(operation) not in left]
        if any(fits(list(order)) for order in permutations(chosen)):
            return True
    return False


def fits(order: list[Operation]) -> bool:
    state: State = None
    for at, operation in enumerate(order):
        if any(later.back < operation.call for later in order[at:]):
            return False
        state = step(state, operation)
        if state is IMPOSSIBLE:
            return False
    return True


def random_history(random: Random) -> list[Operation]:
    history = []
    for number in range(random.randint(1, 6)):
        call = random.randrange(20)
        back = NEVER if random.random() < 0.15 else call + random.randint(1, 9)
        name = random.choice(["get", "get", "put", "create", "delete", "swap"])
        result = random.choice([True, False])
        argument: object = number
        if name == "get":
            argument, result = None, random.choice([None, *range(4)])  # type: ignore[assignment]
        elif name == "swap":
            argument = (random.randrange(4), number)
        history.append(op(name, argument, result, call, back))
    return history


def test_the_checker_agrees_with_trying_all_orders() -> None:
    random = new_random()
    answers = [0, 0]
    for _ in range(600):
        history = random_history(random)
        is_good = by_trying_all(history)
        answers[is_good] += 1
        assert (find_violation(history) is None) == is_good, history
    assert min(answers) > 30
