"""Leases: which namespaces go when the process that made them is gone.

A lease is a file `leases/<random>` that names a namespace and is held by a process that needs it
(tiger.holds). A namespace that has leases, none of which is held any more, is cleared by the
daemon; one without a lease stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tiger import holds
from tiger.holds import Hold
from tiger.system import secrets

FOLDER = "leases"


class Lease:
    """A namespace held until `release`, or the end of the process."""

    def __init__(self, directory: Path, namespace: str) -> None:
        """Hold the namespace; it need not be there yet."""
        self._hold = Hold(directory / FOLDER / secrets.token_hex(8), namespace.encode())

    def release(self) -> None:
        """Let the namespace stay: the daemon does not clear it any more."""
        self._hold.release()

    def abandon(self) -> None:
        """Leave it to the daemon to clear the namespace."""
        self._hold.release(keep_file=True)


@dataclass
class Abandoned:
    """A namespace whose leases are held by nobody, and their files."""

    namespace: str
    files: list[Path] = field(default_factory=list)

    def forget(self) -> None:
        """Remove the files."""
        for path in self.files:
            path.unlink(missing_ok=True)


def abandoned(directory: Path) -> list[Abandoned]:
    """Return the namespaces to clear; each is to be forgotten when that is done."""
    held = set()
    found: dict[str, Abandoned] = {}
    try:
        files = list(holds.files(directory / FOLDER))
    except OSError:  # no descriptor is free, say: another time
        return []
    for entry, is_held in files:
        path = Path(entry.path)
        try:
            namespace = path.read_bytes().decode()
        except (FileNotFoundError, UnicodeDecodeError):  # released just now; or not ours
            continue
        except OSError:
            return []
        if is_held:
            held.add(namespace)
        else:
            found.setdefault(namespace, Abandoned(namespace)).files.append(path)
    for namespace in held & found.keys():
        found.pop(namespace).forget()
    return list(found.values())
