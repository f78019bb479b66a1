"""What the tests of a project take altogether.

- 500 tests: the whole run of `pytest -n 4` on suite/, whose 500 tests have an account each and do
  20 inserts, 200 gets, 10 lists and 10 finds in it; a server runs already. tigerd's accounts are
  the plugin's tiger_store, and the floor's are dicts of the process that runs the test
- no account: a run of pytest whose one test asks for nothing; with tigerd's plugin, and (floor)
  without
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.suite.clients import CLIENTS, TABLE
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

SUITE = Path(__file__).parent / "suite"
SUITE_WITHOUT = Path(__file__).parent / "suite_without"
STORES = ("tigerd", "floor", "sqlite", "redis")
WORKERS = 4
PLUGINS = {"tigerd": ("tigerd.pytest_plugin",)}
NAME = "500 tests"
NAME_WITHOUT = "no account"
ROUNDS = 3


def run_suite(peer: Peer, trial: Trial) -> Plan:
    CLIENTS[peer.name](trial.directory).close()  # makes the schema, if there is one
    return one_figure(partial(run_pytest, peer.name, trial.directory))


def run_pytest(client: str, directory: Path) -> None:
    """Run the suite."""
    settings = {"SUITE_PEER": client, "SUITE_DIRECTORY": str(directory)}
    _pytest(SUITE, client, f"-n{WORKERS}", "-pxdist", TIGERD_DIR=str(directory), **settings)


def run_without(peer: Peer, trial: Trial) -> Plan:
    """Run pytest on a test that needs no store."""
    return Plan(partial(_pytest, SUITE_WITHOUT, peer.name), samples=trial.effort.turns)


def _pytest(suite: Path, client: str, *arguments: str, **settings: str) -> None:
    """Run pytest with no plugin but those named and the client's, whatever else is installed."""
    plugins = [f"-p{name}" for name in PLUGINS.get(client, ())]
    subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *plugins],
        cwd=suite,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **settings},
        stdout=sys.stderr,  # of which the harness shows the last line, if it fails
        check=True,
    )


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
