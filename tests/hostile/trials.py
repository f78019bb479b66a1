"""Damaged instances, read by a process that may end of it; and noise at a daemon's socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import zmq

import tiger
from tests.faults.storm import check
from tests.hostile.frames import Noise
from tests.support.file_system import new_directory
from tests.support.processes import instance_directory, serving, workers
from tiger.format import protocol
from tiger.place import instance

PROBER = Path(__file__).with_name("prober.py")


def run_trials(seed: int, goes_on: Callable[[Counter[str]], bool], first: int = 0) -> Counter[str]:
    """Damage and read instances as long as it is asked to go on; return what happened."""
    figures: Counter[str] = Counter()
    with new_directory() as place, workers() as start:
        prober = start(PROBER, place, seed)
        assert prober.hear() == "ready"
        while goes_on(figures):
            number = first + figures["damaged"]
            prober.say(str(number))
            done = prober.hear(120)
            assert not done["fault"], f"seed {seed}, trial {number}, {done['how']}: {done['fault']}"
            figures["damaged"] += 1
            figures["bytes"] += done["bytes"]
            figures["calls"] += done["calls"]
            figures["errors"] += done["errors"]
    return figures


def run_noise(seed: int, goes_on: Callable[[Counter[str]], bool]) -> Counter[str]:
    """Send frames that are almost requests as long as asked; return what happened."""
    figures: Counter[str] = Counter()
    with (
        instance_directory() as directory,
        serving(directory) as daemon,
        peer(directory) as dealer,
        tiger.connect(directory, namespace="good", autostart=False) as store,
    ):
        noise = Noise(Random(seed), 4711, hello(dealer, 4711))
        while goes_on(figures):
            frames = noise.message()
            dealer.send_multipart(frames)
            figures["frames"] += len(frames)
            figures["bytes"] += sum(len(frame) for frame in frames)
            figures["frame_answers"] += drain(dealer)
            if figures["frames"] % 50 == 0:
                number = figures["frames"]
                assert store.coupons.insert({"id": "A", "n": number})["n"] == number
                assert store.coupons.get("A")["n"] == number
        assert store.ping()["pid"] == daemon
        check(directory)
    return figures


@contextmanager
def peer(directory: Path) -> Iterator[Any]:
    """Give a socket that is connected to the daemon, and no more."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.sndtimeo = 10_000
        dealer.connect(instance.endpoint(directory))
        yield dealer


def hello(dealer: Any, client: int) -> int:
    """Get a slot."""
    dealer.send(protocol.pack([protocol.VERSION, client, -1, 1 << 40, True, [[protocol.HELLO]]]))
    assert dealer.poll(5000)
    slot: int = protocol.unpack(dealer.recv())[2][0]
    return slot


def drain(dealer: Any) -> int:
    """Take the answers that have come; return how many."""
    count = 0
    while dealer.poll(0):
        dealer.recv_multipart()
        count += 1
    return count
