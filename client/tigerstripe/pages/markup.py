"""Markup: elements of HTML, whose texts and attributes are always escaped."""

from __future__ import annotations

from html import escape
from typing import Any

VOID = frozenset(("input", "meta", "br"))
"""Elements without an end."""


class Markup(str):
    """Text that is markup already; any other text is escaped where it is put into an element."""

    __slots__ = ()


def element(name: str, /, *content: Any, **attributes: Any) -> Markup:
    """Return an element; `class_` stands for `class`, True for an attribute without a value.

    Content may be texts, markup, or lists of both; None, and attributes of None or False, are left
    out.
    """
    written = "".join(_attribute(key.rstrip("_"), value) for key, value in attributes.items())
    start = f"<{name}{written}>"
    return Markup(start if name in VOID else f"{start}{joined(content)}</{name}>")


def joined(content: Any) -> Markup:
    """Return content as markup."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, (list, tuple)):
        return Markup("".join(joined(each) for each in content))
    return Markup(escape(str(content)))


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = name.replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
