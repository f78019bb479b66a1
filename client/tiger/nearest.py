"""Suggestions for misspelt names: the `Did you mean ...?` of error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def hint(name: object, names: Iterable[str]) -> str:
    """Return a question with the most similar name, to append to an error; "" if there is none."""
    near = difflib.get_close_matches(name, list(names), 1) if isinstance(name, str) else []
    return f". Did you mean {near[0]!r}?" if near else ""
