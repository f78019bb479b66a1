"""Without a log's address nothing of this is loaded: it costs nobody anything who has no need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.machines.machines import machines

OWN = {
    "tiger.wire.everywhere",
    "tigerd.service.following",
    "tigerd.service.joining",
    "tigerd.service.own_requests",
    "tigerd.service.under_way",
    "tigerd.log",
    "tigerd.log.log",
    "tigerd.log.members",
    "tigerd.log.nats",
    "tigerd.log.nats_appends",
    "tigerd.log.nats_entries",
    "tigerd.log.nats_joining",
    "tigerd.log.nats_link",
    "tigerd.log.nats_wire",
    "tigerd.service.replica",
    "tigerd.service.wills",
    "ssl",
}

DAEMON = """\
import signal, sys
from tigerd.service import serve
from tigerd.service.server import Server
def run(self):
    self.close()
    sys.stderr.write("LOADED " + " ".join(sorted(sys.modules)) + "\\n")
Server.run = run
sys.exit(serve.serve(sys.argv[1:]))
"""

CLIENT = """\
import sys, tiger
with tiger.connect(sys.argv[1]) as store:
    store.coupons.insert({"id": "c"})
print("LOADED " + " ".join(sorted(sys.modules)))
"""


def loaded(program: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    return set(next(line for line in lines if line.startswith("LOADED ")).split())


def test_without_a_log_nothing_of_it_is_loaded(directory: str) -> None:
    assert not loaded(DAEMON, "--dir", directory) & OWN
    assert not loaded(CLIENT, directory) & OWN


def test_with_a_log_it_is_loaded(tmp_path: Path) -> None:
    """So that the test above can fail."""
    with machines() as made:
        found = loaded(DAEMON, "--dir", str(made.base / "A"), "--log", made.engine.url)
    assert {"tigerd.service.following", "tigerd.log.nats"} <= found


@pytest.mark.parametrize("word", ["log", "members", "nats"])
def test_the_modules_that_are_looked_for_are_there(word: str) -> None:
    assert f"tigerd.log.{word}" in OWN
    assert (Path(__file__).parents[2] / "tigerd" / "log" / f"{word}.py").exists()
