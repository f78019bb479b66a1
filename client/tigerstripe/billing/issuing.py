"""The invoices of a subscription: at its beginning, for each period, and for changes between."""

from __future__ import annotations

from tigerstripe.billing import discounts, drafts, items, pending, shares, usage
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

Content = tuple[list[Record], Record]
"""Lines, and the tax rates of those with their own, by the line's id."""

OF_INVOICE = ("custom_fields", "description", "footer")
"""The fields of invoices from a subscription's `invoice_settings`, else from its customer's."""


def invoice(
    work: Work,
    subscription: Record,
    reason: str,
    content: Content,
    period: tuple[int, int],
    *,
    id: str,
) -> Record:
    """Return the draft of a subscription's invoice, stored; it includes the items that wait for it.

    `period` is the time that it looks back on.
    """
    customer = registry.need("customer").given(work, subscription["customer"], "customer")
    lines, rates = content
    waiting = pending.taken(work, customer, id, subscription["currency"], subscription["id"])
    is_sent = subscription["collection_method"] == "send_invoice"
    says = subscription["invoice_settings"]
    fields: Record = {
        "automatic_tax": drafts.automatic_tax(subscription["automatic_tax"]),
        "collection_method": subscription["collection_method"],
        "default_tax_rates": subscription["default_tax_rates"],
        **{name: says[name] for name in OF_INVOICE if says.get(name) is not None},
        "discounts": given(work, subscription, customer),
        "on_behalf_of": subscription["on_behalf_of"],
        "parent": drafts.of_subscription(subscription),
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": subscription["payment_settings"]["payment_method_options"],
            "payment_method_types": subscription["payment_settings"]["payment_method_types"],
        },
        "period_end": period[1],
        "period_start": period[0],
        **drafts.advancing(work, is_draft=True),
    }
    if is_sent:
        fields["due_date"] = work.now + (subscription["days_until_due"] or 0) * drafts.DAY_S
    draft = drafts.drawn_up(
        work,
        customer,
        subscription["currency"],
        reason,
        [*waiting[0], *lines],
        {**rates, **waiting[1]},
        id=id,
        **fields,
    )
    draft = {**draft, PRIVATE: {**private(draft), shares.SHARE: shares.inherited(subscription)}}
    made: Record = registry.need("invoice").add(work, draft)
    return made


def given(work: Work, subscription: Record, customer: Record) -> list[str]:
    """Return the discounts of a subscription's invoice: its own, else its customer's."""
    own = discounts.current(work, subscription["discounts"], work.now)
    if own or customer["discount"] is None:
        return own
    return discounts.current(work, [customer["discount"]["id"]], work.now)


def new_invoice_id() -> str:
    """Return the id of an invoice that is about to be made: its lines name it."""
    return new_id("in", 24)


def of_period(
    work: Work,
    subscription: Record,
    which: list[Record],
    id: str,
    *,
    is_trial: bool = False,
) -> Content:
    """Return the lines of items for the period that they are in, as far as it is paid before.

    What is metered is paid after it: in classic mode it has a line of nothing at the beginning.
    """
    lines, rates = [], {}
    for item in which:
        period = (item["current_period_start"], item["current_period_end"])
        if is_trial:
            line = items.line_of_trial(work, subscription, item, id, period)
        elif items.is_metered(item):
            if not _begins(work, subscription):
                continue  # the usage is on the invoice at the period's end
            line = items.line_of_usage(work, subscription, item, id, period, 0)
        else:
            line = items.line_of(work, subscription, item, id, period)
        lines.append(line)
        if item["tax_rates"]:
            rates[line["id"]] = items.rates_of(item)
    return lines, rates


def _begins(work: Work, subscription: Record) -> bool:
    is_classic = subscription["billing_mode"]["type"] == "classic"
    return is_classic and bool(subscription["created"] == work.now)


def of_usage(work: Work, subscription: Record, which: list[Record], id: str) -> Content:
    """Return the lines of the usage in the items' period, which is over."""
    lines, rates = [], {}
    for item in filter(items.is_metered, which):
        period = (item["current_period_start"], min(item["current_period_end"], work.now))
        for one, used, of in usage.of_item(work, subscription, item, period):
            line = items.line_of_usage(work, subscription, one, id, of, used)
            lines.append(line)
            if item["tax_rates"]:
                rates[line["id"]] = items.rates_of(item)
    return lines, rates


def both(first: Content, second: Content) -> Content:
    """Return the lines of two parts of an invoice together."""
    return [*first[0], *second[0]], {**first[1], **second[1]}
