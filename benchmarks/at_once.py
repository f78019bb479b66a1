"""The floor of what answers the Stripe SDK: a transport that answers at once, always the same.

What is left is the SDK's own work: making a request, and objects of an answer that is as large as
a real one. `at_once.json` has the answers, as the newest version has them, by the path of their
list.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import stripe

ANSWERS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
CHARGE = ANSWERS["/v1/charges"]
CUSTOMER = ANSWERS["/v1/customers"]
"""What `peers.stripe_api.PARAMS` make."""
PAGES = {"/v1/charges": [{**CHARGE, "customer": CUSTOMER}] * 100, "/v1/customers": [CUSTOMER] * 10}
"""What is in a list, by its path: a page of charges has whole customers."""

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


_ONE = {path: _encoded(answer) for path, answer in ANSWERS.items()}
_PAGE = {
    path: _encoded({"object": "list", "data": data, "has_more": True, "url": path})
    for path, data in PAGES.items()
}


class AtOnce(stripe.HTTPClient):
    """Answers as if all that is asked for were there."""

    name = "at once"

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any
    ) -> tuple[str, int, dict[str, str]]:
        """Return body, status and headers: a page of a list, or one object."""
        path = url[url.find("/", 8) :].partition("?")[0]
        if method == "get" and path in _PAGE:
            return _PAGE[path], 200, HEADERS
        return _ONE["/".join(path.split("/", 3)[:3])], 200, HEADERS

    def close(self) -> None:
        """Nothing is open."""
