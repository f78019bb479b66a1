"""Installing an account: the SDK of this process talks to it, and to nothing else.

All calls of the SDK, sync and async, of `stripe.*` and of clients made before or after, ask one
method for their transport. That method is replaced while an account is installed. A client that was
given a transport of ours keeps it.
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
"""All installed accounts; the last one is used."""
_undo: list[Callable[[], None]] = []
"""Puts back what the first of them replaced."""


def install(account: Account | None = None) -> Account:
    """Let the SDK of this process talk to an account; return the account.

    `account`: by default that of `TIGERD_DIR` and `TIGERD_NAMESPACE`. Several may be installed: the
    last one is in force until it is uninstalled. `stripe.api_key` becomes the account's key, unless
    the application has set one.

    Raises ImportError without the `stripe` package, and the errors of `connect` without an account.
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
    """Take the last `install` back; without one, do nothing. Raises nothing."""
    if _installed:
        _end(_installed[-1])


@contextmanager
def installed(account: Account) -> Iterator[Account]:
    """Let the SDK talk to an account until the block ends; raises as `install`.

    Others may be installed meanwhile.
    """
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
    """Replace the method that the SDK asks for its transport, and two of its settings."""
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
    """The key in a process whose application has set none."""

    __slots__ = ()


def _show_key() -> None:
    """Set the key of the account in force, unless the application has set its own."""
    import stripe

    if isinstance(stripe.api_key, _OurKey):
        stripe.api_key = _OurKey(_installed[-1].account.api_key)


def _set(thing: Any, name: str, value: Any) -> None:
    before = getattr(thing, name)
    setattr(thing, name, value)
    _undo.append(lambda: setattr(thing, name, before))
