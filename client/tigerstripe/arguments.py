"""Checks of the arguments of an account's calls, with errors that name the values allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

FEW = 60
"""So many names are told in a message; of more only the nearest."""


def known(name: str, value: Any, those: Iterable[str]) -> None:
    """Raise ValueError for an unknown value; the message names the known ones."""
    there = sorted(those)
    if value in there:
        return
    near = difflib.get_close_matches(str(value), there, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    which = f"use one of {', '.join(there)}" if len(there) <= FEW else "Stripe has no such name"
    raise ValueError(f"{name}={value!r}: {which}{meant}")


def whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise ValueError unless a value is a whole number from `least` to `most`."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not (is_whole and least <= value and (most is None or value <= most)):
        to = "or more" if most is None else f"to {most}"
        raise ValueError(f"{name}={value!r}: use {least} {to}")
