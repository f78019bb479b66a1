"""Without a log's address nothing of this is loaded: it costs nobody anything who has no need."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.machines import machines
from tests.machines.programs import loading
from tests.support import program as programs
from tests.support.processes import PROJECT

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


def loaded(program: Callable[..., None], *arguments: str) -> set[str]:
    command = programs.command(program, *arguments)
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


def test_without_a_log_nothing_of_it_is_loaded(directory: str) -> None:
    assert not loaded(loading.daemon, "--dir", directory) & OWN
    assert not loaded(loading.client, directory) & OWN


def test_with_a_log_it_is_loaded(tmp_path: Path) -> None:
    """So that the test above can fail."""
    with machines() as made:
        found = loaded(loading.daemon, "--dir", str(made.base / "A"), "--log", made.engine.url)
    assert {"tigerd.service.following", "tigerd.log.nats"} <= found


@pytest.mark.parametrize("word", ["log", "members", "nats"])
def test_the_modules_that_are_looked_for_are_there(word: str) -> None:
    assert f"tigerd.log.{word}" in OWN
    assert (Path(__file__).parents[2] / "tigerd" / "log" / f"{word}.py").exists()
