"""Money: currencies, and amounts in whole numbers or decimals of the smallest unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from tigerstripe.errors import Refused

_NAMES = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd
cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd
hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl
mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr
pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd
tzs uah ugx usdc uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw btn ghs eek lvl svc vef ltl sll
mro
"""
CURRENCIES = _NAMES.split()
"""Stripe's, in about its order."""

_ZERO_DECIMAL = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL.split())
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])

MINIMUMS = {
    "aed": 200, "ars": 50, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cop": 50,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50,
    "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "rub": 50, "sek": 300,
    "sgd": 50, "thb": 1000, "usd": 50, "zar": 50,
}  # fmt: skip
"""The least that can be charged, by currency."""

_SIGNS = {
    "aud": "A$", "brl": "R$", "cad": "CA$", "eur": "€", "gbp": "£", "hkd": "HK$", "inr": "₹",
    "jpy": "¥", "mxn": "MX$", "nzd": "NZ$", "usd": "$",
}  # fmt: skip

AMOUNT_MAX = 99_999_999
DECIMAL_PLACES = 12

_KNOWN = frozenset(CURRENCIES)


def currency(given: str, param: str = "currency") -> str:
    """Return a currency in small letters; raises `Refused` if there is none of that name."""
    found = given.lower()
    if found not in _KNOWN:
        listed = ", ".join(CURRENCIES)
        raise Refused(
            f"Invalid currency: {found}. Stripe currently supports these currencies: {listed}",
            param=param,
        )
    return found


def decimal(given: str | float, param: str) -> Decimal:
    """Return a decimal amount; raises `Refused` if it is none, or has too many places."""
    try:
        found = Decimal(str(given))
    except InvalidOperation:
        raise Refused(f"Invalid decimal: {given}", param=param) from None
    exponent = found.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > DECIMAL_PLACES:
        message = f"Invalid decimal: {given}; must have at most {DECIMAL_PLACES} decimal places"
        raise Refused(message, param=param)
    return found


def text(amount: Decimal) -> str:
    """Return a decimal amount as Stripe writes it: no exponent, no zeros at the end."""
    found = f"{amount:f}"
    return found.rstrip("0").rstrip(".") if "." in found else found


def whole(amount: Decimal) -> int:
    """Return an amount in whole units, rounded half up (away from zero)."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def shown(amount: int, currency: str) -> str:
    """Return an amount as messages write it: `$0.50`, `¥50`, `15.00`."""
    exponent = places(currency)
    return f"{_SIGNS.get(currency, '')}{Decimal(amount).scaleb(-exponent):,.{exponent}f}"


def places(currency: str) -> int:
    """Return how many decimal places amounts of a currency have when they are written."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def both(
    amount: int | None, decimal_amount: str | float | None, param: str
) -> tuple[int | None, str | None]:
    """Return an amount as a whole number, where it is one, and as a decimal text."""
    if decimal_amount is not None:
        exact = decimal(decimal_amount, f"{param}_decimal")
        whole = int(exact) if exact == exact.to_integral_value() else None
        return whole, text(exact)
    return amount, None if amount is None else str(amount)
