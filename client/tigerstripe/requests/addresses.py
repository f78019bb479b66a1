"""Addresses of pages: objects have Stripe's own, answers those of the server that is there.

    https://checkout.stripe.com/c/pay/cs_...  ->  BASE/accounts/NAME/pages/checkout/cs_...

So a record is the same in every process that reads it, whether its pages are served or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

PAGES = {
    "https://billing.stripe.com/p/session/": "portal",
    "https://buy.stripe.com/r/": "recovery",
    "https://buy.stripe.com/": "link",
    "https://checkout.stripe.com/c/pay/": "checkout",
    "https://hooks.stripe.com/3d_secure_2/hosted?": "authentication?",
    "https://invoice.stripe.com/i/": "invoice",
    "https://pay.stripe.com/credit_notes/": "credit_note",
    "https://pay.stripe.com/invoice/": "invoice_pdf",
    "https://pay.stripe.com/receipts/payment/": "receipt",
}
"""By what an address begins with, the name of its page."""

_PAGES = re.compile("|".join(map(re.escape, PAGES)))


def local(text: str, base: Callable[[], str | None], account: str) -> str:
    """Return a text, an answer say, whose pages' addresses are those of a server.

    `base()` is where that is, None: nowhere; it is asked only if there is an address.
    """
    if ".stripe.com/" not in text or not _PAGES.search(text):
        return text
    served = base()
    if served is None:
        return text
    root = f"{served}/accounts/{quote(account, safe='')}/pages/"

    def of(match: re.Match[str]) -> str:
        page = PAGES[match[0]]
        return root + page if page.endswith("?") else f"{root}{page}/"

    return _PAGES.sub(of, text)
