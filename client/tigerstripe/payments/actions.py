"""The actions that a buyer has still to take: `next_action`, and the errors about it."""

from __future__ import annotations

from tigerstripe.errors import Declined
from tigerstripe.ids import letters, new_id
from tigerstripe.payments import cash
from tigerstripe.payments.bank import Attempt
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

DAY_S = 24 * 3600
ACTION_REQUIRED = (
    "This payment required an authentication action to complete, but `error_on_requires_action` "
    "was set. When you're ready, you can upgrade your integration to handle actions at "
    "https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions."
)


def wanted(work: Work, intent: Record, attempt: Attempt) -> Record:
    """Return the next action of the buyer; its form depends on the request."""
    if attempt.method["type"] == cash.TYPE:
        return cash.instructions(intent)
    if attempt.method["type"] == "us_bank_account":
        return {
            "type": "verify_with_microdeposits",
            "verify_with_microdeposits": {
                "arrival_date": work.now // DAY_S * DAY_S + 2 * DAY_S,
                "hosted_verification_url": f"https://payments.stripe.com/microdeposit/{letters(40)}",
                "microdeposit_type": "descriptor_code",
            },
        }
    if attempt.return_url is not None and not attempt.uses_sdk:
        url = page_url(intent)
        shown = {"return_url": attempt.return_url, "url": url}
        return {"redirect_to_url": shown, "type": "redirect_to_url"}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "source": new_id("payatt", 24),
            "stripe_js": page_url(intent),
            "type": "three_d_secure_redirect",
        },
    }


def page_url(intent: Record) -> str:
    """Return where a buyer authenticates; no page of this project is there yet."""
    kind = intent["object"]
    return (
        f"https://hooks.stripe.com/3d_secure_2/hosted?{kind}={intent['id']}&"
        f"{kind}_client_secret={intent['client_secret']}&source={new_id('payatt', 24)}"
    )


def required(method: Record) -> Declined:
    """Return the error of a payment that needs an action although its request excludes that."""
    return Declined(
        ACTION_REQUIRED,
        status=402,
        type="card_error",
        code="authentication_required",
        payment_method=method,
    )
