"""Ids as Stripe makes them: a prefix, `_`, and letters or digits.

They are drawn from a generator of this module's own, which each process seeds from the system: a
request makes several, and to ask the system for each took longer than to route it. The generator of
`random` will not do, since tests seed it, all their processes alike.
"""

from __future__ import annotations

import os
import random
import string

LETTERS = (string.ascii_letters + string.digits).encode()

_LETTER_OF_BYTE = bytes(LETTERS[byte % len(LETTERS)] for byte in range(256))

_random = random.Random()
_seeded_in = os.getpid()


def letters(length: int) -> str:
    """Return so many letters or digits by chance; no two processes get the same."""
    global _seeded_in  # noqa: PLW0603
    if _seeded_in != os.getpid():  # a child, which may have been forked without Python's hooks
        _random.seed()
        _seeded_in = os.getpid()
    return _random.randbytes(length).translate(_LETTER_OF_BYTE).decode()


def new_id(prefix: str, length: int) -> str:
    """Return a new id whose part behind the prefix has that length."""
    return f"{prefix}_{letters(length)}" if prefix else letters(length)
