"""The engine: a request goes through all steps, and becomes an answer.

    account -> route -> faults -> version -> parameters -> plan -> shape -> commit -> idempotency

Each step is a module. This one has their order, and turns errors of the store into answers. An
engine serves one instance, and all accounts in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tiger import AlreadyExists, Conflict, InvalidRecord, Store, TigerError
from tigerstripe import errors, keys
from tigerstripe.errors import Refused
from tigerstripe.facts import parameters, versions
from tigerstripe.facts.table import facts
from tigerstripe.ids import letters, new_id
from tigerstripe.objects import due, registry
from tigerstripe.records import Record
from tigerstripe.requests import addresses, expansion, faults, form, idempotency, not_yet
from tigerstripe.requests.messages import Headers, Request, Response
from tigerstripe.requests.routes import Route, route
from tigerstripe.requests.shape import shaped, told
from tigerstripe.work import clock, settings
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

if TYPE_CHECKING:
    from tigerstripe.objects.resource import Handler, Ids


encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Writes an answer; no record is in itself."""

ATTEMPTS = 200
"""How often a request is worked out again if other processes are faster."""

BUSY = (
    "This object cannot be accessed right now because another API request or Stripe process is "
    "currently accessing it. If you see this error intermittently, retry the request. If you see "
    "this error frequently and are making multiple concurrent requests to a single object, make "
    "your requests serially or at a lower rate."
)


class Engine:
    """Answers requests from a store."""

    def __init__(self, store: Store) -> None:
        """Answer from the instance of a store."""
        self._store = store
        self._accounts: dict[str, tuple[Scope, Log]] = {}
        self._noticed: set[str] = set()
        self.reads_wait = True
        """Whether reads, like writes, first run due entries; if not, a courier must do it."""
        self.tells_failures = False
        """Whether a failed request is written to the log at once, even without a later write.

        That is so in processes that a test started, because the report of the test shows it.
        """

    def account(self, namespace: str) -> tuple[Scope, Log]:
        """Return the tables of an account, and this process's part of its log."""
        known = self._accounts.get(namespace)
        if known is None:
            scope = Scope(self._store.namespace(namespace))
            known = self._accounts.setdefault(namespace, (scope, Log(scope)))
        return known

    def answer(self, request: Request, namespace: str | None = None) -> Response:
        """Return the answer to a request; nothing that a client can send makes it raise.

        `namespace`: the account of the transport; without it the key or the path names the account.
        """
        request_id = new_id("req", 14)
        try:
            return Exchange(self, request, request_id, namespace).answer()
        except Refused as refused:
            return self.refusal(refused, request_id)
        except TigerError as error:
            return self.refusal(_of_store(error), request_id)

    def refusal(self, refused: Refused, request_id: str) -> Response:
        """Return the answer for an error."""
        headers = Headers({"request-id": request_id, "content-type": "application/json"})
        headers.update({name.lower(): value for name, value in refused.headers.items()})
        return Response(
            refused.status, encode({"error": refused.error}), headers, delay_s=refused.delay_s
        )

    def notice(self, version: str) -> str | None:
        """Return the notice about an unknown version, once for each version."""
        if version in self._noticed:
            return None
        self._noticed.add(version)
        return versions.notice(version)


class Exchange:
    """One request and its answer."""

    def __init__(
        self, engine: Engine, request: Request, request_id: str, namespace: str | None
    ) -> None:
        """Find the account; raises `Refused` (401, 403)."""
        self._engine = engine
        self._request = request
        self._id = request_id
        self._path = request.path
        key, named = keys.asked(request.authorization)
        self._is_publishable = key.startswith("pk_")
        if request.path.startswith("/accounts/"):
            name, _, rest = request.path[len("/accounts/") :].partition("/")
            named, self._path = unquote(name), f"/{rest}"
        self._scope, self._log = engine.account(named if namespace is None else namespace)
        if request.account:
            self._scope = self._connected(key, request.account)
        self._state = settings.state(self._scope)
        self._now = clock.shown(self._state)
        if engine.reads_wait or request.method != "GET":
            due.catch_up(self._scope, self._log, self._state)
        self._params: Record = {}
        self._met = faults.NOTHING

    def _connected(self, key: str, account: str) -> Scope:
        """Return the tables of an account; raises `Refused` (403) if it is not the key's."""
        if account in self._scope.table("accounts"):
            return self._scope.inside(account)
        own = self._scope.table("account_settings").get("account", None)
        if own is None or own["account"]["id"] != account:
            raise keys.no_such_account(key, account)
        return self._scope

    def answer(self) -> Response:
        """Return the answer; a refusal is logged before it is raised."""
        request = self._request
        try:
            response, is_logged = self._answer(route(request.method, self._path))
        except (Refused, TigerError) as error:
            refused = error if isinstance(error, Refused) else _of_store(error)
            if refused.status != 404 or refused.error.keys() & {"code", "param"}:
                refused.error["request_log_url"] = log_url(self._scope, self._id)
            self._note(refused.status, refused.error)
            refused.headers = {**self._headers(), **refused.headers}
            refused.delay_s = self._met.delay_s
            raise refused from None
        if not is_logged:
            self._note(response.status, None)
        if request.pages is not None:
            name = self._scope.store.current_namespace
            response.body = addresses.local(response.body, request.pages, name)
        return self._met_by(response)

    def _met_by(self, response: Response) -> Response:
        """Apply the delay or the loss that this request has met to its answer."""
        delay_s, failure = self._met
        response.delay_s = delay_s
        if failure is not None and failure["lost"] is not None:
            response.status = failure["status"]
            response.headers.update(faults.refusal(failure).headers)
        return response

    def _note(self, status: int, error: Record | None) -> None:
        self._log.note(
            self._now,
            self._request.method,
            self._path,
            self._params,
            status,
            error,
            self._scope.account,
        )
        if error is not None and self._engine.tells_failures:
            self._log.tell()

    def _answer(self, where: Route) -> tuple[Response, bool]:
        """Return the answer, and whether it is in the log already."""
        request = self._request
        body = None if request.method == "GET" else request.body  # Stripe reads none of a GET
        if request.query or body:
            self._params = form.decode(request.query, body, request.content_type)
        decline = self._meet()
        handler = self._handler(where.operation)
        version = versions.asked(request.version) if request.version else versions.newest()
        params, wanted = self._checked(where.operation, version)
        key = request.idempotency_key if request.method == "POST" else None
        if key is not None:
            idempotency.check(key)
        for attempt in range(ATTEMPTS):
            there = None
            if attempt:  # others were faster, or this was answered before: the first commit tells
                self._now = clock.now(self._scope)
                there = idempotency.find(self._scope, key) if key is not None else None
            if there is not None and idempotency.is_current(there, self._now):
                idempotency.check_same(there, request.method, self._path, self._params)
                return self._replay(there, version), False
            work = self._work(version, key, decline)
            try:
                status, answer = self._work_out(work, handler, where.ids, params, wanted)
                body = encode(answer)
                # A read of a test card makes one.
                is_read = not work.is_write and work.writes_nothing
                is_done = is_read or self._commit(work, status, body, there is not None)
            except (Refused, TigerError) as error:
                if not attempt and key is not None and idempotency.find(self._scope, key):
                    continue
                if isinstance(error, Refused) and work.is_outdated():
                    continue
                raise
            if is_done:
                return Response(status, body, self._headers(version)), request.method == "POST"
        raise Refused(
            BUSY, status=429, code="lock_timeout", headers={"stripe-should-retry": "true"}
        )

    def _meet(self) -> str | None:
        """Take the faults that wait for this request; return why the bank declines its payment.

        None: it is not told to. Raises `Refused` for a failure that was asked for.
        """
        self._met = faults.meet(self._scope, self._state, self._request.method, self._path)
        failure = self._met.failure
        if failure is None:
            return None
        decline = faults.decline(failure)
        if failure["lost"] != "answer" and decline is None:
            raise faults.refusal(failure)
        return decline

    def _checked(self, operation: str, version: str) -> tuple[Record, expansion.Expansion]:
        """Return the parameters in their types, and the expansions; raises `Refused`."""
        if not (self._params or facts().parameters(operation).required):
            return {}, expansion.NONE
        # The account's own version, of a request without one, may be any, as with Stripe's CLI.
        typed = parameters.checked(
            operation, self._params, version if self._request.version else ""
        )
        wanted = expansion.expansion(operation, typed.pop("expand", None), version)
        not_yet.check(operation, typed)
        return typed, wanted

    def _work(self, version: str, key: str | None, decline: str | None) -> Work:
        """Return the work of one attempt; raises `Refused` if its connected account is gone."""
        is_write = self._request.method != "GET"
        work = Work(
            self._scope, self._now, version, self._id, is_write=is_write, idempotency_key=key
        )
        if self._scope.account is not None:
            registry.need("account").named(work, {"account": self._scope.account})
        work.decline, work.is_publishable = decline, self._is_publishable
        work.has_version = bool(self._request.version)
        return work

    def _handler(self, operation: str) -> Handler:
        """Return the method that does an operation; raises `Refused` (501, 401)."""
        handler = registry.handler(operation)
        if handler is None:
            raise errors.not_built(*operation.split(" "))
        if self._is_publishable and operation not in keys.OF_CLIENTS:
            raise keys.secret_key_required()
        return handler

    def _work_out(
        self, work: Work, handler: Handler, ids: Ids, params: Record, wanted: expansion.Expansion
    ) -> tuple[int, Record]:
        """Carry out the operation, and return status and answer; nothing is committed yet."""
        try:
            seen = registry.owner(handler).in_time(work, ids, params) if work.is_write else work
            answer = shaped(work, handler(seen, ids, {**params}), wanted, self._path)
        except errors.Declined as declined:
            declined.error["request_log_url"] = log_url(self._scope, self._id)
            return declined.status, {"error": told(work, declined.error)}
        except Refused as refused:
            refused.error = told(work, refused.error)
            raise
        if work.decline is not None and self._met.failure is not None:  # no bank was asked
            raise faults.refusal(self._met.failure)
        return 200, answer

    def _commit(self, work: Work, status: int, body: str, is_over: bool) -> bool:
        """Commit; False if another process was faster."""
        request = self._request
        if request.method == "POST":
            key = request.idempotency_key or f"made-{self._id}"
            idempotency.keep(
                work,
                key,
                request.method,
                self._path,
                self._params,
                status,
                body,
                is_over=is_over,
            )
        try:
            work.commit(self._log)
        except (Conflict, AlreadyExists):
            return False
        return True

    def _replay(self, kept: Record, version: str) -> Response:
        headers = self._headers(version)
        headers["original-request"] = kept["request"]
        headers["idempotent-replayed"] = "true"
        return Response(kept["status"], kept["body"], headers)

    def _headers(self, version: str | None = None) -> Headers:
        request = self._request
        version = version or request.version or versions.newest()
        headers = Headers({
            "request-id": self._id,
            "stripe-version": version,
            "content-type": "application/json",
        })  # fmt: skip
        if request.method == "POST":
            headers["idempotency-key"] = request.idempotency_key or made_up_key()
            headers["original-request"] = self._id
            headers["stripe-should-retry"] = "false"
        elif request.method == "DELETE" and request.idempotency_key:
            headers["idempotency-key"] = request.idempotency_key
        if not versions.is_known(version) and (notice := self._engine.notice(version)):
            headers["stripe-notice"] = notice
        return headers


def made_up_key() -> str:
    """Return a key for a request without one, in the form of a UUID."""
    text = letters(32).lower()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def log_url(scope: Scope, request_id: str) -> str:
    """Return the address of a request in the real dashboard."""
    return f"https://dashboard.stripe.com/test/workbench/logs?object={request_id}"


def _of_store(error: TigerError) -> Refused:
    """Return the refusal for an error of the store; it asks for no retry."""
    if isinstance(error, InvalidRecord):  # an id or a text that nothing could be stored under
        return Refused(f"Invalid request: {error}")
    return errors.of_fake(f"tigerstripe's store could not do it: {error}")
