"""Leases: namespaces that are cleared when the process that made them has ended.

A process has one file in `leases/`, which it holds (tiger.place.holds) and in which it writes the
namespaces that it needs, each in a place of its own (tiger.place.lease_file). If a namespace is
named in a file that nobody holds, and in no file that somebody holds, the daemon clears it; a
namespace without a lease stays. To leave a namespace to the daemon, a running process writes it
into a file that nobody holds.

The files do not change while the daemon decides. A process takes the shared lock of the folder to
take a lease or to leave one to the daemon; the daemon has the exclusive lock from its look to its
last clear. So the daemon has either seen a lease, or the lease is taken after the clear, and its
holder finds the namespace as it is then. A new name is in no other file, so it is leased without
the lock.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from weakref import WeakValueDictionary

from tiger.errors import DaemonUnavailable, InvalidRequest, TigerError
from tiger.place import holds, process
from tiger.place.holds import Hold
from tiger.place.lease_file import LEASES_MAX, content_of, entry_of, header_of, place_of
from tiger.shortage import making_error
from tiger.system import fcntl, os, secrets, threading, time

FOLDER = "leases"

LOCK_S = 5.0
"""How long to wait for a daemon that is clearing namespaces."""


class Lease:
    """A namespace held until `release`, or the end of the process."""

    def __init__(
        self,
        directory: Path,
        namespace: str,
        register: Register | None = None,
        *,
        is_new: bool = False,
    ) -> None:
        """Hold the namespace; it need not have records yet.

        `register` is this process's, if the caller has it.

        `is_new`: the name was made just now, so nobody else has ever held it (tiger.namespaces).
        Raises `StoreFull`, `InstanceError`, or `DaemonUnavailable` if the daemon has stopped in the
        middle of a look. Costs 5 us after the first one of a process, which makes its file.
        """
        self._process = process.current()
        self._namespace = namespace
        self._register = register or register_of(directory)
        add = self._register.add_new if is_new else self._register.add
        self._slot: int | None = add(namespace)

    def __enter__(self) -> None:
        """End it: the namespace is cleared in the block, or by the daemon if the block raises."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:
            self.release()
        else:
            self.abandon()

    @property
    def is_inherited(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        return self._process != process.current()

    def release(self) -> None:
        """Keep the namespace: the daemon no longer clears it. May be repeated."""
        slot, self._slot = self._slot, None
        if slot is not None and not self.is_inherited:
            self._register.remove(slot)

    def abandon(self) -> None:
        """Let the daemon clear the namespace soon; if there is no room, when the process ends."""
        slot, self._slot = self._slot, None
        if slot is not None and not self.is_inherited:
            with contextlib.suppress(TigerError):
                self._register.leave_to_daemon(slot, self._namespace)


# --- The file of this process ---------------------------------------------------------------------


class Register:
    """The namespaces that this process holds in one instance, and its file of leases.

    It exists as long as a store or a lease of that instance, and so does the file.
    """

    def __init__(self, directory: Path) -> None:
        """Prepare; nothing is opened before the first lease."""
        self._directory = directory
        self._begin()
        process.leaves(self)

    def _begin(self) -> None:
        self._turn = threading.RLock()  # a signal, say, may come in the middle
        self._depth = 0
        self._hold: Hold | None = None
        self._folder = -1
        self._names: dict[int, str] = {}
        self._free: list[int] = []
        self._used = 0

    def add(self, namespace: str) -> int:
        """Write a namespace into the file, and return its place there."""
        with self._turn:
            self._lock()
            try:
                return self._add(namespace)
            finally:
                self._unlock()

    def add_new(self, namespace: str) -> int:
        """As `add`, for a namespace that no file has named yet, so no look concerns it."""
        with self._turn:
            self._see_to_file()
            return self._add(namespace)

    def _add(self, namespace: str) -> int:
        slot = self._free_slot()
        try:
            self._write(slot, entry_of(namespace))
        except BaseException:
            self._free.append(slot)
            raise
        self._names[slot] = namespace
        _in_use.add(self)
        return slot

    def _free_slot(self) -> int:
        if self._free:
            return self._free.pop()
        if self._used == LEASES_MAX:
            raise InvalidRequest(
                f"this process holds {LEASES_MAX} namespaces, the maximum: end some sandboxes or "
                f"forks first"
            )
        self._used += 1
        return self._used - 1

    def remove(self, slot: int) -> None:
        """Take a namespace out of the file.

        It does not take the lock, because the garbage collector may call it at any moment. The
        caller has cleared the namespace or wants to keep it, so it does not matter what a daemon
        sees.
        """
        if self._names.pop(slot, None) is None:
            return
        if self._hold is not None:
            with contextlib.suppress(TigerError):  # then it is cleared when the process ends
                self._write(slot, entry_of(None))
        self._free.append(slot)
        if not self._names:
            _in_use.discard(self)

    def leave_to_daemon(self, slot: int, namespace: str) -> None:
        """Write the namespace into a file that nobody holds, and take it out of this one."""
        with self._turn:
            self._lock()
            try:
                folder = self._directory / FOLDER
                content = content_of(header_of(self._folder), namespace)
                Hold(folder, secrets.token_hex(8), content).leave()
                self.remove(slot)
            finally:
                self._unlock()

    def _write(self, slot: int, entry: bytes) -> None:
        """Write an entry in one piece; `StoreFull` if there is no room: then it names nothing."""
        assert self._hold is not None
        try:
            if os.pwrite(self._hold.descriptor, entry, place_of(slot)) < len(entry):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise making_error(Path(self._hold.path), len(entry), error) from None

    def _see_to_file(self) -> None:
        """Make the file if it does not exist; a clean-up may have removed its name."""
        if self._hold is None or not os.fstat(self._hold.descriptor).st_nlink:
            self._open()

    def look(self) -> None:
        """Make the file again if the daemon of the directory does not find it."""
        with self._turn:
            if self._hold is not None and not self._is_found(self._hold):
                self._let_go()

    @staticmethod
    def _is_found(hold: Hold) -> bool:
        try:
            found = os.stat(hold.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # unknown, and a namespace without a file may be cleared
            return True
        status = os.fstat(hold.descriptor)
        return (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino)

    def _open(self) -> None:
        """Make the file, and write into it the namespaces that this process holds."""
        self._let_go()  # if the file was removed, the daemon's last looks did not see it
        folder = self._directory / FOLDER
        try:
            self._folder = holds.open_or_make_folder(folder)
        except OSError as error:
            raise making_error(folder, 0, error) from None
        self._hold = Hold(folder, secrets.token_hex(8), header_of(self._folder))
        for slot, namespace in list(self._names.items()):
            self._write(slot, entry_of(namespace))

    def _lock(self) -> None:
        """Keep the daemon from deciding until `_unlock`, and make sure that the file exists."""
        if self._depth == 0:
            self._see_to_file()
            self._wait_for_lock()
        self._depth += 1

    def _unlock(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._folder, fcntl.LOCK_UN)

    def _wait_for_lock(self) -> None:
        deadline = None
        while not holds.lock_now(self._folder, fcntl.LOCK_SH):
            now = time.monotonic()
            deadline = deadline or now + LOCK_S
            if now > deadline:
                raise DaemonUnavailable(
                    f"the daemon at {self._directory} has been clearing namespaces for "
                    f"{LOCK_S:g} s; nothing was changed: see {self._directory / 'daemon.log'}",
                    directory=self._directory,
                )
            time.sleep(0.001)

    def rest(self) -> None:
        """Remove the file if it names nothing; the next lease makes another."""
        with self._turn:
            if not self._names and self._hold is not None:
                self._hold.release()
                self._let_go()

    def leave(self) -> None:
        """Close the parent's file, in a forked child."""
        self._let_go()
        self._begin()
        _in_use.discard(self)

    def _let_go(self) -> None:
        folder, self._folder = self._folder, -1
        if folder >= 0:
            os.close(folder)
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.leave()

    def __del__(self) -> None:
        """Remove the file with the last store and lease."""
        with contextlib.suppress(Exception):
            self.rest()
            self._let_go()


_registers: WeakValueDictionary[Path, Register] = WeakValueDictionary()
_in_use: set[Register] = set()
"""Registers with leases; a lease that is never released lasts until the process ends."""


def register_of(directory: Path) -> Register:
    """Return the register of this process for an instance; a new one if that was made again."""
    known = _registers.get(directory)
    if known is None:
        known = _registers[directory] = Register(directory)
    known.look()
    return known
