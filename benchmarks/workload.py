"""What a question declares: its workloads, the stores they need, and what a worker times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.peers import Peer

Unit = Literal["ns", "bytes"]


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds, turns of each measurement in a round, and their length."""

    rounds: int
    turns: int
    turn_s: float  # at most
    long_turn_s: float


FULL = Effort(rounds=4, turns=10, turn_s=0.03, long_turn_s=0.3)
QUICK = Effort(rounds=2, turns=5, turn_s=0.02, long_turn_s=0.3)


@dataclass(frozen=True)
class Trial:
    """What a plan may depend on: which round and client this is, and where."""

    round: int
    client: int
    quick: bool
    directory: Path

    @property
    def effort(self) -> Effort:
        return QUICK if self.quick else FULL

    @property
    def seed(self) -> str:
        """A seed of this round and client: every peer gets the same records, no round old ones."""
        return f"round {self.round}, client {self.client}"


@dataclass(frozen=True)
class Plan:
    """What a worker measures.

    `operation` is called with each of `arguments` in turn, over and over until the time is up, or,
    if they are to be used `once`, until they are used up; without `arguments` it is called with
    none. If `samples` is set, that many calls are timed, one by one, whatever time they take; right
    before each, untimed, `before` is called, and after it `after`. Calls are timed in batches
    unless each is to be timed `alone`, for the sake of its p99; `witnessed` ones are timed alone,
    and it is noted what the slowest waited for. Where processes wake each other
    turns are to be `long`, for a scheduler moves them about before it lets them be. `expect` tells
    whether the first result is right. An operation that is not `warmed` is not called before it is
    measured.
    """

    operation: Callable[..., Any]
    arguments: Sequence[Any] | None = None
    once: bool = False
    samples: int | None = None
    alone: bool = False
    witnessed: bool = False
    long: bool = False
    warmed: bool = True
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    expect: Callable[[Any], object] = lambda _: True


def one_figure(operation: Callable[[], Any]) -> Plan:
    """Plan one call that is measured as it is: of a run of minutes, or of a size in bytes."""
    return Plan(operation, samples=1, warmed=False)


@dataclass(frozen=True)
class Load:
    """A store to measure: the table, and how many records it holds at first."""

    table: str
    count: int = 0
    reused: bool = False  # whether all leave it as it was, so that measurements may share it
    served: bool = True  # whether the harness starts the server, and the worker connects
    more: tuple[str, int] | None = None  # the operation that fills it further, and its argument

    @property
    def size(self) -> int:
        """About how long it takes to fill, beside others."""
        return self.count + (self.more[1] if self.more else 0)


@dataclass(frozen=True)
class Workload:
    """One line of a question, measured for each of the peers named.

    What is measured is the nanoseconds of a call, or the bytes that the operation returns.
    """

    name: str
    peers: tuple[str, ...]
    load: Load
    plan: Callable[[Peer, Trial], Plan]
    clients: int = 1
    group: str = ""  # neighbours of one group take turns; without one it is alone
    writer: Callable[[Peer, Trial], Plan] | None = None  # is called without a pause meanwhile
    computing: int = 0  # processes that compute meanwhile, and nothing else
    unit: Unit = "ns"
    slow: bool = False  # whether a quick run does without it
