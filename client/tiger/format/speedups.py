"""The compiled part, if the installation found a compiler; without it everything works, slower.

`TIGERD_PURE=1` disables it, for tests without it and for finding the cause of a fault. If a
compiled module was made from other sources than those beside it, as after a `git pull` in an
editable installation, it is not used, and a warning says so.
"""

from __future__ import annotations

import functools
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tiger.format.sources import COMPILED, digest_of
from tiger.system import os


def _leave_to_python(*_: object) -> None:
    return None


def compiled(module: str, name: str, otherwise: Any = _leave_to_python) -> Any:
    """Return a function of a compiled module; without the module, a function that returns None."""
    return getattr(_load(module), name, otherwise)


@functools.cache
def _load(name: str) -> ModuleType | None:
    """Return a compiled module; None if it is missing, disabled, or made from other sources."""
    if os.environ.get("TIGERD_PURE"):
        return None
    module = None
    try:
        module = import_module(name)
    except ImportError as error:
        if error.name in (None, name):  # else it was compiled beside a module that is gone
            return None
    if module is None or is_stale(name, module):
        file = module.__file__ if module is not None else name
        warnings.warn(
            f"{file} was compiled from another version of its source, so tigerd ignores it and is "
            f"slower: install again (`pip install -e .`, or `scripts/venv test`)",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    return module


def is_stale(name: str, module: ModuleType) -> bool:
    """Tell whether a compiled module was made from other sources than the installed ones."""
    here = {
        "client/tiger/format": Path(__file__).parent,
        "tigerd/engine": Path(str(module.__file__)).parent,
    }
    sources = [source.rpartition("/") for source in COMPILED[name]]
    try:
        present = digest_of(here[folder] / file for folder, _, file in sources)
    except OSError:  # not installed with it: nothing can have changed
        return False
    return getattr(module, "DIGEST", None) != present


def are_used() -> bool:
    """Tell whether this process has the compiled part."""
    return _load("tiger.format.compiled") is not None
