"""The clients' slots: the client of each, and its last answered request."""

from __future__ import annotations

from tiger.format import layout
from tiger.format.layout import CLIENT_ANSWER, CLIENT_COMMIT, CLIENT_FAILED, CLIENT_REF
from tigerd.engine.segments import WritableSegment

ANSWER_AT = range(
    layout.client_at(0, CLIENT_ANSWER), layout.client_at(layout.CLIENTS_MAX, 0), layout.CLIENT_WORDS
)
"""Where the answer of each slot is, in words of the control segment."""


class Slots:
    """At most `CLIENTS_MAX` clients; one more gets the slot of the one that wrote longest ago."""

    def __init__(self, control: WritableSegment) -> None:
        """Take over the slots; clients keep theirs across a restart of the daemon."""
        self._control = control
        words = control.words
        taken = []
        self._free = []
        for slot in range(layout.CLIENTS_MAX):
            if words[layout.client_at(slot, layout.CLIENT_ID)]:
                taken.append((words[layout.client_at(slot, layout.CLIENT_COMMIT)], slot))
            else:
                self._free.append(slot)
        self._free.reverse()
        self._slots: dict[int, int] = {
            words[layout.client_at(slot, layout.CLIENT_ID)]: slot for _, slot in sorted(taken)
        }
        """By client, in the order of their last writes, the oldest first."""
        self._processes: dict[int, str] = {}
        """By slot, the process that the client is in. A copy of the client in another process is
        refused: it would be answered with the answers of the first one."""

    def __len__(self) -> int:
        return len(self._slots)

    def open(self, client: int, process: str = "") -> int | None:
        """Return a client's slot, the same one if it has one; None if another process has it."""
        slot = self._slots.get(client)
        if slot is None:
            slot = self._free.pop() if self._free else self._slots.pop(next(iter(self._slots)))
            self._clear(slot, client)
            self._slots[client] = slot
            self._processes.pop(slot, None)
        return slot if self._is_of(slot, process) else None

    def keep(self, client: int) -> int:
        """Return a slot for something that is not a client, which keeps it."""
        slot = self.open(client)
        assert slot is not None
        del self._slots[client]
        return slot

    def has(self, client: int, slot: int) -> bool:
        """Tell whether the slot is the client's, whichever process asks."""
        return self._slots.get(client) == slot

    def _is_of(self, slot: int, process: str) -> bool:
        """Tell whether a slot is that process's; after a restart, the first one that speaks."""
        return self._processes.setdefault(slot, process) == process

    def _clear(self, slot: int, client: int) -> None:
        # Nobody's while the answer of its last owner is taken out.
        self._control.store(layout.client_at(slot, layout.CLIENT_ID), 0)
        for word in (CLIENT_ANSWER, CLIENT_COMMIT, CLIENT_REF, CLIENT_FAILED):
            self._control.store(layout.client_at(slot, word), 0)
        self._control.store(layout.client_at(slot, layout.CLIENT_ID), client)

    def is_open(self, client: int, slot: int, process: str = "") -> bool:
        """Tell whether the slot is the client's; if so, it is the last one to make room."""
        if self._slots.get(client) != slot or not self._is_of(slot, process):
            return False
        if len(self._slots) > layout.CLIENTS_MAX // 2:  # else nobody has to go for long
            self._slots[client] = self._slots.pop(client)
        return True

    def last(self, slot: int) -> tuple[int, int]:
        """Return the number and the status of the last request answered."""
        word = self._control.words[ANSWER_AT[slot]]
        return word >> layout.CLIENT_STATUS_BITS, word & (1 << layout.CLIENT_STATUS_BITS) - 1
