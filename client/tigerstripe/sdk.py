"""Installing: the SDK of this process talks to an account, and to nothing else.

All calls of the SDK, of `stripe.*` and of clients whenever they were made, sync and async, ask one
method for their transport: that is replaced. A transport of ours that a client was given stays its
own. `uninstall` puts all of it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tigerstripe.account import Account

_installed: list[tuple[Account, list[Callable[[], None]], bool]] = []
"""What is installed, the last one in force: the account, what undoes it, if it was made here."""


def install(account: Account | None = None) -> Account:
    """Let the SDK of this process talk to an account; return it.

    Without an account it is the one of `TIGERD_DIR` and `TIGERD_NAMESPACE`. Again is fine: the last
    one counts, until its `uninstall`. Where no `stripe.api_key` is set, the account's is.
    """
    import stripe
    from stripe._api_requestor import _APIRequestor

    from tigerstripe.account import connect
    from tigerstripe.transport import Transport

    is_ours = account is None
    account = connect() if account is None else account
    transport = account.http_client

    def get_http_client(requestor: Any) -> Any:
        own = requestor._client
        return own if isinstance(own, Transport) else transport

    undo: list[Callable[[], None]] = []
    _set(undo, _APIRequestor, "_get_http_client", get_http_client)
    _set(undo, stripe, "enable_telemetry", False)  # it would write a file into the home
    if not stripe.api_key:
        _set(undo, stripe, "api_key", account.api_key)
    _installed.append((account, undo, is_ours))
    return account


def uninstall() -> None:
    """Let the SDK be as it was before the last `install`; without one, nothing happens."""
    if not _installed:
        return
    account, undo, is_ours = _installed.pop()
    for step in reversed(undo):
        step()
    if is_ours:
        account.close()


@contextmanager
def installed(account: Account) -> Iterator[Account]:
    """Let the SDK talk to an account until the block ends."""
    install(account)
    try:
        yield account
    finally:
        uninstall()


def _set(undo: list[Callable[[], None]], thing: Any, name: str, value: Any) -> None:
    before = getattr(thing, name)
    setattr(thing, name, value)
    undo.append(lambda: setattr(thing, name, before))
