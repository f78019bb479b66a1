"""An account: a namespace of a store, seen as the Stripe account that it holds."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tiger
from tigerstripe import keys
from tigerstripe.objects import due
from tigerstripe.others import Others
from tigerstripe.requests import faults
from tigerstripe.requests.engine import Engine
from tigerstripe.work import clock, events, settings
from tigerstripe.work.log import Log
from tigerstripe.work.scope import KEPT, Scope

if TYPE_CHECKING:
    import stripe

Record = dict[str, Any]

WAIT_S = 5.0
ROUNDS = 20
"""How often `deliver` looks for what the webhooks that it sent have brought about."""


class Account(Others):
    """A Stripe account in a store; `connect` makes one with a store of its own.

    Threads may share it, and a forked child may go on using it, as a store.
    """

    def __init__(self, store: tiger.Store, *, owns_store: bool = False) -> None:
        """Use the account that is the store's namespace; `close` closes a store that it owns.

        The store's `changes` are those of the account's objects from now on.
        """
        self.store = store
        store.left_out |= KEPT
        self._owns_store = owns_store
        self.engine: Engine = Engine(store)
        """What answers requests, of this account and others of the instance."""
        self.pages: Callable[[], str | None] | None = None
        """Returns where pages are served; None: the addresses in answers are Stripe's own."""

    def __repr__(self) -> str:
        return f"<Account {self.name!r} at {self.store.directory}>"

    @property
    def name(self) -> str:
        """The namespace."""
        return self.store.current_namespace

    @property
    def api_key(self) -> str:
        """The secret key: `sk_test_` and the namespace, percent-encoded where need be."""
        return keys.secret_key(self.name)

    @property
    def publishable_key(self) -> str:
        """The publishable key of the account."""
        return keys.publishable_key(self.name)

    # --- The SDK ---

    @cached_property
    def http_client(self) -> Any:
        """What `StripeClient(key, http_client=...)` takes; it needs the stripe package."""
        from tigerstripe.transport import Transport

        return Transport(self)

    def client(self, **options: Any) -> stripe.StripeClient:
        """Return a `StripeClient` on this account; the options are its own."""
        import stripe

        return stripe.StripeClient(self.api_key, http_client=self.http_client, **options)

    @contextmanager
    def installed(self) -> Iterator[Account]:
        """Let the SDK of this process talk to this account until the block ends."""
        from tigerstripe import sdk

        with sdk.installed(self):
            yield self

    def serve_pages(self) -> None:
        """Let the addresses of pages that the SDK of this process is given lead to pages here.

        `session.url`, of a portal session too, `payment_link.url`, invoices, receipts, and
        where a buyer authenticates. The first process of the account that answers with one begins
        a small server, for this machine alone, on a port of its own; all others give its addresses
        too. It ends with its process, and its addresses with it: then another one takes its place.
        Where sockets are forbidden, as by pytest-socket, none is begun: without one, addresses stay
        Stripe's own.
        """

        def base() -> str | None:
            from tigerstripe.pages import server

            return server.base(self._scope)

        self.pages = base

    # --- Time ---

    @property
    def now(self) -> int:
        """The time of the account's clock, in whole seconds since 1970."""
        return clock.now(self._scope)

    def freeze(self, at: int | None = None) -> int:
        """Stop the clock, at this moment or another; return the time it shows.

        Times are seconds since 1970. What is due until then is done. Raises TypeError for a
        time of another kind, as a `datetime`, and ValueError for one before 1970 or after 2199.
        """
        at = self.now if at is None else clock.seconds(at)
        due.work_off(self._scope, self._log, at)
        return clock.freeze(self._scope, at)

    def advance(self, to: int | None = None, **delta: float) -> int:
        """Move the clock on, to a time or by a `timedelta`'s arguments; return the time it shows.

        All that is due on the way is done, in order, before this returns; the clock shows each
        moment once what comes before it is done. Two that advance at once do each thing once, and
        where a process was killed on the way, the next call goes on. Test clocks stay as they are.
        Raises ValueError for a time before the one it shows, else as `freeze`.
        """
        now = self.now
        later = now + int(timedelta(**delta).total_seconds())
        target = clock.seconds(later if to is None else to)
        if target < now:
            raise ValueError(
                f"advance to {target}: the clock shows {now} already; use a later time"
            )
        due.work_off(self._scope, self._log, target)
        clock.move(self._scope, target)
        return target

    def thaw(self) -> None:
        """Let the clock go on from the time it shows."""
        clock.thaw(self._scope)

    # --- Faults on request ---

    def fail_next(
        self,
        match: str,
        status: int | None = None,
        code: str | None = None,
        times: int = 1,
        *,
        lost: str | None = None,
        retry: bool = False,
        **error: Any,
    ) -> None:
        """Let the next requests that match fail, in whichever process; nothing is done by them.

        `match` is a method and a path, as `POST /v1/customers`; `*` stands for anything, `{id}` for
        one part of a path. `status` is by default that of `code`, else 500; `error` are further
        members of the error, as `message` or `param`. With a `decline_code` of a test card, as
        `insufficient_funds`, the bank declines what the request wants to be paid, with all that
        comes of it: a failed charge, and events. `lost="request"` loses the
        connection instead, `lost="answer"` after the request was done. The SDK does not try again
        by itself, unless `retry`. What failed so is not kept under its idempotency key.

        Raises ValueError for a match that no request can fit, for a status that is no error's, and
        for codes and members of errors that Stripe does not have.
        """
        faults.add(self._scope, faults.fail(match, status, code, times, lost, retry, error))

    def delay_next(self, match: str, seconds: float, times: int = 1) -> None:
        """Let the answers to the next requests that match take so many seconds longer.

        Raises ValueError for a match that no request can fit, and for no time at all.
        """
        faults.add(self._scope, faults.delay(match, seconds, times))

    def waiting_faults(self) -> list[Record]:
        """Return what `fail_next` and `delay_next` asked for and no request has met yet."""
        return faults.waiting(self._scope)

    # --- What happened ---

    def events(self, type: str | None = None) -> list[Record]:
        """Return the account's events, oldest first; of a type, which may end in `*`."""
        due.catch_up(self._scope, self._log, settings.state(self._scope))
        found = self.store.events.list_namespace(self.name)[::-1]
        return [e for e in found if type is None or fnmatch.fnmatchcase(e["type"], type)]

    def wait_for_event(self, type: str, timeout_s: float = WAIT_S) -> Record:
        """Return the newest event of a type, waiting for one if there is none yet.

        Raises `tiger.TimedOut` after so many seconds.
        """
        return self.store.events.wait_for(
            lambda event: fnmatch.fnmatchcase(event["type"], type), timeout_s=timeout_s
        )

    def requests(self, path: str | None = None) -> list[Record]:
        """Return the log of requests, oldest first; of one path, if given.

        Other processes' reads are in it from their next write on.
        """
        return self._log.entries(path)

    # --- Webhooks ---

    def deliver(self, target: Any = None) -> list[Record]:
        """Send what webhook endpoints have not got yet, oldest first; return these deliveries.

        `target`: a WSGI or ASGI application, or a function `(path, headers, body) -> status`, that
        gets them instead of the endpoints' URLs; a response with a `status_code` is a status, too.
        What it does may make further events: those are sent too, in up to 20 rounds. A delivery
        that failed is sent again by the next call, 8 times at most. Raises TypeError for another
        target, and what an application or function raises.
        """
        from tigerstripe.webhooks import delivery, sending

        send = sending.sender(target)
        sent: dict[str, Record] = {}
        for _ in range(ROUNDS):
            found = [d["id"] for d in delivery.waiting(self._scope) if d["id"] not in sent]
            for id in found:
                answered = delivery.deliver(self._scope, self._log, id, send, self.pages)
                if answered is not None:
                    sent[id] = answered
            if not found:
                break
        return list(sent.values())

    def deliveries(self, type: str | None = None) -> list[Record]:
        """Return what was sent to webhook endpoints or waits to be, oldest first.

        Of a type of events, which may end in `*`. `attempts` has the answers. A fork begins with
        none: those of before are its origin's to send.
        """
        found = self.store.webhook_deliveries.list_namespace()[::-1]
        own = [d for d in found if events.is_own(self._scope, d)]
        return [d for d in own if type is None or fnmatch.fnmatchcase(d["event_type"], type)]

    # --- Copies ---

    @contextmanager
    def fork(self) -> Iterator[Account]:
        """Give an account that begins as a copy of this one, gone at the end."""
        with self.store.fork() as child:
            yield self._with_pages(Account(child))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo at the end what was done in this account within the block."""
        with self.store.savepoint():
            yield

    @contextmanager
    def sandbox(self) -> Iterator[Account]:
        """Give a fresh, empty account, gone at the end."""
        with self.store.sandbox() as child:
            yield self._with_pages(Account(child))

    def _with_pages(self, other: Account) -> Account:
        if self.pages is not None:
            other.serve_pages()
        return other

    # --- The end ---

    def close(self) -> None:
        """Put what the log has yet to say into the store, and close the store if it is its own."""
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _scope(self) -> Scope:
        return self.engine.account(self.name)[0]

    @property
    def _log(self) -> Log:
        return self.engine.account(self.name)[1]


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = 5.0,
) -> Account:
    """Return the account of a namespace, with the arguments of `tiger.connect`."""
    store = tiger.connect(directory, namespace=namespace, autostart=autostart, timeout_s=timeout_s)
    return Account(store, owns_store=True)
