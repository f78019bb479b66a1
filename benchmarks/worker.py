"""One measurement in a fresh process: `python -m benchmarks.worker SPEC`, started by harness.py.

SPEC is a JSON object. The worker connects, prepares and says a line. For the first line on stdin it
warms up and says another; then it takes a turn for each line, and answers each with one line of
JSON, until stdin ends. A worker whose SPEC says that it `writes` begins to write at one line, and
stops at the next. Given a SPEC without a question, it fills the store, and is ready when it has.
SIGTERM is an exit like others, after which no process is left that the worker has started.
"""

from __future__ import annotations

import gc
import json
import math
import os
import select
import signal
import statistics
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from benchmarks.peers import PEERS, Peer
from benchmarks.questions import find_question
from benchmarks.witness import Witness
from benchmarks.workload import Load, Plan, Trial, Workload

TIMER_SHARE = 0.02  # of a sample, at most, may be the timer's own cost
WARM_SHARE = 0.05  # of the arguments that are used once go into warming up
WARM_PASSES = 3  # over the others: tigerd reads a record, decodes it for good, and remembers it

Batch = Sequence[Any]
Measure = Callable[[Callable[..., Any], Batch], float]


def main() -> None:
    os.setpgid(0, 0)  # a terminal's Ctrl-C is for the harness, which ends workers
    spec = json.loads(sys.argv[1])
    load, directory = Load(**spec["load"]), Path(spec["directory"])
    peer = PEERS[spec["peer"]]()
    if load.served:
        peer.open(directory, load.table)
    if peer.private or "question" not in spec:
        fill(peer, load)
    if "question" in spec:
        trial = Trial(spec["round"], spec["client"], spec["quick"], directory)
        measure(find_workload(spec), peer, trial, writes=spec.get("writes", False))
    else:
        say("ready")
    if load.served:
        peer.close()


def fill(peer: Peer, load: Load) -> None:
    peer.fill(load.table, load.count)
    if load.more:
        operation, argument = load.more
        peer.operation(operation)(argument)


def find_workload(spec: dict[str, Any]) -> Workload:
    workloads = find_question(spec["question"]).workloads
    return next(workload for workload in workloads if workload.name == spec["workload"])


def say(line: str) -> None:
    print(line, flush=True)


def measure(workload: Workload, peer: Peer, trial: Trial, writes: bool) -> None:
    make_plan = workload.writer if writes else workload.plan
    assert make_plan
    plan = make_plan(peer, trial)
    # What was made so far is not the garbage of what is measured.
    gc.collect()
    gc.freeze()
    say("ready")
    if not sys.stdin.readline():
        return
    if writes:
        write_between_lines(plan)
    elif workload.unit == "bytes":
        take_turns(plan, trial, take_figure)
    elif plan.witnessed:
        witness = Witness(peer.server())
        take_turns(plan, trial, witness.time_call, lambda: {"slowest": witness.take_slowest()})
    else:
        take_turns(plan, trial, time_plain_calls if plan.arguments is None else time_calls)


def write_between_lines(plan: Plan) -> None:
    """Call the operation without a pause from one line on stdin to the next, and so on."""
    arguments = cycle(plan.arguments or ())
    plan.operation(next(arguments))
    say("warm")
    while sys.stdin.readline():
        plan.operation(next(arguments))
        say("writing")
        while not select.select([sys.stdin], [], [], 0)[0]:
            for argument in islice(arguments, 10):
                plan.operation(argument)
        if sys.stdin.readline():
            say("stopped")


def take_turns(
    plan: Plan, trial: Trial, measured: Measure, noted: Callable[[], dict[str, Any]] = dict
) -> None:
    """Warm up, and measure the plan's operation for a while whenever it is our turn.

    What was `noted` in a turn is told with it.
    """
    given: Batch = range(100) if plan.arguments is None else plan.arguments
    warm = given[: warm_count(plan, len(given))]
    size = warm_up(plan, warm, measured)
    batches, quota = batches_of(given[len(warm) :] if plan.once else given, size, plan, trial)
    turn_s = trial.effort.long_turn_s if plan.long else trial.effort.turn_s
    limit_s = math.inf if plan.samples else turn_s
    noted()  # of the calls that were to warm up
    say("warm")
    for _ in sys.stdin:
        turn = take_samples(plan, islice(batches, quota), measured, limit_s)
        say(json.dumps({"batch": size, **turn, **noted()}))


def warm_count(plan: Plan, count: int) -> int:
    if not plan.warmed:
        return 0
    if plan.samples:
        return 1
    return max(1, int(count * WARM_SHARE)) if plan.once else count


def warm_up(plan: Plan, warm: Batch, measured: Measure) -> int:
    """Make sure that the operation does what is to be measured; return the size of a batch."""
    if not warm:
        return 1
    plan.before()
    result = plan.operation() if plan.arguments is None else plan.operation(warm[0])
    plan.after()
    if not plan.expect(result):
        sys.exit(f"the first result is not what was expected: {result!r:.200}")
    if plan.samples:
        return 1
    passes = [measured(plan.operation, warm) for _ in range(1 if plan.once else WARM_PASSES)]
    return 1 if plan.alone else batch_size(passes[-1] / len(warm))


def batch_size(call_ns: float) -> int:
    """Return how many calls make one sample, so that the timer's cost is small beside it."""
    timer_ns = statistics.median(-perf_counter_ns() + perf_counter_ns() for _ in range(1000))
    return max(1, math.ceil(timer_ns / TIMER_SHARE / max(call_ns, 1)))


def batches_of(
    given: Batch, size: int, plan: Plan, trial: Trial
) -> tuple[Iterator[Batch], int | None]:
    """Cut the arguments into batches; return them and how many at most are for one turn."""
    whole = [given[begin : begin + size] for begin in range(0, len(given), size)]
    count = plan.samples or (len(whole) if plan.once else None)
    quota = None if count is None else math.ceil(count / trial.effort.turns)
    return islice(whole if plan.once else cycle(whole), plan.samples), quota


def take_samples(
    plan: Plan, batches: Iterable[Batch], measured: Measure, limit_s: float
) -> dict[str, Any]:
    """Measure batches until they end or the time is up; a sample is what one call takes."""
    samples = array("d")
    calls, total = 0, 0.0
    deadline = perf_counter_ns() + limit_s * 1e9
    for batch in batches:
        plan.before()
        try:
            elapsed = measured(plan.operation, batch)
        finally:
            plan.after()
        samples.append(elapsed / len(batch))
        total += elapsed
        calls += len(batch)
        if perf_counter_ns() > deadline:
            break
    return {"samples": samples.tolist(), "calls": calls, "elapsed_ns": total}


def time_calls(operation: Callable[..., Any], arguments: Batch) -> float:
    begin = perf_counter_ns()
    for argument in arguments:
        operation(argument)
    return perf_counter_ns() - begin


def time_plain_calls(operation: Callable[..., Any], times: Batch) -> float:
    begin = perf_counter_ns()
    for _ in times:
        operation()
    return perf_counter_ns() - begin


def take_figure(operation: Callable[..., Any], _: Batch) -> float:
    figure: float = operation()
    return figure


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
