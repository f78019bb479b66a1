"""docs/format.md tells the truth: its record, made anew, has the bytes that stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.model import delete, fork, put
from tiger.format import layout, protocol, record
from tigerd.engine.operations import plan_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"
ROW = re.compile(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} +){15}[0-9a-f]{2})  \|", re.MULTILINE)


@pytest.mark.skipif(sys.byteorder != "little", reason="the document shows a little-endian machine")
def test_the_record_of_the_document_has_these_bytes() -> None:
    rows = {int(at, 16): bytes.fromhex(text) for at, text in ROW.findall(DOCUMENT.read_text())}
    assert len(rows) == 9
    body = record.encode({"id": "summer", "created": 1700000000, "valid": True})[1]
    with new_directory() as directory:
        daemon = Daemon(directory)
        plan = plan_of(daemon.writer, [[protocol.PUT, 12, "global", body]])
        daemon.writer.apply(plan, None)
        chunk = daemon.writer.table(12).space.chunks[1]
        made = {at: chunk.map[at : at + 16] for at in rows}
        used = chunk.words[layout.HEADER_STATE]
    assert made == rows
    assert max(rows) + 16 == used


def test_a_fork_is_as_the_document_says() -> None:
    text = " ".join(DOCUMENT.read_text().split())
    assert "The body of a namespace that is a fork is the name of its parent" in text
    assert "a record's version with an empty body hides the record" in text
    with new_directory() as directory:
        daemon = Daemon(directory / "instance")
        daemon.do([put(12, "p", "A"), put(12, "p", "B"), put(13, "other", "C")])
        daemon.do([fork("p", "a")])
        daemon.do([delete(12, "a", "A")])
        table = daemon.writer.table(12).reader
        parent, child = (table.find(layout.NAMESPACES, name, 3) for name in (b"p", b"a"))
        assert parent is not None
        assert child is not None
        assert (parent.body, parent.count(3)) == (b"", 2)
        assert (child.body, child.count(2), child.count(3)) == (b"p", 2, 1)
        hidden = table.version(child.first)
        assert (hidden.key, hidden.body, hidden.scope) == (b"A", b"", child.number)
        assert not hidden.link(layout.OLDER)  # what is inherited is not in the fork's list
        assert daemon.writer.table(13).reader.find(layout.NAMESPACES, b"a", 3) is None


def test_the_document_names_the_versions_and_limits_of_the_format() -> None:
    text = DOCUMENT.read_text()
    assert f"Layout version **{layout.VERSION}**" in text
    assert f"seed {layout.SUM_SEED:#x}" in text
    assert f"one segment of {layout.CONTROL_SIZE // 1024} KiB" in text
