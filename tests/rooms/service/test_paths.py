"""Which files an insert passes in the daemon, from the receipt of its frame to its answer."""

from __future__ import annotations

import sys

import pytest

from tests.rooms.service.programs import paths

COMPILED = [
    "tigerd/service/server.py",
    "tigerd/service/parsing.py",
    "tigerd/engine/compiled",
    "tigerd/service/slots.py",
    "tigerd/engine/applying.py",
    "tiger/format/compiled",
]
"""The last one wakes the client, where there is a futex."""

PURE = [
    "tigerd/service/server.py",
    "tigerd/service/parsing.py",
    "tiger/format/speedups.py",
    "tigerd/service/counting.py",
    "tiger/format/protocol.py",
    "tigerd/service/slots.py",
    "tigerd/engine/applying.py",
    "tigerd/engine/operations.py",
    "tigerd/engine/planning.py",
    "tigerd/engine/plan.py",
    "tigerd/engine/writer.py",
    "tigerd/engine/facts.py",
    "tiger/format/record.py",
    "tigerd/engine/table.py",
    "tigerd/engine/index.py",
    "tiger/reading/table_reader.py",
    "tiger/format/layout.py",
    "tigerd/engine/space.py",
    "tigerd/engine/segments.py",
    "tigerd/engine/encoding.py",
    "tigerd/engine/lists.py",
]


def test_an_insert_passes_six_files(
    directory: str, run_program, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tigerd.engine.compiled", reason="there was no compiler to install it")
    monkeypatch.delenv("TIGERD_PURE", raising=False)
    passed = COMPILED if sys.platform == "linux" else COMPILED[:-1]
    assert run_program(paths.files_of_an_insert, directory) == passed


def test_without_the_compiled_part_it_passes_those_that_each_do_a_part_of_it(
    directory: str, run_program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIGERD_PURE", "1")
    assert run_program(paths.files_of_an_insert, directory) == PURE
