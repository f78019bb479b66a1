"""The sources of the compiled modules. The build uses this too, so it imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

COMPILED: dict[str, tuple[str, ...]] = {
    "tiger.format.compiled": ("client/tiger/format/compiled.pyx", "client/tiger/format/value.pxi"),
    "tigerd.engine.compiled": (
        "tigerd/engine/compiled.pyx",
        "client/tiger/format/value.pxi",
        "tigerd/engine/facts.pxi",
        "tigerd/engine/parsing.pxi",
        "tigerd/engine/segments.pxi",
        "tigerd/engine/versions.pxi",
        "tigerd/engine/little.pxi",
    ),
}
"""Each compiled module with its source and included files, from the root of a checkout."""


def digest_of(paths: Iterable[Path]) -> str:
    """Return a fingerprint of the sources: a sum of each. `OSError` if one is missing."""
    return ".".join(f"{crc32(path.read_bytes()):08x}" for path in paths)
