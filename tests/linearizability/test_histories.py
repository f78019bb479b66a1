"""What many processes saw and did has an order; with a broken store it has none."""

from __future__ import annotations

import pytest

from tests.linearizability.histories import NotLinearizable, run_broken, run_histories
from tests.support.seeds import new_random


def test_the_reads_and_writes_of_many_processes_have_an_order() -> None:
    figures = run_histories(new_random().getrandbits(32))
    print(dict(figures))
    assert figures["operations"] > 3000


@pytest.mark.parametrize("fault", ["commit_first", "lose_updates", "apply_twice"])
def test_a_daemon_that_breaks_a_promise_is_found_out(fault: str) -> None:
    with pytest.raises(NotLinearizable):
        run_broken(new_random().getrandbits(32), daemon=fault)


def test_a_reader_that_remembers_blindly_is_found_out() -> None:
    with pytest.raises(NotLinearizable):
        run_broken(new_random().getrandbits(32), reader="remember_blindly")
