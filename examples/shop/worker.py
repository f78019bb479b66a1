"""A nightly job: `python -m shop.worker`. Any number of them may run at once."""

from __future__ import annotations

import stripe

GIFT = 500
"""What a new customer is given, in cents."""


def welcome() -> int:
    """Give each new customer a credit, once; return how many looked new."""
    customers = stripe.Customer.list(limit=100).auto_paging_iter()
    new = [customer for customer in customers if "is_welcomed" not in customer.metadata]
    for customer in new:
        stripe.Customer.create_balance_transaction(
            customer.id,
            amount=-GIFT,
            currency="eur",
            description="Welcome!",
            idempotency_key=f"welcome {customer.id}",
        )
        stripe.Customer.modify(customer.id, metadata={"is_welcomed": "yes"})
    return len(new)


if __name__ == "__main__":
    welcome()
