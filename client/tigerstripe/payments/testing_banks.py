"""The bank accounts of Stripe's testing pages: the outcome of a debit, and when it comes.

An account is named by its number or by its name (`pm_usBankAccount_success`). The outcome:

    succeeds | dispute | never | a failure code        a dispute follows a success at once
    *                                                  before it: three minutes later
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tigerstripe.payments.cards import fingerprint

QUICK_S = 10
SLOW_S = 180
"""When a debit is settled, in seconds; Stripe's testing pages say "at once" and "three minutes"."""


CODE = "SM11AA"
AMOUNTS = [32, 45]
"""The amounts and codes that verify a bank account in test mode."""


class KnownBank(NamedTuple):
    """One bank account of the testing pages."""

    name: str
    """The part of its name after `pm_`; `-` if it has a number only."""
    number: str
    routing: str
    """The routing number, sort code, or other number of the bank; `-` for an IBAN."""
    outcome: str
    after_s: int

    @property
    def failure(self) -> str | None:
        """Why a debit fails; None: it does not."""
        return None if self.outcome in ("succeeds", "dispute", "never") else self.outcome


_BANKS = """
usBankAccount_success                   000123456789                110000000 succeeds
usBankAccount_accountClosed             000111111113                110000000 account_closed
usBankAccount_riskLevelHighest          000000004954                110000000 account_closed
usBankAccount_noAccount                 000111111116                110000000 no_account
usBankAccount_insufficientFunds         000222222227                110000000 insufficient_funds
usBankAccount_debitNotAuthorized        000333333335                110000000 debit_not_authorized
usBankAccount_invalidCurrency           000444444440                110000000 invalid_currency
usBankAccount_dispute                   000555555559                110000000 dispute
usBankAccount_processing                000000000009                110000000 never
usBankAccount_weeklyLimitExceeded       000777777771                110000000 charge_exceeds_weekly_limit
acssDebit_success                       000123456789                000-11000 succeeds
-                                       900123456789                000-11000 *succeeds
acssDebit_accountClosed                 000111111113                000-11000 account_closed
acssDebit_noAccount                     000111111116                000-11000 no_account
acssDebit_insufficientFunds             000222222227                000-11000 insufficient_funds
-                                       900222222227                000-11000 *insufficient_funds
acssDebit_debitNotAuthorized            000333333335                000-11000 debit_not_authorized
acssDebit_dispute                       000555555559                000-11000 dispute
-                                       000888888881                000-11000 charge_exceeds_transaction_limit
auBecsDebit_success                     000123456                   000000    succeeds
auBecsDebit_successDelayed              900123456                   000000    *succeeds
auBecsDebit_accountClosed               111111113                   000000    account_closed
auBecsDebit_noAccount                   111111116                   000000    no_account
auBecsDebit_referToCustomer             222222227                   000000    refer_to_customer
auBecsDebit_referToCustomerDelayed      922222227                   000000    *refer_to_customer
auBecsDebit_debitNotAuthorized          333333335                   000000    debit_not_authorized
auBecsDebit_dispute                     666666660                   000000    dispute
auBecsDebit_exceedsWeeklyLimit          343434343                   000000    charge_exceeds_source_limit
auBecsDebit_exceedsTransactionLimit     121212121                   000000    charge_exceeds_transaction_limit
bacsDebit_success                       00012345                    108800    succeeds
bacsDebit_successDelayed                90012345                    108800    *succeeds
bacsDebit_debitNotAuthorized            33333335                    108800    debit_not_authorized
bacsDebit_debitNotAuthorizedDelayed     93333335                    108800    *debit_not_authorized
bacsDebit_insufficientFunds             22222227                    108800    insufficient_funds
bacsDebit_insufficientFundsDelayed      92222227                    108800    *insufficient_funds
bacsDebit_dispute                       55555559                    108800    dispute
bacsDebit_exceedsWeeklyLimit            34343434                    108800    charge_exceeds_source_limit
bacsDebit_exceedsTransactionLimit       12121212                    108800    charge_exceeds_transaction_limit
sepaDebit_success_at                    AT611904300234573201        -         succeeds
sepaDebit_failed_at                     AT861904300235473202        -         account_closed
sepaDebit_disputed_at                   AT591904300235473203        -         dispute
sepaDebit_successDelayed_be             BE78510007547064            -         *succeeds
sepaDebit_failed_be                     BE68539007547034            -         account_closed
sepaDebit_failedDelayed_be              BE51510007547065            -         *account_closed
sepaDebit_disputed_be                   BE08510007547063            -         dispute
sepaDebit_success_de                    DE89370400440532013000      -         succeeds
sepaDebit_successDelayed_de             DE08370400440532013003      -         *succeeds
sepaDebit_failed_de                     DE62370400440532013001      -         account_closed
sepaDebit_failedDelayed_de              DE78370400440532013004      -         *account_closed
sepaDebit_disputed_de                   DE35370400440532013002      -         dispute
sepaDebit_exceedsWeeklyVolumeLimit_de   DE65370400440000343434      -         charge_exceeds_source_limit
sepaDebit_exceedsWeeklyTransactionLimit_de DE27370400440000121212   -         charge_exceeds_weekly_limit
sepaDebit_insufficientFunds_de          DE65370400440002222227      -         insufficient_funds
sepaDebit_success_fr                    FR1420041010050500013M02606 -         succeeds
sepaDebit_successDelayed_fr             FR3020041010050500013M02609 -         *succeeds
sepaDebit_failed_fr                     FR8420041010050500013M02607 -         account_closed
sepaDebit_failedDelayed_fr              FR7920041010050500013M02600 -         *account_closed
sepaDebit_disputed_fr                   FR5720041010050500013M02608 -         dispute
sepaDebit_success_it                    IT40S0542811101000000123456 -         succeeds
sepaDebit_failed_it                     IT60X0542811101000000123456 -         account_closed
sepaDebit_success_ie                    IE29AIBK93115212345678      -         succeeds
sepaDebit_failed_ie                     IE02AIBK93115212345679      -         account_closed
sepaDebit_disputed_ie                   IE51AIBK93115212345670      -         dispute
"""  # noqa: E501 (a table)

FAILURES = {
    "account_closed": "The customer's bank account has been closed.",
    "charge_exceeds_source_limit": "This payment exceeds the limit of the bank account.",
    "charge_exceeds_transaction_limit": "This payment exceeds the limit of one transaction.",
    "charge_exceeds_weekly_limit": "This payment exceeds the weekly limit of the bank account.",
    "debit_not_authorized": "The customer has told the bank that this payment was unauthorized.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "invalid_currency": "The bank was unable to process this payment because of its currency.",
    "no_account": "The customer's bank account could not be located.",
    "refer_to_customer": "The customer's bank refused this payment: they have to ask it why.",
}
"""The messages of failed debits, by code, in this project's own words."""

VERIFIED = "btok_us_verified"
_PAYOUTS = """
account_closed        000111111113 111111113 11111113 DE89370400440532013002
could_not_process     4000056655665572
debit_not_authorized  000333333335 333333335 33333335 DE89370400440532013004
insufficient_funds    000222222227 222222227 22222227 DE89370400440532013003
invalid_currency      000444444440 444444440 44444440 DE89370400440532013005
no_account            000111111116 111111116 11111116 DE62370400440532013001
"""
"""By the code of its failure: the external accounts that no payout reaches, in the US, Australia,
Britain and Germany, and a card."""

_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "acssDebit": ("acss_debit", ("institution_number", "transit_number")),
    "auBecsDebit": ("au_becs_debit", ("bsb_number",)),
    "bacsDebit": ("bacs_debit", ("sort_code",)),
    "sepaDebit": ("sepa_debit", ()),
    "usBankAccount": ("us_bank_account", ("routing_number",)),
}
"""By the beginning of a name: the type of the payment method, and the field that names the bank."""

SOUND = KnownBank("", "", "-", "succeeds", QUICK_S)
"""Any other bank account."""


@lru_cache(maxsize=1)
def banks() -> tuple[KnownBank, ...]:
    """Return the table."""
    return tuple(_bank(line) for line in _BANKS.strip().splitlines())


def _bank(line: str) -> KnownBank:
    name, number, routing, outcome = line.split()
    is_slow = outcome.startswith("*")
    return KnownBank(name, number, routing, outcome.lstrip("*"), SLOW_S if is_slow else QUICK_S)


@lru_cache(maxsize=1)
def _by_number() -> dict[str, KnownBank]:
    return {bank.number: bank for bank in banks()}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, KnownBank]:
    return {bank.name: bank for bank in banks() if bank.name != "-"}


def of_number(number: str | None) -> KnownBank:
    """Return the account of a number or IBAN; one that the pages do not have pays."""
    return _by_number().get(number or "", SOUND)


@lru_cache(maxsize=1)
def _unreached() -> dict[str, str]:
    lines = (line.split() for line in _PAYOUTS.strip().splitlines())
    return {fingerprint(number): code for code, *numbers in lines for number in numbers}


def payout_failure(shown: str | None) -> str | None:
    """Return why a payout fails to an external account of this fingerprint; None: it arrives."""
    return _unreached().get(shown or "")


def of_token(id: str) -> KnownBank | None:
    """Return the account in the US that a token's name stands for, as `btok_us_verified`."""
    if not id.startswith(VERIFIED):
        return None
    name = id.removeprefix(VERIFIED).lstrip("_") or "success"
    return _by_name().get(f"usBankAccount_{name}")


def of_name(id: str) -> tuple[str, dict[str, str]] | None:
    """Return the type and the parameters of the account that `pm_...` names, or None."""
    bank = _by_name().get(id[3:]) if id.startswith("pm_") else None
    if bank is None:
        return None
    kind, codes = _TYPES[bank.name.partition("_")[0]]
    if not codes:
        return kind, {"iban": bank.number}
    which = dict(zip(codes, bank.routing.split("-"), strict=True))
    return kind, {"account_number": bank.number, **which}
