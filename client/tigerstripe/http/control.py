"""Control over HTTP: the methods of an account, as JSON under `/_tiger/`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from tiger import AlreadyExists, Store, TigerError, __version__
from tigerstripe import keys
from tigerstripe.account import Account
from tigerstripe.errors import Refused
from tigerstripe.http.api import Gone, TooLarge, read_body
from tigerstripe.ids import letters
from tigerstripe.records import Params

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

Action = Callable[[Account, Params], Params]
Kind = tuple[tuple[type, ...], str]

NUMBER: Kind = ((int, float), "a number")
TEXT: Kind = ((str,), "a text")
FLAG: Kind = ((bool,), "true or false")
UNITS = dict.fromkeys(("weeks", "days", "hours", "minutes", "seconds"), NUMBER)
FAULT: dict[str, Kind] = {
    "match": TEXT,
    "status": NUMBER,
    "code": TEXT,
    "times": NUMBER,
    "lost": TEXT,
    "retry": FLAG,
    "seconds": NUMBER,
}
"""Those of `fail_next` and `delay_next`; others are members of the error."""


def advance(account: Account, params: Params) -> Params:
    """Move the clock on: `to` a time, or by `days`, `hours`, `minutes`, `seconds`, `weeks`."""
    return {"now": account.advance(**only(params, to=NUMBER, **UNITS))}


def freeze(account: Account, params: Params) -> Params:
    """Stop the clock, `at` a time or now."""
    return {"now": account.freeze(**only(params, at=NUMBER))}


def deliver(account: Account, params: Params) -> Params:
    """Send the webhooks that wait."""
    only(params)
    return {"data": account.deliver()}


def complete(account: Account, params: Params) -> Params:
    """Complete a checkout `session` as its buyer would, with the arguments that Python takes."""
    if not isinstance(params.get("session"), str):
        raise TypeError("session is missing: the id of a checkout session, as cs_test_...")
    return {"data": account.complete_checkout(**params)}


def pay(account: Account, params: Params) -> Params:
    """Pay an `invoice` on its page as its customer would, with the arguments that Python takes."""
    if not isinstance(params.get("invoice"), str):
        raise TypeError("invoice is missing: the id of an invoice, as in_...")
    return {"data": account.pay_invoice_page(**params)}


def onboard(account: Account, params: Params) -> Params:
    """Let the owner of a connected `account` say all that it lacks."""
    given = only(params, account=TEXT)
    if "account" not in given:
        raise TypeError("account is missing: the id of a connected account, as acct_...")
    return {"data": account.onboard(given["account"])}


def events(account: Account, params: Params) -> Params:
    """Return the events, of a `type` if given."""
    return {"data": account.events(**only(params, type=TEXT))}


def requests(account: Account, params: Params) -> Params:
    """Return the log of requests, of a `path` if given."""
    return {"data": account.requests(**only(params, path=TEXT))}


def authenticate(account: Account, params: Params) -> Params:
    """Let the buyer authenticate an `intent`, or fail to: `succeed` is false."""
    of = needed(params, "intent")
    return {"data": account.authenticate(of, **only(params, succeed=FLAG))}


def dispute(account: Account, params: Params) -> Params:
    """Let the buyer question a `charge`: `reason`, `amount`, `inquiry`."""
    of = needed(params, "charge")
    kinds = {"reason": TEXT, "amount": NUMBER, "inquiry": FLAG}
    return {"data": account.dispute(of, **only(params, **kinds))}


def settle(account: Account, params: Params) -> Params:
    """Let the bank decide about an object, by its `id`: `succeed`, `failure`."""
    of = needed(params, "id")
    return {"data": account.settle(of, **only(params, succeed=FLAG, failure=TEXT))}


def needed(params: Params, name: str) -> str:
    """Take a parameter that has to be given; raises TypeError if it is not."""
    value = params.pop(name, None)
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected an id, got {value!r}")
    return value


def fail(account: Account, params: Params) -> Params:
    """Let the next requests fail, or with `seconds` be slow: `fail_next` and `delay_next`."""
    only({name: value for name, value in params.items() if name in FAULT}, **FAULT)
    if "match" not in params:
        raise TypeError("match is missing: a method and a path, as POST /v1/customers")
    if "seconds" in params:
        account.delay_next(**params)
    else:
        account.fail_next(**params)
    return {"ok": True}


def fork(account: Account, params: Params) -> Params:
    """Begin an account as a copy of this one, under a `name` or a new one; `reset` ends it."""
    name = only(params, name=TEXT).get("name") or f"{account.name}-fork-{letters(8)}"
    child = Account(account.store.begin_fork(name))
    return {"account": child.name, "api_key": child.api_key}


def reset(account: Account, params: Params) -> Params:
    """Empty the account; a fork is gone by that."""
    only(params)
    account.store.clear_namespace()
    return {"ok": True}


def only(params: Params, **kinds: Kind) -> Params:
    """Return parameters; raises TypeError if there are others, or one is of another type."""
    unknown = [name for name in params if name not in kinds]
    if unknown:
        takes = f"it takes {', '.join(kinds)}" if kinds else "it takes none"
        raise TypeError(f"unknown parameters: {', '.join(unknown)}; {takes}")
    for name, value in params.items():
        types, words = kinds[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError(f"{name}: expected {words}, got {value!r}")
    return params


READS: dict[str, Action] = {"events": events, "requests": requests}
"""By GET."""
WRITES: dict[str, Action] = {
    "advance": advance,
    "authenticate": authenticate,
    "complete": complete,
    "deliver": deliver,
    "dispute": dispute,
    "fail": fail,
    "fork": fork,
    "freeze": freeze,
    "onboard": onboard,
    "pay": pay,
    "reset": reset,
    "settle": settle,
}
"""By POST."""
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (AlreadyExists, 409),
    (TooLarge, 413),
    (Gone, 400),
    (ValueError, 400),
    (TypeError, 400),
    (OverflowError, 400),
    (TigerError, 500),
)
"""The status of each error; the first that fits counts."""


class Control:
    """Answers `/_tiger/...` and `/accounts/NAME/_tiger/...`."""

    def __init__(self, store: Store, namespace: str | None) -> None:
        """Act on a store's accounts; `namespace` is that of all keys, else each names its own."""
        self._store = store
        self._namespace = namespace

    async def __call__(self, request: HttpRequest) -> Response:
        """Answer one request."""
        action = request.path_params["action"]
        if action == "health":
            return await run_in_threadpool(self._health)
        do = READS.get(action) if request.method == "GET" else WRITES.get(action)
        if do is None or request.method not in ("GET", "POST"):
            return _not_there(request.method, action)
        if "origin" in request.headers:
            return error(
                403, "pages in a browser may not use this, since anybody could have made them"
            )
        try:
            account = self._account(request)
            params = await _params(request)
            return JSONResponse(await run_in_threadpool(do, account, params))
        except Refused as refused:
            return JSONResponse({"error": refused.error}, refused.status)
        except tuple(kind for kind, _ in STATUSES) as failed:
            status = next(status for kind, status in STATUSES if isinstance(failed, kind))
            return error(status, f"/_tiger/{action}: {failed}")

    def _account(self, request: HttpRequest) -> Account:
        named = request.path_params.get("account")
        if named is None:
            _, named = keys.asked(request.headers.get("authorization"))
        return Account(self._store.namespace(self._namespace or named))

    def _health(self) -> Response:
        """Tell whether the store answers."""
        try:
            daemon = self._store.ping()
        except TigerError as failed:
            return error(503, str(failed))
        directory = str(self._store.directory)
        document = {"ok": True, "daemon": daemon["pid"], "directory": directory}
        return JSONResponse({**document, "version": __version__})


async def _params(request: HttpRequest) -> Params:
    """Return the parameters: of the query, or the JSON object that the body is."""
    if request.method == "GET":
        return dict(parse_qsl(request.url.query, keep_blank_values=True))
    body = await read_body(request.scope, request.receive)
    try:
        params = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise TypeError(f"expected a JSON object, got {type(params).__name__}")
    return params


def _not_there(method: str, action: str) -> Response:
    """Return the refusal of an unknown control."""
    if action in READS or action in WRITES:
        right = "GET" if action in READS else "POST"
        return error(405, f"/_tiger/{action} takes {right}, not {method}")
    known = ", ".join(sorted(["health", *READS, *WRITES]))
    return error(404, f"no control named {action!r}: use one of {known}")


def error(status: int, message: str) -> Response:
    """Return an error in the shape of Stripe's."""
    kind = "api_error" if status >= 500 else "invalid_request_error"
    return JSONResponse({"error": {"type": kind, "message": message}}, status)
