"""From the cart to the page on which the customer pays: plain Stripe code."""

from __future__ import annotations

import stripe

from shop import orders
from shop.cart import Cart

THANKS = "https://shop.example.com/thanks"


class UnknownCode(Exception):
    """This promotion code does not exist, or is no longer valid."""


def customer_of(email: str) -> stripe.Customer:
    """Return the customer with this address, or create one."""
    for customer in stripe.Customer.list(email=email, limit=1):
        return customer
    return stripe.Customer.create(email=email, idempotency_key=f"customer {email}")


def check_out(
    order: str, email: str, cart: Cart, code: str | None = None
) -> stripe.checkout.Session:
    """Set aside what is in a cart, and return the page to pay on.

    `order` comes with the form: who clicks twice orders once. Raises `OutOfStock`, `UnknownCode`,
    and what Stripe raises; then nothing is set aside.
    """
    orders.place(order, cart.lines)
    try:
        prices = stripe.Price.list(lookup_keys=list(cart.lines), active=True)
        return stripe.checkout.Session.create(
            mode="payment",
            customer=customer_of(email).id,
            client_reference_id=order,
            line_items=[{"price": p.id, "quantity": cart.lines[p.lookup_key]} for p in prices],
            discounts=[{"promotion_code": promotion_code(code)}] if code else [],
            success_url=THANKS,
            idempotency_key=f"order {order}",
        )
    except (UnknownCode, stripe.StripeError):
        orders.cancel(order)
        raise


def promotion_code(code: str) -> str:
    """Return the id of a promotion code; raises `UnknownCode`."""
    for found in stripe.PromotionCode.list(code=code, active=True, limit=1):
        return found.id
    raise UnknownCode(code)


def save_card(customer: str, payment_method: str) -> None:
    """Save a card for the customer's payments; raises `stripe.CardError`."""
    saved = stripe.PaymentMethod.attach(payment_method, customer=customer)
    stripe.Customer.modify(customer, invoice_settings={"default_payment_method": saved.id})
