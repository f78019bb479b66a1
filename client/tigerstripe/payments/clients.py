"""Intents as a buyer's page or app sees them: by publishable key and `client_secret`."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Declined, Refused
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

SEEN = frozenset((
    "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "excluded_payment_method_types", "id", "last_payment_error", "last_setup_error", "livemode",
    "next_action", "object", "payment_method", "payment_method_configuration_details",
    "payment_method_types", "processing", "receipt_email", "setup_future_usage", "shipping",
    "source", "status", "usage",
))  # fmt: skip
"""The fields of an intent that a publishable key may see (not recorded: of Stripe's own SDKs)."""


def check(work: Work, intent: Record, params: Record) -> None:
    """Raise `Refused` if a request has another secret than the intent, or a client has none."""
    secret = params.pop("client_secret", None)
    if secret is None and work.is_publishable:
        raise errors.missing("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        raise Refused(
            f"The client_secret provided does not match any associated "
            f"{'PaymentIntent' if intent['object'] == 'payment_intent' else 'SetupIntent'} on this "
            f"account.",
            param="client_secret",
        )


def seen(work: Work, intent: Record) -> Record:
    """Return an intent as the key of the request may see it."""
    if not work.is_publishable:
        return intent
    return {name: value for name, value in intent.items() if name in SEEN}


def answered(work: Work, intent: Record, declined: Declined | None) -> Record:
    """Return an intent after a try, as the key of the request may see it; raises `Declined`."""
    if declined is None:
        return seen(work, intent)
    if work.is_publishable:
        declined.error[intent["object"]] = seen(work, declined.error[intent["object"]])
    raise declined
