"""The smallest and the largest amount that can be charged, by currency."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused

TOO_LITTLE = (
    "The amount must be greater than or equal to the minimum charge amount allowed for your "
    "account and the currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-"
    "amounts).  If you want to save a Payment Method for future use without an immediate payment, "
    "use a Setup Intent instead: https://docs.stripe.com/payments/setup-intents"
)


STEPS = {"isk": 100, **dict.fromkeys(money.THREE_DECIMAL, 10)}
"""What amounts have to be divisible by where not all decimals can be paid, as Stripe's page of
currencies says."""


def check(amount: int, currency: str) -> None:
    """Raise `Refused` for an amount that cannot be charged.

    0 and more than the most are as recorded; less than the least is not, nor are decimals that
    nobody can pay.
    """
    if amount <= 0:
        raise Refused(TOO_LITTLE, code="parameter_invalid_integer", param="amount")
    most = money.AMOUNT_MAX
    if amount > most:
        message = f"Amount must be no more than {money.shown(most, currency)}"
        raise Refused(message, code="amount_too_large")
    step = STEPS.get(currency, 1)
    if amount % step:
        raise Refused(
            f"Amounts in {currency.upper()} must be divisible by {step}: {amount}.",
            code="parameter_invalid_integer",
            param="amount",
        )
    least = money.MINIMUMS.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {money.shown(least, currency)} {currency.upper()}"
        raise Refused(message, code="amount_too_small", param="amount")


def check_positive(amount: int, param: str = "amount") -> None:
    """Raise `Refused` for an amount of 0 or less."""
    if amount < 1:
        raise errors.too_small(param, 1)
