"""Subscriptions: the operations on one, and the states that allow each.

    incomplete -> active; trialing -> active; active <-> past_due -> unpaid; and canceled

`billing` works out the consequences of a request, a payment or time.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import (
    changing,
    cycles,
    editing,
    items,
    pausing,
    revising,
    standing,
    starting,
    terms,
)
from tigerstripe.errors import Refused
from tigerstripe.objects import listing, metadata, registry
from tigerstripe.objects.resource import Filters, Ids, Resource, Tests, operation, private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OVER_TAKES = {"cancellation_details", "metadata"}
"""The parameters that can change a canceled subscription."""

PENDING = {"billing_cycle_anchor", "items", "plan", "quantity", "trial_end"}
"""The parameters that another change has to be paid for, or given up, before they are changed."""


def _as_now(work: Work, item: Record) -> Record:
    price = work.get("prices", item["price"]["id"])
    return item if price is None else {**item, **items.priced(price)}


def _has_price(record: Record, wanted: str) -> bool:
    return any(item["price"]["id"] == wanted for item in record["items"]["data"])


def _has_status(record: Record, wanted: str) -> bool:
    if wanted == "all":
        return True
    if wanted == "ended":
        return record["status"] in cycles.OVER
    return bool(record["status"] == wanted)


def _in_range(record: Record, wanted: int | Params, side: str) -> bool:
    """Tell whether a period of a subscription's begins or ends within a range."""
    times = [item[f"current_period_{side}"] for item in record["items"]["data"]]
    if isinstance(wanted, int):
        return wanted in times
    return any(all(listing.BOUNDS[k](time, v) for k, v in wanted.items()) for time in times)


class Subscriptions(Resource):
    """Subscriptions."""

    object = "subscription"
    table = "subscriptions"
    prefix = "sub"
    event: str | None = "customer.subscription"
    happens_together = True
    standard: frozenset[str] = Resource.standard | {"search"}
    listed_of: tuple[str, ...] = ("customer", "price")
    not_yet: tuple[str, ...] = (
        "billing_schedules", "billing_thresholds", "customer_account",
        "invoice_settings[account_tax_ids]", "invoice_settings[issuer][account]",
        "items[][billing_thresholds]",
        "items[][current_trial]", "pending_invoice_item_interval",
    )  # fmt: skip
    filters: Filters = {
        "current_period_end": lambda record, wanted: _in_range(record, wanted, "end"),
        "current_period_start": lambda record, wanted: _in_range(record, wanted, "start"),
        "plan": _has_price,
        "price": _has_price,
        "status": _has_status,
    }
    shown: Tests = {"status": lambda status: status != "canceled"}
    on_clocks: tuple[str, ...] = ("customer", "test_clock")
    searchable: frozenset[str] = frozenset(("created", "status"))

    # --- Made ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Begin a subscription, with its first invoice."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        return starting.begun(work.on_clock(customer["test_clock"]), customer, params)

    def view(self, work: Work, record: Record) -> Record:
        """Return a subscription with its prices as they are now."""
        data = [_as_now(work, item) for item in record["items"]["data"]]
        if data == record["items"]["data"]:
            return record
        return {**record, "items": items.listed(record["id"], data), **terms.of_one(data)}

    # --- Changed ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a subscription, and bill the change."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        params = metadata.merged(old, params)
        if params.get("trial_from_plan"):
            raise errors.not_built_parameter("trial_from_plan")
        self._check_changeable(old, params)
        if params.get("payment_behavior") == "pending_if_incomplete":
            standing.check_can_wait(params)
        new = revising.with_fields(work, old, params)
        new = revising.with_end(work, new, params)
        new = editing.with_items(work, new, params)
        new = revising.with_trial(work, new, params)
        if old["status"] == "trialing" and new["status"] != "trialing":
            unpaid = cycles.without_method(work, old, new)
            if unpaid is not None:
                return self._planned(work, unpaid)
        change = changing.Change(work, old, new, params)
        saved = changing.applied(work, change, params)
        registry.need("subscription_item").known(work, saved)
        cycles.planned(work, saved)
        return saved

    def _check_changeable(self, old: Record, params: Params) -> None:
        if old["status"] in cycles.OVER and set(params) - OVER_TAKES:
            raise Refused(
                "A canceled subscription can only update its cancellation_details and metadata.",
            )
        if old["pending_update"] is not None and set(params) & PENDING:
            raise Refused(
                f"The subscription {old['id']} has a pending update that waits for its payment: "
                f"pay or void the invoice {private(old)['update']['invoice']} first."
            )

    @operation("POST /v1/subscriptions/{subscription}/pause")
    def pause(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let no period go by, and bill nothing, until a subscription is resumed."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        return self._planned(work, pausing.paused(work, old, params))

    @operation("POST /v1/subscriptions/{subscription}/resume")
    def resume(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a paused subscription go on."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        return self._planned(work, pausing.resumed(work, old, params))

    @operation("POST /v1/subscriptions/{subscription}/migrate")
    def migrate(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a subscription be billed in flexible mode from now on."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        if old["billing_mode"]["type"] == "flexible":
            raise Refused("The subscription is in flexible billing mode already.")
        mode = terms.mode(work, params["billing_mode"])
        return self.save(work, old, {**old, "billing_mode": mode})

    @operation("DELETE /v1/subscriptions/{subscription_exposed_id}/discount")
    def delete_discount(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take a subscription's discounts away; the first is answered."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        if not old["discounts"]:
            message = f"No active discount for subscription: {old['id']}"
            raise Refused(message, status=404, code="resource_missing")
        self.save(work, old, {**old, "discounts": []})
        found: Record = registry.need("discount").given(work, old["discounts"][0], "discount")
        return {**found, "deleted": True}

    def _planned(self, work: Work, subscription: Record) -> Record:
        cycles.planned(work, subscription)
        return subscription

    # --- Its end ---

    @operation("DELETE /v1/subscriptions/{subscription_exposed_id}")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Cancel a subscription now."""
        old = self.named(work, ids)
        if old["status"] in cycles.OVER:
            raise self.missing(old["id"], self.param, in_path=True)
        work = work.on_clock(old["test_clock"])
        details = dict(params.get("cancellation_details") or {})
        return changing.canceled(work, old, params, details)

    def heard(self, work: Work, id: str, intent: Record) -> None:
        """Use the payment method of a subscription's setup intent as its default."""
        subscription = work.get(self.table, id)
        if subscription is not None and intent["status"] == "succeeded":
            method = intent["payment_method"]
            new = {**subscription, "default_payment_method": method, "pending_setup_intent": None}
            self.save(work.on_clock(subscription["test_clock"]), subscription, new)

    def end_with_customer(self, work: Work, id: str) -> None:
        """Cancel the subscription of a deleted customer, unless it has ended."""
        subscription = work.get(self.table, id)
        if subscription is not None and subscription["status"] not in cycles.OVER:
            standing.canceled(work.on_clock(subscription["test_clock"]), subscription)

    def happen(self, work: Work, id: str) -> None:
        """Do everything that is due for a subscription."""
        cycles.happen(work, id)

    def follow(self, work: Work, id: str, invoice: Record, what: str) -> None:
        """Let a subscription go on as one of its invoices did."""
        before = work.get(self.table, id)
        standing.follow(work, id, invoice, what)
        after = work.get(self.table, id)
        if after is not None and after is not before:
            cycles.planned(work, after)


RESOURCE = Subscriptions()
