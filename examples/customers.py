"""What customers do, each in a process of its own (crowd.py); here, for processes to import."""

from __future__ import annotations

import os

import crowd
from fakes import fake
from fakes.billing import FakeBilling
from shop.billing import BillingError
from shop.cart import Cart
from shop.front import Shop
from shop.warehouse import OutOfStock
from tiger import Store

EMAIL = "ann@example.com"


def buy(store: Store, *prices: str) -> str:
    """Try to buy one of each."""
    cart = Cart(**dict.fromkeys(prices, 1))
    try:
        Shop(fake(store)).check_out(f"order_{os.getpid()}", EMAIL, cart)
    except OutOfStock:
        return "sold out"
    return "bought"


def pay(store: Store, session: str) -> str:
    """Try to pay."""
    try:
        status: str = FakeBilling(store).pay(session)["status"]
    except BillingError as error:
        return str(error)
    return status


def pay_with_coupon(store: Store, coupon: str) -> str:
    """Order a lamp, and try to pay as soon as all the others have the page before them too."""
    reference = f"order_{os.getpid()}"
    lamp = {"price_lamp": 1}
    session = FakeBilling(store).open_session("cus_ann", lamp, reference=reference, coupon=coupon)
    pages = store.checkout_sessions
    pages.wait_for(lambda _: len(pages) == crowd.SIZE)
    return pay(store, session["id"])


def register(store: Store, email: str) -> str:
    """Return the id of the customer of that address."""
    customer: str = FakeBilling(store).ensure_customer(email)["id"]
    return customer


def bill(store: Store, subscription: str, months: int) -> list[str]:
    """Let months pass, and return the ids of their invoices."""
    return [FakeBilling(store).bill(subscription)["id"] for _ in range(months)]


def leave(store: Store, subscription: str) -> str:
    """Try to end a membership."""
    try:
        FakeBilling(store).cancel(subscription)
    except BillingError:
        return "had left"
    return "left"
