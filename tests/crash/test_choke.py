"""Nothing but `engine.segments` stores into shared memory: else crash tests would not see it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*PROJECT.glob("tigerd/**/*.py"), *PROJECT.glob("client/tiger/**/*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_only_its_segments_store(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Attribute):
                is_shared = target.value.attr in ("words", "map")
                assert not is_shared or path.name == "segments.py", f"line {target.lineno}"
        if isinstance(node, ast.Attribute):
            assert node.attr != "pack_into", f"line {node.lineno}: it zeroes before it writes"
