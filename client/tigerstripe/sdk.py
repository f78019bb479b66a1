"""Installing: the SDK of this process talks to an account, and to nothing else.

All calls of the SDK, of `stripe.*` and of clients whenever they were made, sync and async, ask one
method for their transport: that is replaced while an account is installed. A transport of ours that
a client was given stays its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tigerstripe.account import Account


class Installation(NamedTuple):
    """An account that the SDK was told to talk to."""

    account: Account
    is_ours: bool
    """Whether it was connected here."""


_installed: list[Installation] = []
"""What is installed; the last one is in force."""
_undo: list[Callable[[], None]] = []
"""What lets the SDK be as it was before the first of them."""


def install(account: Account | None = None) -> Account:
    """Let the SDK of this process talk to an account; return it.

    Without an account it is the one of `TIGERD_DIR` and `TIGERD_NAMESPACE`. Again is fine: the last
    one counts, until its `uninstall`. Where no `stripe.api_key` is set, the account's is.

    Raises ImportError without the `stripe` package, and what `tiger.connect` raises.
    """
    try:
        import stripe  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "stripe":
            raise
        raise ImportError(
            "the `stripe` package is not installed: `pip install tigerd[stripe]` brings it, or "
            "install the version that your application uses",
            name="stripe",
        ) from None
    from tigerstripe.account import connect

    made = Installation(connect() if account is None else account, account is None)
    if made.is_ours:
        made.account.engine.tells_failures = True
        made.account.serve_pages()
    if not _installed:
        _replace()
    _installed.append(made)
    _show_key()
    return made.account


def uninstall() -> None:
    """Let the SDK be as it was before the last `install`; without one, nothing happens."""
    if _installed:
        _end(_installed[-1])


@contextmanager
def installed(account: Account) -> Iterator[Account]:
    """Let the SDK talk to an account until the block ends; others may be installed meanwhile."""
    install(account)
    made = _installed[-1]
    try:
        yield account
    finally:
        if any(made is each for each in _installed):
            _end(made)


def _end(ended: Installation) -> None:
    _installed[:] = [each for each in _installed if each is not ended]
    if _installed:
        _show_key()
    else:
        while _undo:
            _undo.pop()()
    if ended.is_ours:
        ended.account.close()


def _replace() -> None:
    """Put what the SDK asks for its transport in the place of its own."""
    import stripe
    from stripe._api_requestor import _APIRequestor

    from tigerstripe.transport import Transport

    def get_http_client(requestor: Any) -> Any:
        own = requestor._client
        return own if isinstance(own, Transport) else _installed[-1].account.http_client

    _set(_APIRequestor, "_get_http_client", get_http_client)
    _set(stripe, "enable_telemetry", False)  # it would write a file into the home
    _set(stripe, "api_key", stripe.api_key or _OurKey())


class _OurKey(str):
    """A key that stands where the application has set none."""

    __slots__ = ()


def _show_key() -> None:
    """Let the key be that of the account in force, unless it is the application's own."""
    import stripe

    if isinstance(stripe.api_key, _OurKey):
        stripe.api_key = _OurKey(_installed[-1].account.api_key)


def _set(thing: Any, name: str, value: Any) -> None:
    before = getattr(thing, name)
    setattr(thing, name, value)
    _undo.append(lambda: setattr(thing, name, before))
