"""Ids as Stripe makes them: a prefix, `_`, and letters or digits."""

from __future__ import annotations

import os
import string

LETTERS = (string.ascii_letters + string.digits).encode()

_LETTER_OF_BYTE = bytes(LETTERS[byte % len(LETTERS)] for byte in range(256))


def letters(length: int) -> str:
    """Return so many letters or digits by chance; no two processes get the same."""
    return os.urandom(length).translate(_LETTER_OF_BYTE).decode()


def new_id(prefix: str, length: int) -> str:
    """Return a new id whose part behind the prefix has that length."""
    return f"{prefix}_{letters(length)}" if prefix else letters(length)
