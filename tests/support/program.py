"""A function that a process of its own calls: `python -m tests.support.program MODULE NAME ...`.

It prints what the function returns, as JSON. The functions are in the folders `programs`, for what
must not happen inside pytest, as forking beside its threads, and for what other processes do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def command(
    function: Callable[..., object],
    *arguments: object,
    prefix: Sequence[str] = (),
    store: Sequence[object] = (),
) -> list[str]:
    """Return the command that calls a function; it gets a `store` first, of (where, settings)."""
    module = [sys.executable, "-m", __name__, function.__module__, function.__name__]
    return [*prefix, *module, *(json.dumps(value, default=str) for value in (arguments, *store))]


def main(module: str, name: str, arguments: str, *store: str) -> None:
    function = getattr(import_module(module), name)
    given: list[Any] = json.loads(arguments)
    if not store:
        print(json.dumps(function(*given)))
        return
    import tiger

    directory, settings = map(json.loads, store)
    with tiger.connect(directory, **settings) as connected:
        print(json.dumps(function(connected, *given)))


if __name__ == "__main__":
    main(*sys.argv[1:])
