"""Applying the entries of a log; the position is in shared memory, in two clients' slots.

The slots take turns. The request number of the later one is the sequence number of the entry that
was applied last. It is stored before the commit, as the client's answer is, and recovery removes
both if the commit is missing. So after a kill, no entry is applied twice or left out.
"""

from __future__ import annotations

from pathlib import Path

from tiger.errors import Damaged, InstanceError, StoreFull, TigerError
from tiger.format import layout, memory, protocol
from tigerd.engine.applying import Applying
from tigerd.engine.segments import WritableSegment
from tigerd.engine.writer import RequestId, Writer
from tigerd.log.log import Entry, Position
from tigerd.service import rollbacks
from tigerd.service.parsing import NUMBERS_END

LOG, OTHERS, LOG_TOO = range(NUMBERS_END, NUMBERS_END + 3)
"""Numbers in place of clients in slots, which no client has: the position in the log, twice, and
the clients of other hosts."""


def is_of_this_host(error: TigerError) -> bool:
    """Tell whether an entry was refused because this host lacks something, so it is no answer.

    All other refusals are the same on every host, because they follow from the entries before.
    """
    if isinstance(error, StoreFull):
        return error.limit not in (layout.RECORDS.what, layout.COMMITS.what)
    return isinstance(error, (Damaged, InstanceError))


class Progress:
    """How far an instance has applied its log: two slots take turns, and the later one counts.

    If a commit is missing, recovery sets its slot back by one request. If a kill came before that
    request was stored, the slot is then one too low, and the other slot has the right position.
    """

    def __init__(self, control: WritableSegment) -> None:
        """Prepare; `keep_in` is to be called before anything is applied."""
        self._control = control
        self._places = (0, 0)
        self.entry = Entry(0, 0, b"")
        """The entry that is being applied."""
        self.full: StoreFull | None = None
        """The error at which this host has stopped; None as long as it has not."""

    def keep_in(self, *slots: int) -> None:
        """Take two slots."""
        one, two = slots
        self._places = layout.client_at(one, 0), layout.client_at(two, 0)

    def _later_first(self) -> tuple[int, int]:
        words, (one, two) = self._control.words, self._places
        is_one = words[one + layout.CLIENT_ANSWER] > words[two + layout.CLIENT_ANSWER]
        return (one, two) if is_one else (two, one)

    @property
    def position(self) -> Position:
        """The entry that was applied last."""
        words, (at, _) = self._control.words, self._later_first()
        sequence = words[at + layout.CLIENT_ANSWER] >> layout.CLIENT_STATUS_BITS
        return Position(sequence, words[at + layout.CLIENT_REF])

    def advance(self, commit: int) -> None:
        """Store that the entry is applied; it counts once that commit is there."""
        control, (_, at) = self._control, self._later_first()
        control.store(at + layout.CLIENT_REF, self.entry.stamp)
        control.store(at + layout.CLIENT_COMMIT, commit)
        memory.fence()
        word = self.entry.sequence << layout.CLIENT_STATUS_BITS | protocol.DONE
        control.store(at + layout.CLIENT_ANSWER, word)


class ReplicaApplying(Applying):
    """Applies entries; if it fails in the middle of one, it does not refuse it but tries again."""

    operations = rollbacks.OPERATIONS

    def __init__(self, directory: Path, control: WritableSegment, progress: Progress) -> None:
        """As `Applying`."""
        self._progress = progress
        super().__init__(directory, control)

    def _new_writer(self) -> Writer:
        writer = super()._new_writer()
        writer.before_commit = self._progress.advance
        return writer

    def _note_failed(self, request: RequestId) -> None:
        """Note nothing: other hosts have applied it."""
