"""The name that was meant, for errors about one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def hint(name: object, names: Iterable[str]) -> str:
    """Return a question after the likeliest of the names, to be put behind an error; or nothing."""
    near = difflib.get_close_matches(name, list(names), 1) if isinstance(name, str) else []
    return f". Did you mean {near[0]!r}?" if near else ""
