"""The floor of what answers the Stripe SDK: a transport that answers at once, always the same.

What is left is the SDK's own work: making a request, and objects of an answer that is as large as
a real one.
"""

from __future__ import annotations

import json
from typing import Any

import stripe

ADDRESS = {
    "city": "Dublin",
    "country": "IE",
    "line1": "1 Main Street",
    "line2": None,
    "postal_code": "D01",
    "state": None,
}
CUSTOMER = {
    "id": "cus_Nffrq0xMT3WQMk",
    "object": "customer",
    "address": ADDRESS,
    "balance": 0,
    "created": 1_700_000_000,
    "currency": None,
    "customer_account": None,
    "default_source": None,
    "delinquent": False,
    "description": None,
    "discount": None,
    "email": "ada@example.com",
    "invoice_prefix": "0759376C",
    "invoice_settings": {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    },
    "livemode": False,
    "metadata": {"order": "6735"},
    "name": "Ada Byron",
    "next_invoice_sequence": 1,
    "phone": None,
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
    "test_clock": None,
}
"""A customer as the newest version answers it; `records` makes others by the same parameters."""

OBJECTS = {"/v1/customers": CUSTOMER}
"""What is answered by path: a list below it, and the object for all that is deeper."""
REQUEST = "req_8f0Jq2Hc3dLk5N"
HEADERS = {
    "request-id": REQUEST,
    "Request-Id": REQUEST,  # real transports' headers are found so too: the SDK's telemetry asks
    "stripe-version": stripe.api_version,
    "content-type": "application/json",
    "idempotency-key": "a9ed9cbf-9e3b-4f3e-b0a5-6a0f0d7c3f53",
    "original-request": REQUEST,
    "stripe-should-retry": "false",
}


def _encoded(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _list(path: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [item] * 10, "has_more": True, "url": path}


_ONE = {path: _encoded(item) for path, item in OBJECTS.items()}
_TEN = {path: _encoded(_list(path, item)) for path, item in OBJECTS.items()}


class AtOnce(stripe.HTTPClient):
    """Answers as if all that is asked for were there."""

    name = "at once"

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any
    ) -> tuple[str, int, dict[str, str]]:
        """Return body, status and headers: a list of ten, or one object."""
        path = url[url.find("/", 8) :].partition("?")[0]
        if path in _ONE:
            return (_TEN if method == "get" else _ONE)[path], 200, HEADERS
        return _ONE[path[: path.rindex("/")]], 200, HEADERS

    def close(self) -> None:
        """Nothing is open."""
