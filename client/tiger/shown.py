"""Text of records, shown to people: what would act on a terminal, or forge a line, is escaped."""

from __future__ import annotations


def shown(text: str) -> str:
    """Return a text with what cannot be printed as `repr` has it; most come back as they are.

    That is every control character, of C1 too, line separators, what changes the direction of
    writing, and what has no shape. So what comes back is one line.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
