"""How long the tests of a project take together.

- 500 tests: the whole run of `pytest -n 4` on suite/, whose 500 tests have an account each and do
  20 inserts, 200 gets, 10 lists and 10 finds in it; a server runs already. tigerd's accounts are
  the plugin's tiger_store, and the floor's are dicts of the process that runs the test
- no account: a run of pytest whose one test asks for nothing; with tigerd's plugin, and (floor)
  without
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.runs import run_pytest
from benchmarks.suite.clients import CLIENTS, TABLE
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

SUITE = Path(__file__).parent / "suite"
SUITE_WITHOUT = Path(__file__).parent / "suite_without"
STORES = ("tigerd", "floor", "sqlite", "redis")
WORKERS = 4
PLUGINS = {"tigerd": ("tigerd.pytest.plugin",)}
NAME = "500 tests"
NAME_WITHOUT = "no account"
ROUNDS = 3


def run_suite(peer: Peer, trial: Trial) -> Plan:
    CLIENTS[peer.name](trial.directory).close()  # makes the schema, if there is one
    return one_figure(partial(run_all, peer.name, trial.directory))


def run_all(client: str, directory: Path) -> None:
    """Run the suite."""
    settings = {"SUITE_PEER": client, "SUITE_DIRECTORY": str(directory)}
    plugins = PLUGINS.get(client, ())
    run_pytest(SUITE, plugins, WORKERS, TIGERD_DIR=str(directory), **settings)


def run_without(peer: Peer, trial: Trial) -> Plan:
    """Run pytest on a test that needs no store."""
    run = partial(run_pytest, SUITE_WITHOUT, PLUGINS.get(peer.name, ()))
    return Plan(run, samples=trial.effort.turns)


WORKLOADS = [
    Workload(NAME, STORES, Load(TABLE), run_suite),
    Workload(NAME_WITHOUT, ("tigerd", "floor"), Load(TABLE, served=False), run_without),
]
BARS = [
    Bar(
        f"{NAME}: 1.5 times the floor's time",
        1.5,
        times((NAME, "tigerd"), (NAME, "floor")),
        is_kept=False,
    ),
    Bar(
        f"{NAME}: 4 times as fast as through Redis",
        1 / 4,
        times((NAME, "tigerd"), (NAME, "redis")),
        is_kept=False,
    ),
    Bar(
        "a run that uses no fixture: within a twentieth of one without the plugin",
        1.05,
        times((NAME_WITHOUT, "tigerd"), (NAME_WITHOUT, "floor")),
    ),
]
PICTURED = [NAME]
