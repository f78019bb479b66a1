"""Ids as Stripe makes them: a prefix, `_`, and letters or digits.

They come from a random generator of this module, which each process seeds from the system. A
request makes several ids, and asking the system for each took longer than routing the request. The
generator of `random` is no choice, because tests seed it with the same value in all processes.
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
