"""Payment pages: a checkout session as its buyer sees it; for the official CLI and for pages.

No SDK has these operations, so the shape of their answers is this project's own.
"""

from __future__ import annotations

from tigerstripe.checkout import completion
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient, operation
from tigerstripe.payments import using
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

SHOWN = (
    "amount_subtotal", "amount_total", "cancel_url", "currency", "custom_fields", "livemode",
    "mode", "payment_method_types", "payment_status", "shipping_options", "status", "success_url",
)  # fmt: skip


class PaymentPages(Transient):
    """Payment pages; each is a session's, under its id."""

    object = "payment_page"
    standard: frozenset[str] = frozenset()

    @operation("GET /v1/payment_pages/{session}")
    def page(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the page of a session."""
        return _page(work, registry.need("checkout.session").named(work, ids))

    @operation("POST /v1/payment_pages/{session}/confirm")
    def confirm(self, work: Work, ids: Ids, params: Params) -> Record:
        """Complete a session, as its buyer does who presses the button."""
        session = registry.need("checkout.session").named(work, ids)
        session, declined = completion.confirmed(work, session, params)
        if declined is not None:
            raise declined
        return _page(work, session)


def _page(work: Work, session: Record) -> Record:
    """Return the page of a session, with its intent as far as it was tried."""
    intent = completion.intent_of(work, session)
    return {
        "id": session["id"],
        "object": PaymentPages.object,
        **{name: session[name] for name in SHOWN},
        "intent": using.shown(intent) if intent is not None else None,
        "session_id": session["id"],
    }


RESOURCE = PaymentPages()
