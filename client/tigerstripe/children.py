"""Child processes: Python programs that use an account by their environment alone.

The first folder of their PYTHONPATH is `bootstrap/`, with a `sitecustomize` module. That installs
the account of `TIGERD_DIR` and `TIGERD_NAMESPACE` when `stripe` is first imported, and imports the
`sitecustomize` that it hides. Python with `-I`, `-E` or `-S` does not look there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

BOOTSTRAP = str(Path(__file__).parent / "bootstrap")
"""The folder of the module that Python imports when it starts."""

PYTHONPATH = "PYTHONPATH"


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which Python processes use an account.

    It is a copy of `environ`, by default of this process's own; its `TIGERD_DIR` and
    `TIGERD_NAMESPACE` name the account.
    """
    made = dict(os.environ if environ is None else environ)
    _add(made)
    return made


@contextmanager
def joining() -> Iterator[None]:
    """Let processes started within the block use the account that the environment names."""
    is_added = _add(os.environ)
    try:
        yield
    finally:
        if is_added:
            _remove(os.environ)


def _add(environ: MutableMapping[str, str]) -> bool:
    """Put the folder first, unless it is on the path already; return whether it was not."""
    paths = _paths(environ)
    if BOOTSTRAP in paths:
        return False
    environ[PYTHONPATH] = os.pathsep.join([BOOTSTRAP, *paths])
    return True


def _remove(environ: MutableMapping[str, str]) -> None:
    """Take the folder from the path, which may have become another one meanwhile."""
    paths = [path for path in _paths(environ) if path != BOOTSTRAP]
    if paths:
        environ[PYTHONPATH] = os.pathsep.join(paths)
    else:
        environ.pop(PYTHONPATH, None)


def _paths(environ: Mapping[str, str]) -> list[str]:
    path = environ.get(PYTHONPATH, "")
    return path.split(os.pathsep) if path else []
