"""The courier of a server: sends webhooks, and runs due entries, by itself.

It follows the changes of the whole instance, so it sees the events of all processes. Webhooks to
one endpoint are sent in order, one at a time; a slow endpoint delays no other. A webhook that
failed is sent again after a pause. In an account whose clock runs, things that are due are done
when the clock shows their time.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tiger import Store
from tiger.system import time
from tigerstripe.objects import due
from tigerstripe.requests.engine import Engine
from tigerstripe.webhooks import delivery
from tigerstripe.webhooks.sending import to_url
from tigerstripe.work import clock, events, settings

Lane = tuple[str, str]
"""A namespace, and the id of an endpoint."""

THREADS = 16
LOOK_S = 0.05
"""How often changes are looked for."""
AGAIN_S = 5.0
"""When something is tried again that the store refused."""

CLOCK = (settings.TABLE, settings.STATE)
"""The record with the state of an account's clock."""

log: logging.Logger = logging.getLogger("tigerstripe")


class Courier:
    """Sends the webhooks of an instance, in a thread of its own, until it is closed."""

    def __init__(self, store: Store, url: str | None) -> None:
        """Begin with the deliveries that wait; `url` is the server of pages, or None."""
        self._store = store
        self._url = url
        self._engine = Engine(store)
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        self._lock = threading.Lock()
        self._lanes: dict[Lane, deque[str]] = {}
        self._later: list[tuple[float, str, str]] = []
        """The looks to take later: time, namespace, and a delivery's id.

        Without an id: what is due in the namespace.
        """
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the deliveries that are being sent; the rest stays for the next courier."""
        self._ended.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
            except Exception as error:  # no daemon for a while, say
                log.warning("webhooks wait: %s", error)
                self._ended.wait(AGAIN_S)

    def _follow(self) -> None:
        changes = self._store.follow()
        self._look_at_all()
        missed = 0
        while not self._ended.wait(LOOK_S):
            times: set[str] = set()
            for change in changes.take():
                if change.namespace is None or change.id is None or change.what == "deleted":
                    continue
                if change.table == events.DELIVERIES:
                    self._look(change.namespace, change.id)
                elif change.table == due.TABLE or (change.table, change.id) == CLOCK:
                    times.add(change.namespace)
            for namespace in times:
                self._look_at_due(namespace)
            if changes.missed > missed:
                missed = changes.missed
                self._look_at_all()
            self._take_up()

    def _look_at_all(self) -> None:
        for namespace in self._store.namespaces():
            scope, _ = self._engine.account(namespace)
            for record in delivery.waiting(scope):
                self._look(namespace, record["id"])
            self._look_at_due(namespace)

    def _look(self, namespace: str, id: str) -> None:
        """Take a delivery up, now or when it is due."""
        scope, _ = self._engine.account(namespace)
        record = scope.table(events.DELIVERIES).get(id, None)
        if record is None or not events.is_own(scope, record):
            return
        now = time.time()
        if record["status"] == events.SENDING:  # look then whether it came to an end
            due_at = now + delivery.held_s(scope, record)
        elif record["status"] == events.PENDING:
            due_at = record["next_attempt_at"]
        else:
            return
        if due_at >= now:
            self._put_off(due_at, namespace, id)
        else:
            self._enqueue((namespace, record["endpoint"]), id)

    def _look_at_due(self, namespace: str) -> None:
        """Run the entries of an account when its clock shows their time."""
        scope, _ = self._engine.account(namespace)
        first = due.next_at(scope)
        left_s = None if first is None else clock.seconds_until(scope, first)
        if left_s is not None:
            self._put_off(time.time() + left_s, namespace, "")

    def _put_off(self, until: float, namespace: str, id: str) -> None:
        with self._lock:
            heapq.heappush(self._later, (until, namespace, id))

    def _take_up(self) -> None:
        """Take the looks that are due by now."""
        now = time.time()
        while self._later and self._later[0][0] <= now:
            with self._lock:
                _, namespace, id = heapq.heappop(self._later)
            if id:
                self._look(namespace, id)
            else:
                self._pool.submit(self._guarded, self._run_due, namespace, "")

    # --- Lanes ---

    def _enqueue(self, lane: Lane, id: str) -> None:
        with self._lock:
            waiting = self._lanes.get(lane)
            if waiting is None:
                self._lanes[lane] = deque((id,))
                self._pool.submit(self._drive, lane)
            elif id not in waiting:
                waiting.append(id)

    def _drive(self, lane: Lane) -> None:
        """Send the deliveries of a lane one after the other, until it is empty."""
        while True:
            with self._lock:
                waiting = self._lanes[lane]
                if not waiting or self._ended.is_set():
                    del self._lanes[lane]
                    return
                id = waiting.popleft()
            self._guarded(self._send, lane[0], id)

    def _send(self, namespace: str, id: str) -> None:
        scope, its_log = self._engine.account(namespace)
        delivery.deliver(scope, its_log, id, to_url, lambda: self._url)

    def _run_due(self, namespace: str, _: str) -> None:
        scope, its_log = self._engine.account(namespace)
        due.run_until(scope, its_log, clock.now(scope))
        self._look_at_due(namespace)

    def _guarded(self, do: Callable[[str, str], None], namespace: str, id: str) -> None:
        """Call a function; an error of the store is tried again later, and no error ends a lane."""
        try:
            do(namespace, id)
        except Exception as error:
            log.warning("%s of %s waits: %s", id or "what is due", namespace, error)
            self._put_off(time.time() + AGAIN_S, namespace, id)
