"""The daemon: one thread that takes commands, applies them, and answers.

    receive -> is this client's request new? -> plan -> apply -> answer -> clean a little

It owns the instance for as long as it holds the lock on its directory, which is taken before
anything is mapped or bound.
"""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import msgpack
import zmq

from tiger.__about__ import __version__
from tiger.errors import (
    CODES,
    Damaged,
    LayoutMismatch,
    TigerError,
    code_of,
    told,
)
from tiger.format import layout, protocol
from tiger.place import instance
from tiger.system import os, time
from tigerd.engine.applying import FAILED, Applying
from tigerd.engine.control import open_control
from tigerd.engine.segments import WritableSegment
from tigerd.engine.writer import RequestId, Writer
from tigerd.service.abandoned import Abandoned, Applies
from tigerd.service.arrivals import Arrivals
from tigerd.service.custody import Custody
from tigerd.service.large import LARGE, Large, Message
from tigerd.service.parsing import parse
from tigerd.service.peers import Peers, new_router
from tigerd.service.slots import Slots
from tigerd.service.unfinished import Unfinished
from tigerd.service.waiting import Waiting, Watched

log = logging.getLogger("tigerd")

DRAIN = 64
"""Commands taken between two looks at the clock and at signals."""

TURN_MS = 200
"""The longest wait for a command: how late the heartbeat and a signal may be seen."""

LARGE_MS = 2
"""How long no small command comes before a large one is served."""

PAUSE_MS = 10
"""How long no command comes before the time is used for cleaning: one that comes then waits for
it. While commands come, cleaning has its turns between them. With 2 ms, a client that waits for the
processor is taken for one that is quiet: beside two processes that compute, the daemon took a
quarter more of the processor for an insert, and the insert a quarter longer."""

SOON_MS = 1
"""The same while the last turn of cleaning left more that may go now, as after a reader that held
much. Writes that come every few milliseconds leave no longer pause: with `PAUSE_MS`, the cleaner
had a turn only with one write in thirty-two. A write waits for one turn at most, as ever."""

SWEEP_S = 0.5
"""How often to look for namespaces, and the instance, whose process is gone."""

SWEEP_SHARE = 20
"""How many times longer the pause until the next look is than the look was, at least."""

DROPPED_TOLD = 10
"""How many dropped messages are named in the log, which shares the memory of the store."""


class Question(NamedTuple):
    """A request that changes nothing: the peer that asks, its number, and its arguments."""

    peer: bytes
    process: str
    client: int
    slot: int
    number: int
    arguments: list[Any]


class Server:
    """One instance's daemon."""

    def __init__(
        self, directory: Path, lock: int, *, max_record: int | None, idle_exit_s: float
    ) -> None:
        """Recover the instance, whose lock the caller has taken, and bind.

        Raises `TigerError`, `OSError` or `ZMQError`; then the lock stays the caller's.
        """
        self.directory = directory
        self._idle_exit_s = idle_exit_s
        control, _ = open_control(directory, max_record)
        self._control = control
        self._custody = Custody(directory, lock, control)
        self._applying = self._new_applying()
        self._own: Applies = self._applying
        """Applies the requests of the daemon itself."""
        self._slots = Slots(control)
        self._stopping = False
        self._is_over = False
        self._started = time.monotonic()
        self._busy_at = time.monotonic()
        self._dropped = 0
        self._sweep_at = 0.0
        self._waiting = Waiting()
        self._large = Large()
        self._unfinished = Unfinished()
        self._context = zmq.Context()
        self._bind()
        self._abandoned = Abandoned(directory, self._own, self._tell_waiting)
        self._beat()

    def _new_applying(self) -> Applying:
        return Applying(self.directory, self._control)

    @property
    def writer(self) -> Writer:
        """The object that stores commits; a new one after a request that failed in the middle."""
        return self._applying.writer

    def _bind(self) -> None:
        """Open the socket: frames of a limited size, from processes of this user only."""
        self._router = new_router(self._context)
        self._peers = Peers(self._context, self._router)
        self._router.bind(instance.endpoint(self.directory))
        self._custody.bound()
        self._arrivals = Arrivals(self._router, self._peers.sockets)

    # --- The loop ---

    def run(self) -> None:
        """Serve until a signal, a stop command, or the end of the idle time."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        wait_ms = PAUSE_MS
        try:
            while not self._stopping:
                requests, others = self._arrivals.wait(LARGE_MS if self._large else wait_ms)
                if others and self._look():
                    self._busy_at = time.monotonic()
                    wait_ms = PAUSE_MS
                if requests:
                    self._drain()
                    wait_ms = SOON_MS if self.writer.cleaner.has_more else PAUSE_MS
                elif not others and not self._large and wait_ms != TURN_MS:
                    wait_ms = 0 if self._applying.clean() else TURN_MS
                if self._large and self._large.is_due(requests or others):
                    self._serve(*self._large.take())
                    self._large.let_others()
                    self._busy_at = time.monotonic()
                if (now := self._beat()) >= self._sweep_at:
                    self._sweep()
                    took_s = time.monotonic() - now
                    self._sweep_at = now + max(SWEEP_S, SWEEP_SHARE * took_s)
                    if self.writer.cleaner.is_waiting:  # a reader may have let go of it
                        wait_ms = min(wait_ms, PAUSE_MS)
                    self._consider_idling()
        finally:
            self.close()

    def _look(self) -> bool:
        """Take what came to the other sockets; tell whether that keeps the daemon busy."""
        return self._peers.look()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._stopping:
            os._exit(128 + number)
        log.info("%s: stopping", signal.Signals(number).name)
        self._stopping = True

    def _drain(self) -> None:
        self._busy_at = time.monotonic()
        for _ in range(DRAIN):
            try:
                self._receive()
            except zmq.Again:  # it was not a message
                return
            if self.writer.cleaner.is_due():
                self._applying.clean()
            if self._large.is_full or not self._arrivals.is_more_coming():
                return

    def _beat(self) -> float:
        """Store the heartbeat; return the time, in seconds."""
        now = time.monotonic_ns()
        self._control.store(layout.HEARTBEAT, now)
        return now / 1e9

    def _sweep(self) -> None:
        """Look for namespaces that processes left, and for files that were removed."""
        self._custody.commit = self.writer.committed
        if self._custody.is_over():
            self._is_over = self._stopping = True
            return
        self._write_again(self._custody.lost(self.writer.segments()))
        if not self._custody.has_socket():
            self._open_again()
        self._abandoned.clear()
        self._waiting.forget_quiet()
        if self._unfinished.is_too_much(self._large.held):
            log.warning("unfinished messages hold too much memory: ending all connections")
            self._peers.hang_up()

    def _write_again(self, lost: list[WritableSegment]) -> None:
        """Write removed files again; clients of an old control segment have to connect again."""
        for segment in lost:
            log.warning("%s was removed: writing it again", segment.path)
        self._applying.write_again(lost)
        if self._control in lost:
            log.warning("its clients have to connect again: stopping")
            self._stopping = True

    def _open_again(self) -> None:
        """Bind again where only the socket was removed."""
        log.warning("the socket was removed: opening it again")
        self._arrivals.is_quiet = False
        try:
            self._router.bind(instance.endpoint(self.directory))
            self._custody.bound()
        except (zmq.ZMQError, OSError) as error:
            log.warning("cannot open it: %s; stopping", error)  # the next client starts another
            self._stopping = True

    def _consider_idling(self) -> None:
        idle_s = time.monotonic() - self._busy_at
        if self._idle_exit_s and not self._peers.connection_count and idle_s >= self._idle_exit_s:
            log.info("no client for %.0f s: stopping", idle_s)
            self._stopping = True

    # --- One message ---

    def _receive(self) -> None:
        """Take a message that is there and serve it."""
        # Twice as fast as recv_multipart. Further frames, which no client of ours sends, are looked
        # at after the answer: its sender may be watching for it.
        receive = self._router.recv
        peer: bytes = receive(zmq.NOBLOCK)
        frame: zmq.Frame = receive(zmq.NOBLOCK, copy=False)
        process = self._peers.processes.get(peer)
        if process is None:
            process = self._peers.note(peer, frame)
        if len(request := frame.bytes) > LARGE:
            self._large.put(Message(peer, process, request))
        else:
            self._serve(peer, process, request)
        while frame.more:
            frame = receive(zmq.NOBLOCK, copy=False)
            self._tell_dropped(f"a second frame of {len(frame)} bytes")

    def _serve(self, peer: bytes, process: str, frame: bytes) -> None:
        """Carry out a request. Drop any other message, since nobody waits for an answer to it."""
        try:
            request = parse(frame)
        except LayoutMismatch as error:
            self._reply(peer, 0, code_of(error), str(error))  # as in every protocol
            return
        except (ValueError, msgpack.UnpackException, RecursionError, MemoryError) as error:
            self._tell_dropped(f"a frame of {len(frame)} bytes: {error}")
            return
        client, slot, number, wants_reply, operations = request
        kind = operations[0][0] if operations and operations[0] else None
        if type(kind) is str and kind in _QUESTIONS:
            getattr(self, _QUESTIONS[kind])(
                Question(peer, process, client, slot, number, operations[0][1:])
            )
        elif not self._slots.is_open(client, slot, process):
            self._reply(peer, number, protocol.EVICTED, None)
        else:
            self._write(peer, (slot, number), wants_reply, operations)

    def _tell_dropped(self, what: str) -> None:
        """Log the first few, then one in a thousand: the log shares the memory of the store."""
        self._dropped += 1
        if self._dropped <= DROPPED_TOLD or self._dropped % 1000 == 0:
            log.warning("dropped %s (number %d)", what[:200], self._dropped)

    def _write(
        self, peer: bytes, request: RequestId, wants_reply: bool, operations: list[Any]
    ) -> None:
        slot, number = request
        last, status = self._slots.last(slot)
        if number <= last:
            if number == last:  # sent again: the answer is the first one's
                self._reply(peer, last, status, _told_again(status))
            return
        try:
            outcome = self._applying.apply(operations, request)
        except TigerError as error:
            self.writer.refuse(request, code_of(error))
            self._reply(peer, number, code_of(error), told(error))
        else:
            if wants_reply:
                self._reply(peer, number, outcome.status, outcome.record)
            if self._waiting.watched:
                self._tell_waiting(outcome.changed())
        self.writer.count_command()

    def _reply(self, peer: bytes, number: int, status: int, value: object) -> None:
        """Send a reply, unless the peer is gone or does not read: it will ask again."""
        self._arrivals.is_quiet = False
        try:
            self._router.send_multipart([peer, protocol.pack([number, status, value])], zmq.NOBLOCK)
        except (zmq.Again, zmq.ZMQError):
            log.debug("a reply found no reader")

    # --- Questions ---

    def _hello(self, question: Question) -> None:
        """Give a client its slot, or tell it that its number is another process's."""
        slot = self._slots.open(question.client, question.process)
        if slot is None:
            self._reply(question.peer, question.number, protocol.EVICTED, None)
            return
        value = [slot, self._control.words[layout.HEADER_INSTANCE]]
        self._reply(question.peer, question.number, protocol.DONE, value)

    def _ping(self, question: Question) -> None:
        value = {
            "pid": os.getpid(),
            "version": __version__,
            "commit": self.writer.commit,
            "uptime_s": time.monotonic() - self._started,
            "clients": len(self._slots),
            "connections": self._peers.connection_count,
        }
        self._reply(question.peer, question.number, protocol.DONE, value)

    def _confirm(self, question: Question) -> None:
        """Tell a client that stopped watching its slot that its request is done, if it is."""
        if self._slots.is_open(question.client, question.slot, question.process):
            last, status = self._slots.last(question.slot)
            if last == question.number:
                self._reply(question.peer, question.number, status, _told_again(status))

    def _stop(self, question: Question) -> None:
        log.info("asked to stop")
        self._stopping = True
        self._reply(question.peer, question.number, protocol.DONE, os.getpid())

    def _watch(self, question: Question) -> None:
        """Answer when a table, or any, was written to in a namespace after a commit."""
        match question.arguments:
            case [int(since), int() | None as table, str(namespace)]:
                if self.writer.changed_at(table, namespace) > since:
                    self._reply(question.peer, question.number, protocol.DONE, None)
                else:
                    self._waiting.add((table, namespace), question.peer, question.number)
            case _:
                self._tell_dropped("a watch with wrong arguments")

    def _everywhere(self, question: Question) -> None:
        """Answer at once, because without a log there are no other hosts."""
        self._reply(question.peer, question.number, protocol.DONE, None)

    def _tell_waiting(self, changed: set[Watched]) -> None:
        for peer, number in self._waiting.take(changed):
            self._reply(peer, number, protocol.DONE, None)

    # --- The end ---

    def close(self) -> None:
        """Leave the instance as it is, for the next daemon."""
        self._peers.close()
        self._context.destroy(linger=100)
        self._custody.commit = self.writer.committed
        if not self._is_over and not self._custody.is_over():
            self._write_again(self._custody.lost(self.writer.segments(), at_once=True))
        self._custody.release()


_QUESTIONS = {
    protocol.HELLO: "_hello",
    protocol.PING: "_ping",
    protocol.ANSWER: "_confirm",
    protocol.STOP: "_stop",
    protocol.WATCH: "_watch",
    protocol.EVERYWHERE: "_everywhere",
}
"""Each is answered by the method of that name."""


def _told_again(status: int) -> list[Any] | None:
    """Return an error whose first answer was lost, without its details."""
    if status not in CODES:
        return None
    if CODES[status] is Damaged:
        return told(Damaged(f"{FAILED}; see daemon.log, and `tigerd check`"))
    name = CODES[status].__name__
    return told(CODES[status](f"{name}: refused, and nothing was changed (answered again)"))
