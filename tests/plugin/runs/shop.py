"""An application that uses the SDK of Stripe."""

import stripe


def sign_up(email: str) -> stripe.Customer:
    return stripe.Customer.create(email=email)
