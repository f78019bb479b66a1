"""Webhooks, sent to the application in this process: signed, and as often as Stripe sends them."""

from __future__ import annotations

import io

import pytest

from shop import orders, web
from shop.cart import Cart
from shop.checkout import check_out

ANN = "ann@example.com"


@pytest.fixture
def page(endpoint):
    """A page to pay on, for the only vase."""
    return check_out("order_1", ANN, Cart(vase=1))


def test_what_nobody_pays_for_is_put_back(tiger_stripe, page):
    """A page is open for a day, by the account's clock."""
    tiger_stripe.advance(hours=23)
    assert tiger_stripe.deliver(web.application) == []
    tiger_stripe.advance(hours=2)
    (sent,) = tiger_stripe.deliver(web.application)
    assert sent["attempts"][0]["status"] == 200
    assert (orders.status("order_1"), orders.available("vase")) == ("cancelled", 1)


def test_a_webhook_may_come_twice(tiger_stripe, page):
    tiger_stripe.expire_checkout(page)
    sent = []

    def twice(path, headers, body):
        """The application does its work, but its first answer is lost."""
        sent.append(received(body, headers["Stripe-Signature"]))
        return 500 if len(sent) == 1 else 200

    tiger_stripe.deliver(twice)
    tiger_stripe.deliver(twice)
    assert sent == ["200 OK", "200 OK"]
    assert orders.available("vase") == 1


def test_an_application_that_fails_gets_it_again(tiger_stripe, page, monkeypatch):
    tiger_stripe.expire_checkout(page)
    with monkeypatch.context() as broken:
        broken.delenv("SHOP_DATABASE")
        with pytest.raises(KeyError):
            tiger_stripe.deliver(web.application)
    tiger_stripe.deliver(web.application)
    (delivery,) = tiger_stripe.deliveries()
    assert [attempt["status"] for attempt in delivery["attempts"]] == [None, 200]
    assert orders.status("order_1") == "cancelled"


def test_a_forged_webhook_is_refused(endpoint):
    assert received(b"{}", "t=1,v1=0") == "400 Bad Request"


def test_an_endpoint_gets_what_it_asked_for(tiger_stripe, page):
    """The events of the customer and of the seed are not sent."""
    tiger_stripe.expire_checkout(page)
    (delivery,) = tiger_stripe.deliver(web.application)
    assert delivery["event_type"] == "checkout.session.expired"


def received(body, signature):
    """Return the status with which the application answers a webhook."""
    statuses = []
    environ = {
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_STRIPE_SIGNATURE": signature,
        "PATH_INFO": "/hooks",
        "wsgi.input": io.BytesIO(body),
    }
    web.application(environ, lambda status, headers: statuses.append(status))
    return statuses[0]
