"""Applying requests, each as a whole or not at all, even if something fails in the middle.

Every refusal is made before the first store. A later failure is a fault of the daemon or of the
memory it works on, or the daemon's own memory is short. Recovery then undoes the stores, as it
would in the next daemon, and the request is refused. If this daemon cannot go on, the next one
refuses the request too: sent again and again, it would end one daemon after another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from tiger.errors import Damaged, StoreFull, TigerError, code_of
from tiger.format import layout, protocol
from tiger.format.speedups import compiled
from tiger.place import leases, pins
from tiger.system import time
from tigerd.engine import holders
from tigerd.engine.operations import OPERATIONS, Operations, no_memory_error, plan_of
from tigerd.engine.plan import Outcome, Target
from tigerd.engine.recovery import recover
from tigerd.engine.segments import WritableSegment
from tigerd.engine.writer import Failed, RequestId, Writer

log = logging.getLogger("tigerd")

REST_S = 1.0
"""How long cleaning pauses after it failed; twice as long each time."""

FAILED = "the daemon failed in the middle of this request and undid it: nothing was changed"

_write = compiled("tigerd.engine.compiled", "write")


def apply(
    writer: Writer,
    operations: list[Any],
    request: RequestId | None,
    known: Operations = OPERATIONS,
) -> Outcome:
    """Apply operations, which are of those known, under one commit number.

    A `TigerError` refuses them, and nothing was stored; after `Failed` the tables are recovered.
    """
    outcome = _apply_little(writer, operations, request) if request is not None else None
    return outcome or writer.apply(plan_of(writer, operations, known), request)


def _apply_little(writer: Writer, operations: list[Any], request: RequestId) -> Outcome | None:
    """Apply operations that are common and few, in one compiled call; None if others are."""
    targets: Collection[Target] | None = ()
    try:
        targets = _write(writer, operations, *request)
        if targets is None:
            return None
        writer.note(targets)
    except Exception as error:
        raise Failed(Outcome(protocol.DONE, targets or ())) from error
    return Outcome(protocol.DONE, targets)


class CannotGoOn(Exception):
    """A change that was left half done cannot be undone: this daemon has to end."""


class Applying:
    """The writer of an instance, with the handling of its failures."""

    operations: Operations = OPERATIONS
    """The known operations."""

    def __init__(self, directory: Path, control: WritableSegment) -> None:
        """Take over the instance, and bring it to its last commit.

        Raises `Damaged` or another `TigerError` if that fails.
        """
        self._directory = directory
        self._control = control
        self._refusal: TigerError | None = None
        self._rest_s = REST_S
        self._clean_at = 0.0
        for folder in (pins.FOLDER, leases.FOLDER):
            holders.remove_unfinished(directory / folder)
        self.writer = self._take_over()
        self._refuse_failed()

    def _take_over(self) -> Writer:
        started = time.perf_counter()
        writer = self._new_writer()
        recovered = recover(writer)
        log.info(
            "took over %d tables at commit %d in %.0f ms: %d versions undone, %d ended ones to "
            "clean",
            recovered.tables,
            writer.commit,
            1000 * (time.perf_counter() - started),
            recovered.undone,
            recovered.ended,
        )
        return writer

    def _new_writer(self) -> Writer:
        return Writer(self._directory, self._control)

    # --- Requests ---

    def apply(self, operations: list[Any], request: RequestId | None) -> Outcome:
        """Apply operations under one commit number, or raise an error and change nothing.

        If there is no room, versions that no reader needs any more are removed first.
        """
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)
        try:
            return self._do(operations, request)
        except StoreFull:
            if not self._cleaned(self.writer.cleaner.catch_up):
                raise
        return self._do(operations, request)

    def _do(self, operations: list[Any], request: RequestId | None) -> Outcome:
        try:
            return apply(self.writer, operations, request, self.operations)
        except MemoryError:  # before anything was stored
            raise no_memory_error() from None
        except Failed as error:
            self._bring_back(error.__cause__, request)
            return error.outcome

    def _bring_back(self, cause: BaseException | None, request: RequestId | None) -> None:
        """Undo a request that was left half done, and raise its error; return if it committed."""
        what = "what it does by itself"
        if request is not None:
            slot, number = request
            what = f"request {number} of the client in slot {slot}"
            self._note_failed(request)  # first, for the next daemon: undoing it may fail too
        log.error(
            "failed in the middle of %s: taking it back (%s)", what, cause, exc_info=_unknown(cause)
        )
        self._recover()
        if request is not None and self.writer.last_request(slot) == number:
            return
        kind = StoreFull if isinstance(cause, MemoryError) else Damaged
        why = f"{type(cause).__name__}: {cause}"
        raise kind(f"{FAILED} ({why}); see daemon.log, and `tigerd check`")

    def _note_failed(self, request: RequestId) -> None:
        slot, number = request
        self._control.store(layout.client_at(slot, layout.CLIENT_FAILED), number)

    def _recover(self) -> None:
        self.writer.close()
        try:
            self.writer = self._take_over()
        except TigerError as error:
            raise CannotGoOn(f"it cannot be taken back: {error}; ending") from error

    def _refuse_failed(self) -> None:
        """Refuse the requests that a daemon before this one could neither finish nor undo."""
        for slot in range(layout.CLIENTS_MAX):
            failed = self._control.words[layout.client_at(slot, layout.CLIENT_FAILED)]
            if failed > self.writer.last_request(slot):
                self.writer.refuse((slot, failed), code_of(Damaged()))
                log.warning(
                    "refused request %d of the client in slot %d: the previous daemon failed in "
                    "the middle of it",
                    failed,
                    slot,
                )

    # --- Cleaning ---

    def clean(self) -> bool:
        """Take a turn of the cleaner; return whether there is more to do now.

        A failure there is no request's fault: it is recovered from, and cleaning rests for a while.
        """
        return self._cleaned(self.writer.cleaner.turn)

    def _cleaned(self, clean: Callable[[], bool]) -> bool:
        if time.monotonic() < self._clean_at:
            return False
        try:
            return clean()
        except Exception as error:
            log.error(
                "failed while cleaning: taking it back, again in %g s (%s)",
                self._rest_s,
                error,
                exc_info=_unknown(error),
            )
        self._recover()
        self._clean_at = time.monotonic() + self._rest_s
        self._rest_s *= 2
        return False

    # --- Files that were removed ---

    def write_again(self, lost: Sequence[WritableSegment]) -> None:
        """Write the removed files of segments again; until that succeeds, refuse every request."""
        self._refusal = None
        try:
            if self._control in lost:
                self._control.write_again()
            for table in self.writer.tables.values():
                table.write_again([segment for segment in table.segments() if segment in lost])
        except TigerError as error:
            log.warning("cannot write the removed files again: %s", error)
            self._refusal = type(error)(
                f"a file of the instance was removed under its daemon, and cannot be written "
                f"again; nothing was changed: {error}",
                **error.facts,
            )


def _unknown(cause: BaseException | None) -> BaseException | None:
    """Return a cause whose traceback is worth logging; a `TigerError` says enough."""
    return None if isinstance(cause, TigerError) else cause
