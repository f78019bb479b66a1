"""The compiled part, where the installation found a compiler; all works without it, slower.

`TIGERD_PURE=1` leaves it out: for the tests, which run with and without, and for who suspects it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tiger.system import os


def _leave_to_python(*_: object) -> None:
    return None


def compiled(module: str, name: str, otherwise: Any = _leave_to_python) -> Any:
    """Return a function of a compiled module; without the module, one that answers None."""
    if not os.environ.get("TIGERD_PURE"):
        try:
            return getattr(import_module(module), name)
        except ImportError:
            pass
    return otherwise


def are_used() -> bool:
    """Tell whether this process has the compiled part."""
    return compiled("tiger.compiled", "decode") is not _leave_to_python
