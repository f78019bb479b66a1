"""Text of records for a terminal: characters that would control it or forge a line are escaped."""

from __future__ import annotations


def shown(text: str) -> str:
    """Return a text on one line, with unprintable characters escaped as in `repr`.

    These are control characters (C1 too), line separators, changes of the writing direction, and
    invisible characters.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
