"""An account: a namespace of a store, presented as a Stripe account."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tiger
from tigerstripe import keys
from tigerstripe.objects import due
from tigerstripe.others import Others
from tigerstripe.records import Record
from tigerstripe.requests import faults
from tigerstripe.requests.engine import Engine
from tigerstripe.work import clock, events, settings
from tigerstripe.work.log import Log
from tigerstripe.work.scope import KEPT, Scope

if TYPE_CHECKING:
    import stripe


WAIT_S = 5.0
ROUNDS = 20
"""How often `deliver` looks for what the webhooks that it sent have brought about."""


class Account(Others):
    """A Stripe account in a store; `connect` makes one with a store of its own.

    Threads may share an account, and a forked child may go on using it, as with a store. Times are
    whole seconds since 1970, amounts of money whole numbers of the currency's smallest unit, and
    objects and events plain dicts. "As every read" and "as every write" mean the errors of the
    store, which a call may also raise where its docstring names others.
    """

    def __init__(self, store: tiger.Store, *, owns_store: bool = False) -> None:
        """Use the account that is the store's namespace.

        From now on the store's `changes` leave out the tables that an account keeps for itself.
        With `owns_store`, `close` closes the store, too.
        """
        self.store = store
        store.left_out |= KEPT
        self._owns_store = owns_store
        self.engine: Engine = Engine(store)
        """The engine, which answers requests of this account and of others in the instance."""
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
        """The secret key: `sk_test_` and the namespace, percent-encoded where necessary."""
        return keys.secret_key(self.name)

    @property
    def publishable_key(self) -> str:
        """The publishable key: `pk_test_` and the namespace, encoded in the same way."""
        return keys.publishable_key(self.name)

    # --- The SDK ---

    @cached_property
    def http_client(self) -> Any:
        """The transport that `StripeClient(key, http_client=...)` takes.

        Raises ImportError without the `stripe` package.
        """
        from tigerstripe.transport import Transport

        return Transport(self)

    def client(self, **options: Any) -> stripe.StripeClient:
        """Return a `StripeClient` on this account; `options` are the client's own.

        Raises ImportError without the `stripe` package, and the client's own errors for options.
        """
        import stripe

        return stripe.StripeClient(self.api_key, http_client=self.http_client, **options)

    @contextmanager
    def installed(self) -> Iterator[Account]:
        """Let the SDK of this process talk to this account until the block ends.

        Raises as `tigerstripe.install`.
        """
        from tigerstripe import sdk

        with sdk.installed(self):
            yield self

    def serve_pages(self) -> None:
        """Serve pages for buyers, and put their addresses into answers instead of Stripe's own.

        This is about answers to the SDK of this process: the URLs of checkout and portal sessions,
        payment links, invoices and receipts, and the page where a buyer authenticates. The first
        process of the account that answers with such an address starts a small server, on a free
        port of this machine's loopback interface; other processes give the addresses of that
        server. It ends with its process, and then another process starts one. Where sockets are
        forbidden, as by pytest-socket, there is no server, and addresses stay Stripe's own.
        Raises nothing.
        """

        def base() -> str | None:
            from tigerstripe.pages import server

            return server.base(self._scope)

        self.pages = base

    # --- Time ---

    @property
    def now(self) -> int:
        """The time that the account's clock shows."""
        return clock.now(self._scope)

    def freeze(self, at: int | None = None) -> int:
        """Stop the clock at a time, by default now; return the time that it shows.

        Everything that is due until then is done first. Raises TypeError for a time that is no
        number, as a `datetime`, and ValueError for one before 1970 or after 2199.
        """
        at = self.now if at is None else clock.seconds(at)
        self._bring_to(at, clock.freeze)
        return at

    def advance(self, to: int | None = None, **delta: float) -> int:
        """Move the clock forward, `to` a time or by a `timedelta`'s arguments; return the new time.

        Everything that becomes due on the way is done before this returns, in order, and the clock
        shows a time only when everything before it is done, except what another process adds in
        that moment. If two processes advance at once, each thing is done once; if a process is
        killed meanwhile, the next call continues. Test clocks do not move. Raises TypeError and
        ValueError as `freeze`, and for arguments that a `timedelta` does not take; also ValueError
        for a time before the one that the clock shows. Cost: about that of a request for each thing
        that is due.
        """
        now = self.now
        target = clock.seconds(now + clock.span(delta) if to is None else to)
        if target < now:
            raise ValueError(
                f"advance to {target}: the clock shows {now} already; use a later time"
            )
        self._bring_to(target, clock.move)
        return target

    def _bring_to(self, at: int, show: Callable[[Scope, int], object]) -> None:
        """Run all entries until a time, and let the clock show it."""
        next_at: int | None = at
        while next_at is not None and next_at <= at:  # others may add some while the clock moves
            due.run_until(self._scope, self._log, at)
            show(self._scope, at)
            next_at = due.next_at(self._scope)

    def thaw(self) -> None:
        """Let the clock run on from the time that it shows; raises as every write."""
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
        """Let the next requests that match fail, in any process; nothing is done for them.

        `match`: a method and a path, as `POST /v1/customers`; `*` stands for anything, `{id}` for
        one part of a path. `times`: how many requests fail.
        `status`, `code`, `error`: the error that is answered. The status is by default that of the
        code, else 500; `error` has other members, as `message` or `param`. With a `decline_code`
        of a test card, as `insufficient_funds`, the bank declines the payment that the request asks
        for, and everything follows that follows a decline: a failed charge, and events.
        `lost`: "request" loses the connection before the request is done, "answer" afterwards.
        `retry`: whether the SDK is told to try again by itself.

        An answer that failed in this way is not kept under the request's idempotency key.

        Raises ValueError for a match that fits no request, for a status that is not an error's, and
        for codes and members of errors that Stripe does not have.
        """
        faults.add(self._scope, faults.fail(match, status, code, times, lost, retry, error))

    def delay_next(self, match: str, seconds: float, times: int = 1) -> None:
        """Delay the answers to the next `times` requests that match, by `seconds`.

        `match` is that of `fail_next`. Raises ValueError for a match that fits no request, and for
        a delay that is not above 0.
        """
        faults.add(self._scope, faults.delay(match, seconds, times))

    def waiting_faults(self) -> list[Record]:
        """Return the faults of `fail_next` and `delay_next` that still wait for a request.

        Raises as every read.
        """
        return faults.waiting(self._scope)

    # --- What happened ---

    def events(self, type: str | None = None) -> list[Record]:
        """Return the account's events, oldest first; with `type`, which may have `*`, of that type.

        Everything due by now is done first. Raises as every read. Cost: a read of all events.
        """
        due.catch_up(self._scope, self._log, settings.state(self._scope))
        found = self.store.events.list_namespace(self.name)[::-1]
        return [e for e in found if type is None or fnmatch.fnmatchcase(e["type"], type)]

    def wait_for_event(self, type: str, timeout_s: float = WAIT_S) -> Record:
        """Return the newest event of a type, which may have `*`; wait if there is none yet.

        Raises `tiger.TimedOut` after `timeout_s` seconds.
        """
        return self.store.events.wait_for(
            lambda event: fnmatch.fnmatchcase(event["type"], type), timeout_s=timeout_s
        )

    def requests(self, path: str | None = None) -> list[Record]:
        """Return the log of requests of all processes, oldest first; with `path`, of that path.

        A process keeps the entries of requests that wrote nothing until its next write, 256 at
        most. Raises as every read. Cost: a read of the whole log.
        """
        return self._log.entries(path)

    # --- Webhooks ---

    def deliver(self, target: Any = None) -> list[Record]:
        """Send the webhooks that wait, oldest first; return their deliveries, with the answers.

        `target` gets them instead of the endpoints' URLs: a WSGI or ASGI application, or a function
        `(path, headers, body)` that returns a status or a response with a `status_code`. Webhooks
        of events that the target brings about are sent too, in up to 20 rounds. A delivery that
        failed is sent again by the next call, 8 times at most.

        Raises TypeError for another target, and what an application or a function raises. Cost:
        two commits for each delivery, and the time of its receiver, up to 10 s for a URL.
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
        """Return the deliveries to webhook endpoints, sent and waiting, oldest first.

        With `type`, which may have `*`, those of events of that type. `attempts` has the answers.
        A fork begins with none: it sends only what happens in it. Raises as every read. Cost: a
        read of all deliveries.
        """
        found = self.store.webhook_deliveries.list_namespace()[::-1]
        own = [d for d in found if events.is_own(self._scope, d)]
        return [d for d in own if type is None or fnmatch.fnmatchcase(d["event_type"], type)]

    # --- Copies ---

    @contextmanager
    def fork(self) -> Iterator[Account]:
        """Give an account that begins as a copy of this one and is removed at the end.

        Meanwhile this account cannot be written. Raises as `tiger.Store.fork`. Cost: that of two
        writes, however many objects there are.
        """
        with self.store.fork() as child:
            yield self._with_pages(Account(child))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo, at the end, the changes made in this account during the block.

        Raises as `tiger.Store.savepoint`. Cost: that of the undone changes.
        """
        with self.store.savepoint():
            yield

    @contextmanager
    def sandbox(self) -> Iterator[Account]:
        """Give an empty account that is removed at the end; raises as `tiger.Store.sandbox`."""
        with self.store.sandbox() as child:
            yield self._with_pages(Account(child))

    def _with_pages(self, other: Account) -> Account:
        if self.pages is not None:
            other.serve_pages()
        return other

    # --- The end ---

    def close(self) -> None:
        """Close the store, if the account owns it; raises nothing."""
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
    """Return the account of a namespace; arguments and errors are those of `tiger.connect`."""
    store = tiger.connect(directory, namespace=namespace, autostart=autostart, timeout_s=timeout_s)
    return Account(store, owns_store=True)
