"""A live server and workers: they use the test's account without changes to their code."""

from __future__ import annotations

import json
from urllib.request import urlopen

import stripe

from shop import orders


def test_a_live_server_sells_and_is_told(tiger_stripe, server):
    form = {"order": "order_1", "email": "ben@example.com", "cart": {"vase": 1}}
    with urlopen(f"{server}/buy", json.dumps(form).encode()) as answer:  # noqa: S310 - its own server
        page = answer.read().decode()
    (session,) = stripe.checkout.Session.list()
    assert (session.url, orders.available("vase")) == (page, 0)
    tiger_stripe.advance(days=2)
    tiger_stripe.deliver()  # to the server's URL
    assert (orders.status("order_1"), orders.available("vase")) == ("cancelled", 1)


def test_two_workers_welcome_each_customer_once(tiger_stripe, start):
    customers = [stripe.Customer.create(email=f"{name}@example.com") for name in ("ben", "eve")]
    workers = [start("shop.worker"), start("shop.worker")]
    assert [worker.wait() for worker in workers] == [0, 0]
    for customer in customers:
        given = stripe.Customer.list_balance_transactions(customer.id)
        assert [transaction.amount for transaction in given] == [-500]
        assert stripe.Customer.retrieve(customer.id).balance == -500
