"""The recipes of the events of billing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tigerstripe.billing import reminders
from tigerstripe.records import Record
from tigerstripe.triggers import fixtures
from tigerstripe.triggers.steps import (
    CLOCK,
    CUSTOMER,
    MONEY,
    NOTED,
    PRODUCT,
    START,
    Act,
    Step,
    advanced,
    attached,
)

if TYPE_CHECKING:
    from tigerstripe.account import Account

DEFAULT = Step(
    "POST /v1/customers/${customer:id}",
    {"invoice_settings[default_payment_method]": "${method:id}"},
)

# --- Invoices ---

_OF = {"customer": "${customer:id}"}
ITEM = Step("POST /v1/invoiceitems", {**_OF, "amount": "2000", "currency": "usd"}, "item")
_WITH_ITEMS = {**_OF, "pending_invoice_items_behavior": "include"}
DRAFT = Step("POST /v1/invoices", _WITH_ITEMS, "invoice")
_SENT = {"collection_method": "send_invoice", "days_until_due": "7", "auto_advance": "true"}
TO_SEND = Step("POST /v1/invoices", {**_WITH_ITEMS, **_SENT}, "invoice")


def _invoice(what: str, error: str | None = None, **params: str) -> Step:
    """Return the request that does something to an invoice."""
    return Step(f"POST /v1/invoices/${{invoice:id}}/{what}", params, error=error)


OPEN = (CUSTOMER, ITEM, DRAFT, _invoice("finalize"))
PAID = (
    CUSTOMER,
    attached("pm_card_visa"),
    ITEM,
    DRAFT,
    _invoice("pay", payment_method="${method:id}"),
)


def _failed(method: str) -> tuple[Step, ...]:
    pay = _invoice("pay", "card_error", payment_method="${method:id}")
    return (CUSTOMER, attached(method), ITEM, DRAFT, pay)


NOTE = Step("POST /v1/credit_notes", {"invoice": "${invoice:id}", "amount": "500"}, "note")

# --- Subscriptions ---

_MONTHLY = {**MONEY, "unit_amount": "1500", "recurring[interval]": "month"}
MONTHLY = Step("POST /v1/prices", _MONTHLY, "price")


def _begun(**more: str) -> Step:
    items = {"items[0][price]": "${price:id}"}
    return Step("POST /v1/subscriptions", {**_OF, **items, **more}, "subscription")


def _changed(**params: str) -> Step:
    return Step("POST /v1/subscriptions/${subscription:id}", params)


def _paused(what: str) -> Step:
    return Step(f"POST /v1/subscriptions/${{subscription:id}}/{what}", {})


_CARD = attached("pm_card_visa")
SUBSCRIBED = (CUSTOMER, _CARD, DEFAULT, PRODUCT, MONTHLY, _begun())
_THREE = {"items[0][id]": "${subscription:items.data.0.id}", "items[0][quantity]": "3"}
_TO_BE_PAID = (
    attached("pm_card_chargeCustomerFail"),
    DEFAULT,
    _changed(
        payment_behavior="pending_if_incomplete", proration_behavior="always_invoice", **_THREE
    ),
)
PENDING = (*SUBSCRIBED, *_TO_BE_PAID)
# --- What goes by a clock ---

_ON_CLOCK = Step("POST /v1/customers", {**CUSTOMER.params, "test_clock": "${clock:id}"}, "customer")
BEGUN_ON_CLOCK = (CLOCK, _ON_CLOCK, _CARD, DEFAULT, PRODUCT, MONTHLY)
_PAUSES = "trial_settings[end_behavior][missing_payment_method]"
TRIED = (CLOCK, _ON_CLOCK, PRODUCT, MONTHLY, _begun(trial_period_days="7", **{_PAUSES: "pause"}))
_PHASE = {"phases[0][items][0][price]": "${price:id}", "phases[0][iterations]": "1"}


def _scheduled(**more: str) -> tuple[Step, ...]:
    start = {"start_date": "now", **_OF, **_PHASE, **more}
    return (*BEGUN_ON_CLOCK, Step("POST /v1/subscription_schedules", start, "schedule"))


_LONG = {"start_date": "now", **_OF, **_PHASE, "phases[0][iterations]": "2"}
_UNPAID = (Step("POST /v1/subscription_schedules", _LONG, "schedule"), advanced(20))


def _schedule(what: str, **params: str) -> Step:
    return Step(f"POST /v1/subscription_schedules/${{schedule:id}}{what}", params)


_REST = Step("GET /v1/subscriptions/${subscription:id}", {}, "pending")

GRANT = Step(
    "POST /v1/billing/credit_grants",
    {
        "customer": "${customer:id}",
        "amount[type]": "monetary",
        "amount[monetary][value]": "1000",
        "amount[monetary][currency]": "usd",
        "applicability_config[scope][price_type]": "metered",
    },
    "grant",
)
_METERS = "POST /v1/billing/meters"
METER = Step(
    _METERS,
    {"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"},
    "meter",
)
OFF = Step(f"{_METERS}/${{meter:id}}/deactivate", {})
"""So that the next meter may have the name."""
ON = Step(f"{_METERS}/${{meter:id}}/reactivate", {})

_OFFERED = {**_OF, "line_items[0][price]": "${price:id}", "line_items[0][quantity]": "1"}
OFFER = (
    CUSTOMER, _CARD, DEFAULT, PRODUCT, MONTHLY, Step("POST /v1/quotes", _OFFERED, "quote"),
)  # fmt: skip


def _quote(what: str) -> Step:
    return Step(f"POST /v1/quotes/${{quote:id}}/{what}", {})


def _reminded(days: int, name: str, **before: int) -> Act:
    """Let days pass on a clock, with reminders of a subscription or an invoice.

    It is changed first, so that time goes on with it by the setting; the old one is put back.
    """

    def act(account: Account, answers: Record) -> None:
        old = reminders.days(account.engine.account(account.name)[0])
        clock = f"/v1/test_helpers/test_clocks/{answers['clock']['id']}/advance"
        later = {"frozen_time": str(START + days * reminders.DAY_S)}
        told = {"path": f"/v1/{name}s/{answers[name]['id']}", "params": NOTED}
        steps = [told, {"path": clock, "params": later}]
        account.set_reminders(**before)
        fixtures.run(account, {"fixtures": [{**step, "method": "post"} for step in steps]})
        account.set_reminders(**{name: old[name] for name in ("upcoming", "due")})

    return act


BILLING: dict[str, tuple[Step | Act, ...]] = {
    "billing.credit_balance_transaction.created": (CUSTOMER, GRANT),
    "billing.credit_grant.created": (CUSTOMER, GRANT),
    "billing.credit_grant.updated": (
        CUSTOMER, GRANT, Step("POST /v1/billing/credit_grants/${grant:id}", NOTED),
    ),
    "billing.meter.created": (METER, OFF),
    "billing.meter.deactivated": (METER, OFF),
    "billing.meter.reactivated": (METER, OFF, ON, OFF),
    "billing.meter.updated": (
        METER, Step(f"{_METERS}/${{meter:id}}", {"display_name": "Tokens"}), OFF,
    ),
    "credit_note.created": (*OPEN, NOTE),
    "credit_note.updated": (*OPEN, NOTE, Step("POST /v1/credit_notes/${note:id}", NOTED)),
    "credit_note.voided": (*OPEN, NOTE, Step("POST /v1/credit_notes/${note:id}/void", {})),
    "customer.subscription.created": SUBSCRIBED,
    "customer.subscription.deleted": (
        *SUBSCRIBED, Step("DELETE /v1/subscriptions/${subscription:id}", {}),
    ),
    "customer.subscription.pending_update_applied": (
        *PENDING, _REST, _CARD,
        Step("POST /v1/invoices/${pending:latest_invoice}/pay", {"payment_method": "${method:id}"}),
    ),
    "customer.subscription.paused": (*TRIED, advanced(8)),
    "customer.subscription.pending_update_expired": (
        *BEGUN_ON_CLOCK, _begun(), *_TO_BE_PAID, advanced(1),
    ),
    "customer.subscription.resumed": (
        *SUBSCRIBED, _paused("pause"), _paused("resume"),
    ),
    "customer.subscription.trial_will_end": (*TRIED, advanced(5)),
    "customer.subscription.updated": (*SUBSCRIBED, _changed(**NOTED)),
    "invoice.created": (CUSTOMER, DRAFT),
    "invoice.deleted": (CUSTOMER, DRAFT, Step("DELETE /v1/invoices/${invoice:id}", {})),
    "invoice.finalized": OPEN,
    "invoice.marked_uncollectible": (*OPEN, _invoice("mark_uncollectible")),
    "invoice.overdue": (CLOCK, _ON_CLOCK, ITEM, TO_SEND, advanced(8)),
    "invoice.paid": PAID,
    "invoice.payment_action_required": _failed("pm_card_authenticationRequired"),
    "invoice.payment_failed": _failed("pm_card_chargeCustomerFail"),
    "invoice.payment_succeeded": PAID,
    "invoice.sent": (CUSTOMER, ITEM, TO_SEND, _invoice("send")),
    "invoice.upcoming": (
        *BEGUN_ON_CLOCK, _begun(), _reminded(26, "subscription", upcoming=7),
    ),
    "invoice.updated": (CUSTOMER, DRAFT, Step("POST /v1/invoices/${invoice:id}", NOTED)),
    "invoice.voided": (*OPEN, _invoice("void")),
    "invoice.will_be_due": (
        CLOCK, _ON_CLOCK, ITEM, TO_SEND, _reminded(6, "invoice", due=2),
    ),
    "invoice_payment.paid": PAID,
    "invoiceitem.created": (CUSTOMER, ITEM),
    "invoiceitem.deleted": (CUSTOMER, ITEM, Step("DELETE /v1/invoiceitems/${item:id}", {})),
    "quote.accepted": (*OFFER, _quote("finalize"), _quote("accept")),
    "quote.canceled": (*OFFER, _quote("cancel")),
    "quote.created": OFFER,
    "quote.finalized": (*OFFER, _quote("finalize")),
    "subscription_schedule.aborted": (CLOCK, _ON_CLOCK, PRODUCT, MONTHLY, *_UNPAID),
    "subscription_schedule.canceled": (*_scheduled(), _schedule("/cancel")),
    "subscription_schedule.completed": (*_scheduled(end_behavior="cancel"), advanced(32)),
    "subscription_schedule.created": _scheduled(),
    "subscription_schedule.expiring": (*_scheduled(), advanced(28)),
    "subscription_schedule.released": (*_scheduled(), _schedule("/release")),
    "subscription_schedule.updated": (*_scheduled(), _schedule("", **NOTED)),
}  # fmt: skip
"""The steps that lead to an event, by its type."""
