"""How both kinds of `connect` come to an instance: which one is meant, and does its daemon run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tiger.errors import DaemonUnavailable, InvalidRequest
from tiger.format import record
from tiger.namespaces import namespace_name
from tiger.place import instance, launch
from tiger.reading.reader import Reader
from tiger.system import os

TIMEOUT_S = 5.0
"""How long a write may take to be answered unless `connect` is told."""


EVERYWHERE = "TIGERD_EVERYWHERE"
"""The variable that says whether writes wait for every host of a log, where `connect` does not."""


class Settings(NamedTuple):
    """The arguments of `connect`, with what stood for those left out: enough to connect again."""

    directory: str
    namespace: str
    autostart: bool
    timeout_s: float
    everywhere: bool = False


def attach(
    directory: str | os.PathLike[str] | None,
    namespace: str | None,
    autostart: bool,
    timeout_s: float,
    everywhere: bool | None = None,
) -> tuple[Reader, Settings]:
    """Return a reader of the instance, with a daemon started if need be, and what was meant."""
    _check_timeout(timeout_s)
    path = instance.find_directory(directory)
    name = namespace_name(namespace)
    record.encode_name(name, "namespace")
    if autostart and not _is_running(path):
        launch.start(path)
    else:
        instance.check_directory(path)
    if everywhere is None:
        everywhere = os.environ.get(EVERYWHERE, "") not in ("", "0")
    return Reader(path), Settings(str(path), name, autostart, timeout_s, everywhere)


def _check_timeout(timeout_s: Any) -> None:
    is_number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not is_number or not timeout_s > 0:  # as NaN is not
        raise InvalidRequest(f"timeout_s {timeout_s!r:.80}: use more than 0 seconds")


def _is_running(path: Path) -> bool:
    try:
        instance.check_directory(path)
    except DaemonUnavailable:  # it is not there, or was removed just now
        return False
    return instance.is_running(path)
