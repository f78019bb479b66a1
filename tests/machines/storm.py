"""A storm over three hosts: daemons and the engine are killed, links are cut, a host's memory full.

Processes on each host write meanwhile, in namespaces of their own and in a common one, roll back
what they wrote, and note what was acknowledged. In the end all of that is there, once, on every
host, and nothing else but what was of unknown outcome; hosts are equal to the last commit, and
sound.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from tests.machines.machines import Host, Machines, machines
from tests.support.processes import Worker

HOSTS = "ABC"
SMALL = "C"
"""The host whose memory becomes full."""
MEMORY = "24m"
WRITER = Path(__file__).with_name("writer.py")
SILENCE_S = 2.5
"""The longest cut of a link."""

Figures = Counter[str]


def storm(seed: int, goes_on: Callable[[Figures], bool]) -> Figures:
    """Run a storm as long as it is asked to go on; return what happened in it."""
    random, figures = Random(seed), Figures()
    with machines(*HOSTS, in_network=True, start=False) as made, ExitStack() as stack:
        memory = _mount(made[SMALL], stack)
        for host in made.hosts.values():
            host.start()
        writers = [
            stack.enter_context(_writer(host, number, seed))
            for number, host in enumerate([*made.hosts.values(), made["A"]])
        ]
        for writer in writers:
            assert writer.hear() == "ready"
        while goes_on(figures):
            time.sleep(random.uniform(0.1, 0.6))  # a random moment
            _strike(made, memory, random, figures)
        for writer in writers:
            writer.say("stop")
        noted = [writer.hear() for writer in writers]
        for host in made.hosts.values():
            if not host.is_running:
                host.reap()
                host.start()
        compare(made.check_equal(), noted, figures)
        figures["machines_still"] = made[SMALL].log.read_text().count("stops there")
    return figures


class _writer:  # noqa: N801 - used as a function
    """A process of a host that writes until it is told to stop."""

    def __init__(self, host: Host, number: int, seed: int) -> None:
        self._made = Worker(WRITER, host.directory, number, seed, prefix=host.prefix)

    def __enter__(self) -> Worker:
        return self._made

    def __exit__(self, *_: object) -> None:
        self._made.end()


class _Memory:
    """A small file system with an instance in it, and what fills it."""

    def __init__(self, place: Path) -> None:
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        command = ["dd", "if=/dev/zero", f"of={self._ballast}", "bs=64k"]
        subprocess.run(command, capture_output=True, check=False)  # ends with an error: it is full

    def empty(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)


def _mount(host: Host, stack: ExitStack) -> _Memory:
    place = host.directory
    place.mkdir(mode=0o700)
    size = f"size={MEMORY},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=True)
    stack.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
    host.directory = place / "i"
    return _Memory(place)


def _strike(made: Machines, memory: _Memory, random: Random, figures: Figures) -> None:
    kind = random.choice(("daemon", "daemon", "engine", "cut", "cut", "full"))
    assert made.network is not None
    if kind == "daemon":
        made[random.choice(HOSTS)].kill()  # a writer starts another
    elif kind == "engine":
        made.engine.kill()
        time.sleep(random.uniform(0, 0.7))
        made.engine.start()
    elif kind == "cut":
        name = random.choice([*HOSTS, "E"])
        made.network.cut(name)
        time.sleep(random.uniform(0.1, SILENCE_S))
        made.network.heal(name)
    else:
        memory.fill()
        time.sleep(random.uniform(0.2, 1.5))
        memory.empty()
    figures[f"machines_{kind}"] += 1


def compare(records: dict[str, Any], noted: list[Any], figures: Figures) -> None:
    """Hold what is there against what the writers noted."""
    there = Counter(
        record["id"]
        for place, found in records.items()
        if not place.startswith("cleared-")
        for record in found
    )
    known: set[str] = set()
    for notes in noted:
        for outcome, ids in notes:
            figures[f"machines_{outcome}"] += 1
            known.update(ids)
            if outcome == "acknowledged":
                lost = [id for id in ids if not there[id]]
                assert not lost, f"lost: {lost}"
            elif outcome in ("refused", "undone"):
                done = [id for id in ids if there[id]]
                assert not done, f"{outcome}, and there: {done}"
            elif len({there[id] for id in ids}) > 1:
                raise AssertionError(f"a batch is there in part: {ids}")
    assert not there.keys() - known, "records that nobody wrote"
    assert set(there.values()) <= {1}, "records that are there twice"
    figures["machines_comparisons"] += 1
