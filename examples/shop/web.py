"""The shop's web application, by WSGI: `python -m shop.web` serves it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

import stripe

from shop import orders
from shop.cart import Cart
from shop.checkout import UnknownCode, check_out

Environ = dict[str, Any]
Answer = tuple[str, str]


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    view = VIEWS.get(environ["PATH_INFO"], not_found)
    status, text = view(environ)
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]


def buy(environ: Environ) -> Answer:
    """Begin a checkout; answer with the page to pay on."""
    form = json.loads(body(environ))
    try:
        cart = Cart(**form["cart"])
        page = check_out(form["order"], form["email"], cart, form.get("code"))
    except (ValueError, orders.OutOfStock, UnknownCode) as error:
        return "409 Conflict", str(error)
    except stripe.StripeError as error:
        return "502 Bad Gateway", error.user_message or "Please try again later."
    return "200 OK", str(page.url)


def receive(environ: Environ) -> Answer:
    """Act on a webhook. It may come twice."""
    signature = environ.get("HTTP_STRIPE_SIGNATURE", "")
    secret = os.environ["STRIPE_WEBHOOK_SECRET"]
    try:
        event = stripe.Webhook.construct_event(body(environ), signature, secret)
    except stripe.SignatureVerificationError as error:
        return "400 Bad Request", str(error)
    if event.type == "checkout.session.expired":
        orders.cancel(event.data.object.client_reference_id)
    return "200 OK", ""


def not_found(environ: Environ) -> Answer:
    return "404 Not Found", environ["PATH_INFO"]


VIEWS: dict[str, Callable[[Environ], Answer]] = {"/buy": buy, "/hooks": receive}


def body(environ: Environ) -> bytes:
    """Return what was sent."""
    sent: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    return sent


if __name__ == "__main__":
    with make_server("127.0.0.1", 0, application) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
        server.serve_forever()
