"""Installing: the SDK of this process talks to an account, and to nothing else.

What the SDK makes when it has no transport of its own is replaced: the default of `stripe.*`
calls, and what a `StripeClient` makes for itself. A client that was made before has its transport
changed in place, as long as it is installed. `uninstall` puts all of it back.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tigerstripe.account import Account

_installed: list[tuple[Account, list[Callable[[], None]], bool]] = []
"""The accounts that are installed, the last one in force: what undoes each, whether it is owned."""


def install(account: Account | None = None) -> Account:
    """Let the SDK of this process talk to an account; return it.

    Without an account it is the one of `TIGERD_DIR` and `TIGERD_NAMESPACE`. Again is fine: the last
    one counts, until its `uninstall`.
    """
    from tigerstripe.account import connect

    owned = account is None
    account = connect() if account is None else account
    undo: list[Callable[[], None]] = []
    transport = account.http_client
    import stripe

    _set(undo, stripe, "default_http_client", transport)
    _set(undo, stripe, "enable_telemetry", False)
    if not stripe.api_key:
        _set(undo, stripe, "api_key", account.api_key)
    for module, name in _makers():
        _set(undo, module, name, lambda *_, **__: transport)
    for client in _clients(stripe):
        _set(undo, client, "_client", transport)
    _installed.append((account, undo, owned))
    return account


def uninstall() -> None:
    """Let the SDK be as it was before the last `install`; without one, nothing happens."""
    if not _installed:
        return
    account, undo, owned = _installed.pop()
    for step in reversed(undo):
        step()
    if owned:
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


def _makers() -> Iterator[tuple[Any, str]]:
    """Yield the modules in which the SDK looks up what makes its transport."""
    for module in ("stripe._http_client", "stripe._stripe_client", "stripe._api_requestor",
                   "stripe.http_client", "stripe.api_requestor"):  # fmt: skip
        found = sys.modules.get(module)
        if found is not None and "new_default_http_client" in vars(found):
            yield found, "new_default_http_client"


def _clients(stripe: Any) -> Iterator[Any]:
    """Yield the requestors of clients that were made before, and have made a transport."""
    try:
        from stripe._api_requestor import _APIRequestor
    except ImportError:
        return
    for thing in gc.get_objects():
        if type(thing) is _APIRequestor and getattr(thing, "_client", None) is not None:
            yield thing
