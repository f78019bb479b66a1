"""One measurement in a fresh process: `python -m benchmarks.worker SPEC`, started by harness.py.

SPEC is a JSON object. The worker connects, warms up and says "ready". Then it takes a turn for each
line on stdin, and answers each with one line of JSON, until stdin ends. Given a SPEC without a
question, it fills the store, and is ready when it has.
"""

from __future__ import annotations

import gc
import json
import math
import statistics
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from benchmarks import records
from benchmarks.harness import TURNS, Load, Plan, Trial, Workload
from benchmarks.peers import PEERS, Peer
from benchmarks.questions import find_question

TIMER_SHARE = 0.02  # of a sample, at most, may be the timer's own cost
WARM_SHARE = 0.05  # of the arguments that are used once go into warming up
TURN_S, QUICK_TURN_S = 0.05, 0.02  # of one turn, at most
CHUNK = 10_000  # records given to insert_many at a time when a store is filled

Batch = Sequence[Any]
TimeBatch = Callable[[Callable[..., Any], Batch], int]


def main() -> None:
    spec = json.loads(sys.argv[1])
    load, directory = Load(**spec["load"]), Path(spec["directory"])
    peer = PEERS[spec["peer"]]()
    if load.served:
        peer.open(directory, load.table)
    if peer.private or "question" not in spec:
        fill(peer, load)
    if "question" in spec:
        trial = Trial(spec["round"], spec["client"], spec["quick"], directory)
        take_turns(find_workload(spec).plan(peer, trial), trial.quick)
    else:
        print("ready", flush=True)
    if load.served:
        peer.close()


def find_workload(spec: dict[str, Any]) -> Workload:
    workloads = find_question(spec["question"]).workloads
    return next(workload for workload in workloads if workload.name == spec["workload"])


def fill(peer: Peer, load: Load) -> None:
    made = records.make(load.table, load.count)
    insert_many = peer.operation("insert_many")
    for begin in range(0, len(made), CHUNK):
        insert_many(made[begin : begin + CHUNK])


def take_turns(plan: Plan, quick: bool) -> None:
    """Warm up, and time the plan's operation for a while whenever it is our turn."""
    given: Batch = range(100) if plan.arguments is None else plan.arguments
    time_batch: TimeBatch = time_plain_calls if plan.arguments is None else time_calls
    warm = given[: warm_count(plan, len(given))]
    check_first(plan, warm)
    size = 1 if plan.samples else batch_size(time_batch(plan.operation, warm) / len(warm))
    batches, quota = batches_of(given[len(warm) :] if plan.once else given, size, plan)
    limit_s = math.inf if plan.samples else QUICK_TURN_S if quick else TURN_S
    # What was made so far is not the garbage of what is measured.
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    for _ in sys.stdin:
        turn = take_samples(plan, islice(batches, quota), time_batch, limit_s)
        print(json.dumps({"batch": size, **turn}), flush=True)


def warm_count(plan: Plan, count: int) -> int:
    if plan.samples:
        return 1
    return max(1, int(count * WARM_SHARE)) if plan.once else count


def check_first(plan: Plan, warm: Batch) -> None:
    """Make sure that the operation does what is to be measured."""
    result = plan.operation() if plan.arguments is None else plan.operation(warm[0])
    plan.after()
    if not plan.expect(result):
        sys.exit(f"the first result is not what was expected: {result!r:.200}")


def batch_size(call_ns: float) -> int:
    """Return how many calls make one sample, so that the timer's cost is small beside it."""
    timer_ns = statistics.median(-perf_counter_ns() + perf_counter_ns() for _ in range(1000))
    return max(1, math.ceil(timer_ns / TIMER_SHARE / max(call_ns, 1)))


def batches_of(given: Batch, size: int, plan: Plan) -> tuple[Iterator[Batch], int | None]:
    """Cut the arguments into batches; return them and how many at most are for one turn."""
    whole = [given[begin : begin + size] for begin in range(0, len(given), size)]
    count = plan.samples or (len(whole) if plan.once else None)
    quota = None if count is None else math.ceil(count / TURNS)
    return islice(whole if plan.once else cycle(whole), plan.samples), quota


def take_samples(
    plan: Plan, batches: Iterable[Batch], time_batch: TimeBatch, limit_s: float
) -> dict[str, Any]:
    """Time batches until they end or the time is up; a sample is a call's nanoseconds."""
    samples = array("d")
    calls = total_ns = 0
    deadline = perf_counter_ns() + limit_s * 1e9
    for batch in batches:
        try:
            elapsed_ns = time_batch(plan.operation, batch)
        finally:
            plan.after()
        samples.append(elapsed_ns / len(batch))
        total_ns += elapsed_ns
        calls += len(batch)
        if perf_counter_ns() > deadline:
            break
    return {"samples": samples.tolist(), "calls": calls, "elapsed_ns": total_ns}


def time_calls(operation: Callable[..., Any], arguments: Batch) -> int:
    begin = perf_counter_ns()
    for argument in arguments:
        operation(argument)
    return perf_counter_ns() - begin


def time_plain_calls(operation: Callable[..., Any], times: Batch) -> int:
    begin = perf_counter_ns()
    for _ in times:
        operation()
    return perf_counter_ns() - begin


if __name__ == "__main__":
    main()
