"""API keys: which account a request is for, and whether its key may make it.

The part of a test key after `sk_test_` names the account, percent-encoded where necessary. The
header `Stripe-Account` selects a connected account: see `tigerstripe.work.connected`.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from urllib.parse import quote, unquote

from tigerstripe.errors import Refused

TEST_PREFIXES = ("sk_test_", "rk_test_", "pk_test_")
LIVE_PREFIXES = ("sk_live_", "rk_live_", "pk_live_")

UNAUTHORIZED = {"WWW-Authenticate": 'Bearer realm="Stripe"'}

NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, "
    "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    "https://stripe.com/docs/api#authentication for details, or we can help at "
    "https://support.stripe.com/."
)
OF_CLIENTS = frozenset((
    "GET /v1/payment_intents/{intent}",
    "GET /v1/setup_intents/{intent}",
    "POST /v1/payment_intents/{intent}/confirm",
    "POST /v1/payment_intents/{intent}/verify_microdeposits",
    "POST /v1/payment_methods",
    "POST /v1/setup_intents/{intent}/confirm",
    "POST /v1/setup_intents/{intent}/verify_microdeposits",
    "POST /v1/tokens",
))  # fmt: skip
"""The operations of a publishable key; those on an intent need its `client_secret`."""

SHOWN_WHOLE = 12
"""Characters of a key behind its prefix that an error shows without stars."""


def secret_key(namespace: str) -> str:
    """Return the key whose account is that namespace."""
    return "sk_test_" + quote(namespace, safe="")


def publishable_key(namespace: str) -> str:
    """Return the publishable key of that account."""
    return "pk_test_" + quote(namespace, safe="")


@lru_cache(maxsize=256)
def asked(authorization: str | None) -> tuple[str, str]:
    """Return the key in an `Authorization` header and its account; raises `Refused` (401)."""
    key = key_of(authorization)
    return key, namespace_of(key)


def key_of(authorization: str | None) -> str:
    """Return the key in an `Authorization` header, Bearer or Basic; raises `Refused` (401)."""
    kind, _, value = (authorization or "").partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    elif kind.lower() != "bearer":
        value = ""
    if not value.strip():
        raise Refused(NO_KEY, status=401, headers=UNAUTHORIZED)
    return value.strip()


def namespace_of(key: str) -> str:
    """Return the account of a key; raises `Refused` (401) for a live key or none of Stripe's."""
    if key.startswith(LIVE_PREFIXES):
        raise Refused(
            f"tigerstripe takes test keys only, and got a live one ({_starred(key)}): use a key "
            f"that begins with sk_test_.",
            status=401,
            headers=UNAUTHORIZED,
        )
    if not key.startswith(TEST_PREFIXES) or len(key) == len(TEST_PREFIXES[0]):
        message = f"Invalid API Key provided: {_starred(key)}"
        raise Refused(message, status=401, headers=UNAUTHORIZED)
    return unquote(key[len(TEST_PREFIXES[0]) :])


def secret_key_required() -> Refused:
    """Return the refusal of a publishable key where only a secret one will do."""
    return Refused(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You "
        "can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        status=401,
        code="secret_key_required",
        headers=UNAUTHORIZED,
    )


def _starred(key: str) -> str:
    """Return a key with stars for all but its ends; a short one is no secret."""
    hidden = len(key) - len(TEST_PREFIXES[0]) - 4
    if len(key) <= SHOWN_WHOLE or hidden <= 0:
        return key
    return f"{key[: len(TEST_PREFIXES[0])]}{'*' * hidden}{key[-4:]}"


def no_such_account(key: str, account: str) -> Refused:
    """Return the refusal of a connected account that the key's account does not have."""
    return Refused(
        f"The provided key '{_starred(key)}' does not have access to account '{account}' (or that "
        f"account does not exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )
