"""The cards of Stripe's testing page: one table of their properties and outcomes.

A card is named by its number or by its name: `pm_card_visa`, `tok_visa`. The columns of outcomes:

    attach   why it cannot be saved to a customer or set up; `-`: it can
    setup    what a setup needs: `authenticate`; `-`: nothing
    charge   the outcome of a payment: a decline; `authenticate`, `authenticate_optional`,
             `authenticate_unless_set_up`, `authenticate_then_DECLINE`; `-`: success.
             `authenticate_optional_then_DECLINE`: a decline if authentication is asked for
    later    what follows a payment: `dispute_REASON`, `inquiry`, `fraud_warning`,
             `refund_pending`, `refund_fails`, `available_at_once`; `-`: nothing
    checks   the checks that fail, separated by commas: `cvc`, `line1`, `zip`; `unchecked`: none
             is made
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from tigerstripe.errors import Declined


class KnownCard(NamedTuple):
    """One card of the testing page."""

    name: str
    """The part of its name after `pm_card_` and `tok_`; empty if it has a number only."""
    number: str
    brand: str
    country: str
    funding: str
    attach: str | None = None
    setup: str | None = None
    charge: str | None = None
    later: str | None = None
    checks: tuple[str, ...] = ()


_CARDS = """
name                                    number               brand       of  funding attach setup charge later checks
visa                                    4242424242424242     visa        US  credit
visa_debit                              4000056655665556     visa        US  debit
visa_debit_us_transferSuccess           4000056655665556     visa        US  debit
visa_debit_us_transferFail              4000056655665572     visa        US  debit
visa_debit_us_instantPayoutUnsupported  4000056755665555     visa        US  debit
mastercard_debit_us_transferSuccess     5200828282828210     mastercard  US  debit
discover_debit_us_transferSuccess       6011981111111113     discover    US  debit
mastercard                              5555555555554444     mastercard  US  credit
-                                       2223003122003222     mastercard  US  credit
mastercard_debit                        5200828282828210     mastercard  US  debit
mastercard_prepaid                      5105105105105100     mastercard  US  prepaid
debit_visaFsaProductCode                4000051230000072     visa        US  debit
debit_visaHsaProductCode                4000051230000072     visa        US  debit
mastercard_debit_mastercardFsaProductCode 5200828282828897   mastercard  US  debit
amex                                    371449635398431      amex        US  credit
amex_threeDSecureNotSupported           378282246310005      amex        US  credit
discover                                6011000990139424     discover    US  credit
-                                       6011111111111117     discover    US  credit
-                                       6011981111111113     discover    US  debit
diners                                  3056930009020004     diners      US  credit
-                                       36227206271667       diners      US  credit
-                                       6555900000604105     discover    US  credit
jcb                                     3566002020360505     jcb         JP  credit
unionpay                                6200000000000005     unionpay    CN  credit
-                                       6200000000000047     unionpay    CN  debit
-                                       6205500000000000004  unionpay    CN  credit
visa_cartesBancaires                    4000002500001001     visa        FR  credit
mastercard_cartesBancaires              5555552500001001     mastercard  FR  credit
us                                      4242424242424242     visa        US  credit
ar                                      4000000320000021     visa        AR  credit
br                                      4000000760000002     visa        BR  credit
ca                                      4000001240000000     visa        CA  credit
cl                                      4000001520000001     visa        CL  credit
co                                      4000001700000003     visa        CO  credit
cr                                      4000001880000005     visa        CR  credit
ec                                      4000002180000000     visa        EC  credit
mx                                      4000004840008001     visa        MX  credit
pa                                      4000005910000000     visa        PA  credit
py                                      4000006000000066     visa        PY  credit
pe                                      4000006040000068     visa        PE  credit
uy                                      4000008580000003     visa        UY  credit
ae                                      4000007840000001     visa        AE  credit
at                                      4000000400000008     visa        AT  credit
be                                      4000000560000004     visa        BE  credit
bg                                      4000001000000000     visa        BG  credit
by                                      4000001120000005     visa        BY  credit
hr                                      4000001910000009     visa        HR  credit
cy                                      4000001960000008     visa        CY  credit
cz                                      4000002030000002     visa        CZ  credit
dk                                      4000002080000001     visa        DK  credit
ee                                      4000002330000009     visa        EE  credit
fi                                      4000002460000001     visa        FI  credit
fr                                      4000002500000003     visa        FR  credit
de                                      4000002760000016     visa        DE  credit
gi                                      4000002920000005     visa        GI  credit
gr                                      4000003000000030     visa        GR  credit
hu                                      4000003480000005     visa        HU  credit
ie                                      4000003720000005     visa        IE  credit
it                                      4000003800000008     visa        IT  credit
lv                                      4000004280000005     visa        LV  credit
li                                      4000004380000004     visa        LI  credit
lt                                      4000004400000000     visa        LT  credit
lu                                      4000004420000006     visa        LU  credit
mt                                      4000004700000007     visa        MT  credit
nl                                      4000005280000002     visa        NL  credit
no                                      4000005780000007     visa        NO  credit
pl                                      4000006160000005     visa        PL  credit
pt                                      4000006200000007     visa        PT  credit
ro                                      4000006420000001     visa        RO  credit
sa                                      4000006820000007     visa        SA  credit
si                                      4000007050000006     visa        SI  credit
sk                                      4000007030000001     visa        SK  credit
es                                      4000007240000007     visa        ES  credit
se                                      4000007520000008     visa        SE  credit
ch                                      4000007560000009     visa        CH  credit
gb                                      4000008260000000     visa        GB  credit
gb_debit                                4000058260000005     visa        GB  debit
au                                      4000000360000006     visa        AU  credit
cn                                      4000001560000002     visa        CN  credit
hk                                      4000003440000004     visa        HK  credit
in                                      4000003560000008     visa        IN  credit
jp                                      4000003920000003     visa        JP  credit
-                                       3530111333300000     jcb         JP  credit
my                                      4000004580000002     visa        MY  credit
nz                                      4000005540000008     visa        NZ  credit
sg                                      4000007020000003     visa        SG  credit
tw                                      4000001580000008     visa        TW  credit
th_credit                               4000007640000003     visa        TH  credit
th_debit                                4000057640000008     visa        TH  debit
chargeDeclined                          4000000000000002     visa        US  credit  generic_decline        - generic_decline
visa_chargeDeclined                     4000000000000002     visa        US  credit  generic_decline        - generic_decline
chargeDeclinedInsufficientFunds         4000000000009995     visa        US  credit  insufficient_funds     - insufficient_funds
visa_chargeDeclinedInsufficientFunds    4000000000009995     visa        US  credit  insufficient_funds     - insufficient_funds
visa_debit_chargeDeclinedInsufficientFunds 4000000000009995  visa        US  debit   insufficient_funds     - insufficient_funds
visa_chargeDeclinedLostCard             4000000000009987     visa        US  credit  lost_card              - lost_card
visa_chargeDeclinedStolenCard           4000000000009979     visa        US  credit  stolen_card            - stolen_card
visa_chargeDeclinedVelocityLimitExceeded 4000000000006975    visa        US  credit  card_velocity_exceeded - card_velocity_exceeded
chargeDeclinedExpiredCard               4000000000000069     visa        US  credit  expired_card           - expired_card
visa_chargeDeclinedExpiredCard          4000000000000069     visa        US  credit  expired_card           - expired_card
chargeDeclinedIncorrectCvc              4000000000000127     visa        US  credit  incorrect_cvc          - incorrect_cvc
visa_chargeDeclinedIncorrectCvc         4000000000000127     visa        US  credit  incorrect_cvc          - incorrect_cvc
chargeDeclinedProcessingError           4000000000000119     visa        US  credit  processing_error       - processing_error
visa_chargeDeclinedProcessingError      4000000000000119     visa        US  credit  processing_error       - processing_error
chargeDeclinedFraudulent                4100000000000019     visa        US  credit  -                      - fraudulent
visa_chargeDeclinedFraudulent           4100000000000019     visa        US  credit  -                      - fraudulent
radarBlock                              4100000000000019     visa        US  credit  -                      - fraudulent
chargeCustomerFail                      4000000000000341     visa        US  credit  -                      - generic_decline
visa_chargeCustomerFail                 4000000000000341     visa        US  credit  -                      - generic_decline
riskLevelHighest                        4000000000004954     visa        US  credit  -                      - fraudulent
riskLevelElevated                       4000000000009235     visa        US  credit
cvcCheckFail                            4000000000000101     visa        US  credit  - - incorrect_cvc - cvc
cvcCheckFailElevatedRisk                4000058400307872     visa        US  credit  - - incorrect_cvc - cvc
avsZipFailElevatedRisk                  4000058400306072     visa        US  credit  - - incorrect_zip - zip
avsZipFail                              4000000000000036     visa        US  credit  - - incorrect_zip - zip
avsLine1Fail                            4000000000000028     visa        US  credit  - - -             - line1
avsFail                                 4000000000000010     visa        US  credit  - - -             - line1,zip
avsUnchecked                            4000000000000044     visa        US  credit  - - -             - unchecked
createDispute                           4000000000000259     visa        US  credit  - - - dispute_fraudulent
createDisputeProductNotReceived         4000000000002685     visa        US  credit  - - - dispute_product_not_received
createDisputeInquiry                    4000000000001976     visa        US  credit  - - - inquiry
createIssuerFraudRecord                 4000000000005423     visa        US  credit  - - - fraud_warning
createComplianceDispute                 4000008400000779     visa        US  credit  - - - dispute_noncompliant
createMultipleDisputes                  4000000404000079     visa        US  credit  - - - dispute_fraudulent
createCe3EligibleDispute                4000000404000038     visa        US  credit  - - - dispute_fraudulent
pendingRefund                           4000000000007726     visa        US  credit  - - - refund_pending
refundFail                              4000000000005126     visa        US  credit  - - - refund_fails
bypassPending                           4000000000000077     visa        US  credit  - - - available_at_once
bypassPendingInternational              4000003720000278     visa        IE  credit  - - - available_at_once
authenticationRequiredOnSetup           4000002500003155     visa        FR  credit  - authenticate authenticate_unless_set_up
authenticationRequired                  4000002760003184     visa        DE  credit  - authenticate authenticate
authenticationRequiredSetupForOffSession 4000003800000446    visa        IT  credit  - -            authenticate_unless_set_up
authenticationRequiredChargeDeclinedInsufficientFunds 4000008260003178 visa GB credit - authenticate authenticate_then_insufficient_funds
threeDSecure2Required                   4000000000003220     visa        US  credit  - authenticate authenticate
threeDSecureRequired                    4000000000003063     visa        US  credit  - authenticate authenticate
threeDSecureRequiredChargeDeclined      4000008400001629     visa        US  credit  - authenticate authenticate_then_generic_decline
threeDSecureRequiredProcessingError     4000008400001280     visa        US  credit  - authenticate authenticate_then_processing_error
-                                       4000000000001208     visa        US  credit
-                                       4000000000003725     visa        US  credit
threeDSecureOptionalProcessingError     4000000000003097     visa        US  credit  - -            authenticate_optional_then_processing_error
threeDSecureOptional                    4000000000003055     visa        US  credit  - -            authenticate_optional
"""  # noqa: E501 (a table)


class Decline(NamedTuple):
    """The members of a decline; absent ones are no keys of the error."""

    code: str
    message: str
    param: str | None
    advice: str | None
    network_decline: str | None
    network_advice: str | None


_DECLINED = "Your card was declined."
_WITHOUT_CARD = (
    "approve_with_id", "authentication_not_handled", "call_issuer", "card_not_supported",
    "currency_not_supported", "do_not_honor", "do_not_try_again", "duplicate_transaction",
    "incorrect_number", "incorrect_pin", "invalid_account", "invalid_amount", "invalid_cvc",
    "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin",
    "issuer_not_available", "merchant_blacklist", "mobile_device_authentication_required",
    "new_account_information_available", "no_action_taken", "not_permitted",
    "offline_pin_required", "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded",
    "reenter_transaction", "restricted_card", "revocation_of_all_authorizations",
    "revocation_of_authorization", "security_violation", "service_not_allowed",
    "stop_payment_order", "testmode_decline", "transaction_not_allowed", "try_again_later",
    "withdrawal_count_limit_exceeded",
)  # fmt: skip
"""Decline codes that no test card has: `fail_next` alone lets a bank give them. None was recorded,
so of all the code is `card_declined`, the words are the plain ones, and there is no advice."""

DECLINES = {
    "authentication_required": Decline(
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        None,
        "try_again_later",
        None,
        None,
    ),
    "card_velocity_exceeded": Decline(
        "card_declined",
        "Your card was declined for making repeated attempts too frequently or exceeding its "
        "amount limit.",
        None,
        "try_again_later",
        "61",
        "02",
    ),
    "expired_card": Decline(
        "expired_card", "Your card has expired.", "exp_month", "confirm_card_data", "54", "03"
    ),
    "fraudulent": Decline("card_declined", _DECLINED, None, "do_not_try_again", None, None),
    "generic_decline": Decline("card_declined", _DECLINED, None, "try_again_later", "01", None),
    "incorrect_cvc": Decline(
        "incorrect_cvc",
        "Your card's security code is incorrect.",
        "cvc",
        "confirm_card_data",
        "N7",
        "03",
    ),
    "incorrect_zip": Decline(
        "incorrect_zip",
        "Your card could not be authorized using the postal code provided. Please update the "
        "postal code, or contact your card issuer for further details.",
        "address_zip",
        "confirm_card_data",
        None,
        None,
    ),
    "insufficient_funds": Decline(
        "card_declined", "Your card has insufficient funds.", None, "try_again_later", "51", "02"
    ),
    "lost_card": Decline("card_declined", _DECLINED, None, "do_not_try_again", "41", "01"),
    "processing_error": Decline(
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        None,
        "try_again_later",
        "06",
        None,
    ),
    "stolen_card": Decline("card_declined", _DECLINED, None, "do_not_try_again", "43", "01"),
    **dict.fromkeys(_WITHOUT_CARD, Decline("card_declined", _DECLINED, None, None, None, None)),
}
"""By `decline_code`: as recorded since 2024-09, when advice and network codes came."""


def declined(decline_code: str, **more: Any) -> Declined:
    """Return the error of a decline; `more` are members such as `charge` and `payment_intent`."""
    return Declined(**members(decline_code), **more)


def members(decline_code: str) -> dict[str, Any]:
    """Return the members of the error of a decline."""
    found = DECLINES[decline_code]
    codes = {
        "advice_code": found.advice,
        "network_advice_code": found.network_advice,
        "network_decline_code": found.network_decline,
    }
    return {
        "message": found.message,
        "status": 402,
        "type": "card_error",
        "code": found.code,
        "param": found.param,
        "decline_code": decline_code,
        **{name: code for name, code in codes.items() if code is not None},
    }


def not_attached(decline_code: str) -> Declined:
    """Return the error of a card that cannot be saved: its `param` is there, if only as `""`."""
    error = declined(decline_code)
    error.error.setdefault("param", "")
    return error


@lru_cache(maxsize=1)
def cards() -> tuple[KnownCard, ...]:
    """Return the table."""
    return tuple(_card(line) for line in _CARDS.strip().splitlines()[1:])


def _card(line: str) -> KnownCard:
    name, number, brand, country, funding, *rest = line.split()
    outcomes = [None if word == "-" else word for word in [*rest, *"-----"][:5]]
    attach, setup, charge, later, checks = outcomes
    failing = tuple(checks.split(",")) if checks else ()
    name = "" if name == "-" else name
    return KnownCard(name, number, brand, country, funding, attach, setup, charge, later, failing)


@lru_cache(maxsize=1)
def _by_number() -> dict[str, KnownCard]:
    return {card.number: card for card in reversed(cards())}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, KnownCard]:
    return {card.name: card for card in cards() if card.name}


def of_number(number: str) -> KnownCard | None:
    """Return the card of a number, or None if the testing page has none."""
    return _by_number().get(number)


def of_name(id: str) -> KnownCard | None:
    """Return the card that `pm_card_...` or `tok_...` names, or None."""
    for prefix in ("pm_card_", "tok_"):
        if id.startswith(prefix):
            return _by_name().get(id[len(prefix) :])
    return None
