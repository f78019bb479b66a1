"""Drafts of invoices: the fields of a new one."""

from __future__ import annotations

from typing import Any

from tigerstripe.billing import amounts, lines
from tigerstripe.ids import new_id
from tigerstripe.objects.resource import ordered
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

DRAFT_S = 3600
"""How long an invoice that advances by itself stays a draft, as recorded."""
DAY_S = 24 * 3600
OWN_ACCOUNT = ("account_settings", "account")
NULLS = (
    "account_tax_ids", "application", "automatically_finalizes_at", "customer_account",
    "default_payment_method", "default_source", "description", "due_date", "effective_at",
    "ending_balance", "from_invoice", "hosted_invoice_url", "invoice_pdf",
    "last_finalization_error", "latest_revision", "next_payment_attempt", "number", "on_behalf_of",
    "parent", "receipt_number", "rendering", "shipping_cost", "shipping_details",
    "statement_descriptor",
)  # fmt: skip
ZEROS = (
    "amount_due", "amount_overpaid", "amount_paid", "amount_remaining", "amount_shipping",
    "attempt_count", "post_payment_credit_notes_amount", "pre_payment_credit_notes_amount",
    "starting_balance",
)  # fmt: skip


def drawn_up(
    work: Work,
    customer: Record,
    currency: str,
    reason: str,
    content: list[Record],
    rates: Record,
    **more: Any,
) -> Record:
    """Return a draft with these lines, priced but not stored.

    `rates` has the tax rates of lines with their own, by the line's id; `more` are fields that
    differ from those of a plain invoice.
    """
    fields = {
        **_plain(work, customer),
        "billing_reason": reason,
        "currency": currency,
        "starting_balance": amounts.balance_of(customer, currency),
        **more,
    }
    invoice = {"id": fields.get("id") or new_id("in", 24), "object": "invoice", **fields}
    content = [{**line, "invoice": invoice["id"]} for line in content]
    return ordered(amounts.priced(work, lines.with_lines(invoice, content, rates)))


def _plain(work: Work, customer: Record) -> Record:
    """Return the fields of a draft about which nobody has said anything yet."""
    own = (work.get(*OWN_ACCOUNT) or {}).get("account") or {"country": "US"}
    says = customer["invoice_settings"]
    return {
        **dict.fromkeys(NULLS),
        **dict.fromkeys(ZEROS, 0),
        "account_country": own["country"],
        "account_name": (own.get("business_profile") or {}).get("name"),
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "collection_method": "charge_automatically",
        "created": work.now,
        "custom_fields": says["custom_fields"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": _tax_ids(work, customer),
        "default_tax_rates": [],
        "discounts": [],
        "footer": says["footer"],
        "issuer": {"type": "self"},
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": work.now,
        "period_start": work.now,
        "status": "draft",
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "test_clock": customer["test_clock"],
        "webhooks_delivered_at": work.now,
    }


def _tax_ids(work: Work, customer: Record) -> list[Record]:
    found = work.find_by("tax_ids", "customer", customer["id"])
    return [{"type": one["type"], "value": one["value"]} for one in reversed(found)]


def advancing(work: Work, *, is_draft: bool) -> Record:
    """Return the fields of an invoice that goes on by itself."""
    return {
        "auto_advance": True,
        "automatically_finalizes_at": work.now + DRAFT_S if is_draft else None,
    }


def of_subscription(subscription: Record) -> Record:
    """Return the parent of a subscription's invoice."""
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": subscription["metadata"],
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def automatic_tax(given: Record) -> Record:
    """Return the fields of an invoice about automatic tax."""
    is_on = bool(given["enabled"])
    return {
        "disabled_reason": None,
        "enabled": is_on,
        "liability": {"type": "self"} if is_on else None,
        "provider": "stripe" if is_on else None,
        "status": "complete" if is_on else None,
    }
