"""How both kinds of `connect` come to an instance: which one is meant, and does its daemon run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tiger import instance, record
from tiger.namespaces import namespace_name
from tiger.reader import Reader

TIMEOUT_S = 5.0
"""How long a write may take to be answered unless `connect` is told."""


class Settings(NamedTuple):
    """The arguments of `connect`, with what stood for those left out: enough to connect again."""

    directory: str
    namespace: str
    autostart: bool
    timeout_s: float


def attach(
    directory: str | os.PathLike[str] | None,
    namespace: str | None,
    autostart: bool,
    timeout_s: float,
) -> tuple[Reader, Settings]:
    """Return a reader of the instance, with a daemon started if need be, and what was meant."""
    path = instance.find_directory(directory)
    name = namespace_name(namespace)
    record.encode_name(name, "namespace")
    if autostart and not (path.exists() and _is_running(path)):
        instance.start(path)
    else:
        instance.check_directory(path)
    return Reader(path), Settings(str(path), name, autostart, timeout_s)


def _is_running(path: Path) -> bool:
    instance.check_directory(path)
    return instance.is_running(path)
