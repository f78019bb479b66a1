"""Decoding: the parameters of a request, from its query and its body.

The keys of a form are paths, as `items[0][price]`. Values under numbers stay a dict of texts here,
because only the table of facts knows where a list is expected. Values are texts, except in JSON.
"""

from __future__ import annotations

import json
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote

from tigerstripe.errors import Refused

FORM = "application/x-www-form-urlencoded"
BODY_MAX = 8 << 20
"""Bytes of a body; files are the largest."""
PAIRS_MAX = 10_000
DEPTH_MAX = 20

Parameters = dict[str, Any]


def decode(query: str, body: str | bytes | None, content_type: str) -> Parameters:
    """Return the parameters of a request; raises `Refused` if they are not a form (or JSON)."""
    found = form(query) if query else {}
    if not body:
        return found
    if len(body) > BODY_MAX:
        raise Refused(f"The request body is larger than {BODY_MAX} bytes.", status=413)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        given = multipart(body if isinstance(body, bytes) else body.encode(), content_type)
    elif kind == "application/json":
        given = from_json(_text(body))
    elif kind in ("", FORM):
        given = form(_text(body))
    else:
        raise Refused(f"Invalid request body: its Content-Type is {kind!r:.80}, use {FORM}.")
    return {**found, **given}


def _text(body: str | bytes) -> str:
    try:
        return body if isinstance(body, str) else body.decode()
    except UnicodeDecodeError:
        raise Refused("Invalid request body: it is not UTF-8.") from None


def form(text: str) -> Parameters:
    """Return what a form says: `a[b][c]=x`, `a[]=x`, `a[0]=x`, and `a=x&a=y` for a list."""
    tree: Parameters = {}
    pairs = text.split("&")
    if len(pairs) > PAIRS_MAX:
        raise Refused(f"The request has more than {PAIRS_MAX} parameters.")
    for pair in pairs:
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, value = _unquoted(name), _unquoted(value)
        if "[" in name:
            _put(tree, name, value)
        elif name in tree:
            _repeat(tree, name, value)
        elif name:
            tree[name] = value
    return tree


def _unquoted(text: str) -> str:
    """Return what a part of a form stands for; `unquote` is asked where it has something to do."""
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text) if "%" in text else text


def _repeat(tree: Parameters, name: str, value: str) -> None:
    """Make a list of a name that is given again."""
    there = tree[name]
    if isinstance(there, list):
        there.append(value)
    elif isinstance(there, str):
        tree[name] = [there, value]
    else:
        raise Refused("Invalid object", param=name)


def _put(tree: Parameters, name: str, value: str) -> None:
    """Put a value at its path."""
    head, _, rest = name.partition("[")
    steps = rest.removesuffix("]").split("][")
    if len(steps) > DEPTH_MAX:
        raise Refused(f"Invalid parameter: {head} is nested too deeply.", param=head)
    at: Any = tree
    step: Any = head
    for place, following in enumerate(steps):
        if following == "":
            at = _items(at, step, name)
            if place == len(steps) - 1:
                at.append(value)
                return
            # a[][b]=1&a[][c]=2 are of one item, until a key comes again
            inner = steps[place + 1]
            if not at or not isinstance(at[-1], dict) or inner in at[-1]:
                at.append({})
            at, step = at[-1], None
            continue
        at = at if step is None else _fields(at, step, name)
        step = following
    at[step] = value


def _items(at: Any, step: Any, name: str) -> list[Any]:
    found = at if step is None else at.setdefault(step, [])
    if not isinstance(found, list):
        raise Refused("Invalid array", param=name.partition("[")[0])
    return found


def _fields(at: Any, step: str, name: str) -> Parameters:
    found = at.setdefault(step, {})
    if not isinstance(found, dict):
        raise Refused("Invalid object", param=name.partition("[")[0])
    return found


def from_json(text: str) -> Parameters:
    """Return what a JSON body says."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("Invalid request body: it is not valid JSON.") from None
    if not isinstance(found, dict):
        raise Refused("Invalid request body: it is not a JSON object.")
    return found


def multipart(body: bytes, content_type: str) -> Parameters:
    """Return what a body with files says; a file is a dict of `filename`, `type` and `content`."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise Refused("Invalid request body: it is not multipart/form-data.")
    found: Parameters = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        content = part.get_payload(decode=True)  # type: ignore[union-attr]
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        filename = part.get_filename()  # type: ignore[union-attr]
        if filename is not None:
            kind = part.get_content_type()  # type: ignore[union-attr]
            found[name] = {"filename": filename, "type": kind, "content": content}
        elif "[" in name:
            _put(found, name, content.decode(errors="replace"))
        else:
            found[name] = content.decode(errors="replace")
    return found
