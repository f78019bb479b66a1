"""What processes say of places: as other users, or in other containers."""

import os

import tiger
from tiger.place import owners


def errors_as_nobody(directory: str) -> list[str]:
    os.setuid(65534)
    return [error_of_connect(f"{directory}/within/it", autostart) for autostart in (False, True)]


def error_of_connect(directory: str, autostart: bool = True) -> str:
    try:
        with tiger.connect(directory, autostart=autostart):
            return "it was connected to"
    except tiger.InstanceError as error:
        return str(error)


def is_alive_or_has_ended(pid: int, started: str, namespace: str) -> list[bool]:
    found = owners.Process(pid, started, namespace)
    return [found.is_alive(), found.has_ended(), owners.Process.current().has_ended()]
