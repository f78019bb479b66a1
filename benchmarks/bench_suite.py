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
IGNORED = ("PYTEST_ADDOPTS", "TIGERD_NAMESPACE")  # of the environment
SHOWN = 5  # lines of pytest's output, if it fails
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
    """Run pytest with no plugin but those named and the client's, whatever else is set up here."""
    plugins = [f"-p{name}" for name in PLUGINS.get(client, ())]
    environment = {name: value for name, value in os.environ.items() if name not in IGNORED}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *plugins],
        cwd=suite,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        # The harness shows the last line of what a worker says.
        said = " | ".join(ended.stdout.splitlines()[-SHOWN:])
        sys.exit(f"pytest ended with {ended.returncode}: {said}")


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
