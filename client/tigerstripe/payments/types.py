"""The types of payment methods: which ones an intent takes, and the options of each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Enum, List
from tigerstripe.facts.table import facts
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import Work

AUTOMATIC_SINCE = "2023-08-16"
"""The version since which an intent without types takes all that the account has."""

_EURO = ("card", "bancontact", "eps", "ideal", "klarna", "link", "sepa_debit")
_DOLLAR = (
    "card", "acss_debit", "afterpay_clearpay", "alipay", "klarna", "link", "us_bank_account",
    "wechat_pay",
)  # fmt: skip
OF_CURRENCY: dict[str, tuple[str, ...]] = {
    "eur": _EURO,
    "gbp": ("card", "bacs_debit", "klarna", "link"),
    "usd": _DOLLAR,
}
"""The types of an account, by currency: for US dollars as recorded, else as set here."""
OF_OTHERS = ("card", "link")
OF_SETUP = (
    "card", "bancontact", "ideal", "sepa_debit", "acss_debit", "klarna", "link", "us_bank_account",
)  # fmt: skip
"""The types of an account for setups, as recorded."""
OF_CONNECTED = ("card",)
"""The types of a connected account, as recorded."""

HELD = frozenset(("card", "afterpay_clearpay", "klarna", "link", "paypal", "cashapp", "amazon_pay"))
"""The types that can hold money, to be captured later."""
ELSEWHERE = frozenset((
    "afterpay_clearpay", "alipay", "bancontact", "eps", "giropay", "ideal", "klarna", "p24",
    "sofort", "wechat_pay", "affirm", "amazon_pay", "cashapp", "grabpay", "fpx", "paypal",
    "revolut_pay", "twint",
))  # fmt: skip
"""The types that send the buyer to another page."""
DEBITS = frozenset(("acss_debit", "au_becs_debit", "bacs_debit", "sepa_debit", "us_bank_account"))
"""The types that pay days later, and need a mandate."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "acss_debit": ("cad", "usd"),
    "au_becs_debit": ("aud",),
    "bacs_debit": ("gbp",),
    "bancontact": ("eur",),
    "bizum": ("eur",),
    "blik": ("pln",),
    "boleto": ("brl",),
    "cashapp": ("usd",),
    "eps": ("eur",),
    "fpx": ("myr",),
    "giropay": ("eur",),
    "grabpay": ("myr", "sgd"),
    "ideal": ("eur",),
    "kakao_pay": ("krw",),
    "konbini": ("jpy",),
    "kr_card": ("krw",),
    "mb_way": ("eur",),
    "multibanco": ("eur",),
    "naver_pay": ("krw",),
    "nz_bank_account": ("nzd",),
    "oxxo": ("mxn",),
    "p24": ("eur", "pln"),
    "payco": ("krw",),
    "paynow": ("sgd",),
    "pix": ("brl",),
    "promptpay": ("thb",),
    "samsung_pay": ("krw",),
    "sepa_debit": ("eur",),
    "sofort": ("eur",),
    "swish": ("sek",),
    "twint": ("chf",),
    "us_bank_account": ("usd",),
}
"""The currencies of types that have few, as Stripe's guides of each say."""

_OPTIONS: dict[str, Record] = {
    "acss_debit": {"verification_method": "automatic"},
    "afterpay_clearpay": {"reference": None},
    "alipay": {},
    "bancontact": {"preferred_language": "en"},
    "card": {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    },
    "cashapp": {},
    "eps": {},
    "ideal": {},
    "klarna": {"preferred_locale": None},
    "link": {"persistent_token": None},
    "sepa_debit": {},
    "sofort": {"preferred_language": None},
    "us_bank_account": {
        "financial_connections": {"permissions": ["payment_method"], "prefetch": []},
        "mandate_options": {},
        "transaction_purpose": "unspecified",
        "verification_method": "automatic",
    },
    "wechat_pay": {"app_id": None, "client": None},
}
"""The default options of an intent by type, as recorded; other types have none."""
_LISTED: dict[str, Record] = {
    "acss_debit": {
        "mandate_options": {
            "interval_description": None,
            "payment_schedule": None,
            "transaction_type": None,
        },
        "verification_method": "automatic",
    },
    "us_bank_account": {
        "mandate_options": {},
        "transaction_purpose": "unspecified",
        "verification_method": "automatic",
    },
}
"""The differences if the request names the types, as recorded."""
_SETUP_OPTIONS: dict[str, Record] = {
    "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "us_bank_account": {"mandate_options": {}, "verification_method": "automatic"},
}

BOTH = (
    "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."
)


def asked(params: Params) -> list[str] | None:
    """Return the types that a request names, by the newer name or the older; None: it names none.

    Since 2026-09-30 they are `allowed_payment_method_types`; before, `payment_method_types`.
    """
    newer, older = params.get("allowed_payment_method_types"), params.get("payment_method_types")
    if newer is not None and older is not None:
        raise Refused(
            "You may only specify one of these parameters: allowed_payment_method_types, "
            "payment_method_types."
        )
    for kind in older or ():
        if kind not in _known():
            raise Refused(
                f'The payment method type "{kind}" is invalid. Please ensure the provided type is '
                f"activated in your dashboard (https://dashboard.stripe.com/account/payments/"
                f"settings) and your account is enabled for any preview features that you are "
                f"trying to use.",
                param="payment_method_types",
            )
    return newer or older or None


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Return all types, from the newer parameter, because the table has its values."""
    taken = facts().parameters("POST /v1/payment_intents").fields["allowed_payment_method_types"]
    assert isinstance(taken.kind, List)
    assert isinstance(taken.kind.of, Enum)
    return taken.kind.of.values


def check_currency(types: Sequence[str], currency: str) -> None:
    """Raise `Refused` for types that cannot be paid with in a currency, in Stripe's words."""
    for kind in types:
        taken = ONLY_IN.get(kind, (currency,))
        if currency not in taken:
            raise Refused(
                f"The currency provided ({currency}) is invalid. Payments with {kind} support the "
                f"following currencies: {', '.join(taken)}.",
                param="currency",
            )


def chosen(work: Work, params: Params, *, is_setup: bool = False) -> Record:
    """Return the fields of an intent about its types; raises `Refused`."""
    types, wanted = asked(params), params.get("automatic_payment_methods")
    if types is not None and wanted is not None and wanted.get("enabled"):
        raise Refused(BOTH)
    is_automatic = wanted["enabled"] if wanted else work.version >= AUTOMATIC_SINCE
    automatic = None
    if types is None and is_automatic:
        redirects = (wanted or {}).get("allow_redirects") or "always"
        automatic = {"allow_redirects": redirects, "enabled": True}
        types = of_account(work, params, redirects, is_setup=is_setup)
    elif not is_setup:
        check_currency(types or (), params["currency"])
    is_own = automatic is not None and work.scope.account is None
    return {
        "automatic_payment_methods": automatic,
        "payment_method_configuration_details": configuration(work) if is_own else None,
        "payment_method_types": types or ["card"],
    }


def of_account(work: Work, params: Params, redirects: str, *, is_setup: bool = False) -> list[str]:
    """Return the types that an account has for an intent as it is wanted."""
    if work.scope.account is not None:
        return list(OF_CONNECTED)
    types = OF_SETUP if is_setup else OF_CURRENCY.get(params["currency"], OF_OTHERS)
    excluded = set(params.get("excluded_payment_method_types") or ())
    if params.get("capture_method") == "manual":
        excluded |= {*types} - HELD
    if redirects == "never":
        excluded |= ELSEWHERE
    return [kind for kind in types if kind not in excluded]


def configuration(work: Work) -> Record:
    """Return the configuration of payment methods that an account has: always the same one."""
    name = work.scope.store.current_namespace.encode()
    return {"id": f"pmc_{hashlib.blake2b(name, digest_size=12).hexdigest()}", "parent": None}


def options(taken: Record, given: Params, *, is_setup: bool = False) -> Record:
    """Return the options of an intent for its types, with those that a request gives.

    `taken` has the intent's `payment_method_types` and `automatic_payment_methods`.
    """
    is_listed = taken["automatic_payment_methods"] is None
    known = _SETUP_OPTIONS if is_setup else {**_OPTIONS, **(_LISTED if is_listed else {})}
    found: Record = {
        name: merged(known.get(name, {}), given.get(name) or {})
        for name in sorted(taken["payment_method_types"])
        if name in known or name in given
    }
    connections = found.get("us_bank_account", {}).get("financial_connections")
    if connections is not None:
        found["us_bank_account"]["financial_connections"] = {"prefetch": [], **connections}
    return found
