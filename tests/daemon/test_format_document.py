"""docs/format.md tells the truth: its record, made anew, has the bytes that stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, new_directory
from tiger import layout, protocol, record

DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"
ROW = re.compile(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} +){15}[0-9a-f]{2})  \|", re.MULTILINE)


@pytest.mark.skipif(sys.byteorder != "little", reason="the document shows a little-endian machine")
def test_the_record_of_the_document_has_these_bytes() -> None:
    rows = {int(at, 16): bytes.fromhex(text) for at, text in ROW.findall(DOCUMENT.read_text())}
    assert len(rows) == 9
    body = record.encode({"id": "summer", "created": 1700000000, "valid": True})[1]
    with new_directory() as directory:
        daemon = Daemon(directory)
        plan = daemon.writer.plan()
        plan.add([protocol.PUT, 12, "global", body])
        daemon.writer.apply(plan, None)
        chunk = daemon.writer.table(12).space.chunks[1]
        made = {at: chunk.map[at : at + 16] for at in rows}
        used = chunk.words[layout.HEADER_STATE]
    assert made == rows
    assert max(rows) + 16 == used


def test_the_document_names_the_versions_and_limits_of_the_format() -> None:
    text = DOCUMENT.read_text()
    assert f"Layout version **{layout.VERSION}**" in text
    assert f"seed {layout.SUM_SEED:#x}" in text
    assert f"one segment of {layout.CONTROL_SIZE // 1024} KiB" in text
