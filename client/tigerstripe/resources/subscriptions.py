"""Subscriptions: what may be asked of one, and in which of its states.

    incomplete -> active; trialing -> active; active <-> past_due -> unpaid; and canceled

What a request, a payment or time brings is worked out in `billing`; here are the operations.
"""

from __future__ import annotations

from tigerstripe import errors, listing, metadata, registry
from tigerstripe.billing import (
    billed,
    changing,
    cycles,
    editing,
    items,
    pausing,
    paying,
    standing,
    starting,
    terms,
)
from tigerstripe.errors import Refused
from tigerstripe.resource import Ids, Params, Record, Resource, operation, private
from tigerstripe.work import PRIVATE, Work

OWN = ("description", "metadata", "default_source", "application_fee_percent")
"""Parameters that are fields."""
OVER_TAKES = {"cancellation_details", "metadata"}
"""What can be changed of a subscription that is over."""


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
    paths = ("/v1/subscriptions",)
    prefix = "sub"
    event = "customer.subscription"
    happens_together = True
    standard = Resource.standard | {"search"}
    listed_of = ("customer", "price")
    not_yet = (
        "application_fee_percent", "billing_schedules", "billing_thresholds", "customer_account",
        "invoice_settings[issuer][account]", "items[][billing_thresholds]",
        "items[][current_trial]", "on_behalf_of", "pending_invoice_item_interval",
        "transfer_data",
    )  # fmt: skip
    filters = {
        "current_period_end": lambda record, wanted: _in_range(record, wanted, "end"),
        "current_period_start": lambda record, wanted: _in_range(record, wanted, "start"),
        "plan": _has_price,
        "price": _has_price,
        "status": _has_status,
    }
    shown = {"status": lambda status: status != "canceled"}
    on_clocks = ("customer", "test_clock")
    searchable = frozenset(("created", "status"))

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
        """Change a subscription, with what is to be paid for that."""
        old = self.named(work, ids)
        work = work.on_clock(old["test_clock"])
        params = metadata.merged(old, params)
        self._check_changeable(old, params)
        new = self._with_fields(work, old, params)
        new = self._with_end(work, new, params)
        new = editing.with_items(work, new, params)
        new = self._with_trial(work, new, params)
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
        if old["pending_update"] is not None and set(params) & {"items", "trial_end", "plan"}:
            raise Refused(
                f"The subscription {old['id']} has a pending update that waits for its payment: "
                f"pay or void its latest invoice first."
            )

    def _with_fields(self, work: Work, old: Record, params: Params) -> Record:
        """Return a subscription with the fields that a request gives; raises `Refused`."""
        new = {**old, **{name: params[name] for name in OWN if name in params}}
        customer = registry.need("customer").given(work, old["customer"], "customer")
        if "default_payment_method" in params:
            given = params["default_payment_method"]
            new["default_payment_method"] = given and paying.given(work, customer["id"], given)
        for name in ("collection_method", "days_until_due"):
            if params.get(name) is not None:
                new[name] = params[name]
        terms.check_collection(new, customer, params)
        if "default_tax_rates" in params:
            rates = registry.need("invoice").tax_rates(work, params["default_tax_rates"])
            new["default_tax_rates"] = rates
        if params.get("automatic_tax"):
            new["automatic_tax"] = terms.automatic_tax(params["automatic_tax"])
        if params.get("invoice_settings"):
            kept = {k: v for k, v in old["invoice_settings"].items() if k != "issuer"}
            given = {**kept, **params["invoice_settings"]}
            new["invoice_settings"] = terms.invoice_settings(given)
        if params.get("payment_settings"):
            given = {**old["payment_settings"], **params["payment_settings"]}
            new["payment_settings"] = terms.payment_settings(given)
        if params.get("trial_settings"):
            new["trial_settings"] = terms.trial_settings(params["trial_settings"])
        if "pause_collection" in params:
            pause = params["pause_collection"]
            new["pause_collection"] = pause and {
                "behavior": pause["behavior"],
                "resumes_at": pause.get("resumes_at"),
            }
        if params.get("cancellation_details"):
            told = {**old["cancellation_details"], **params["cancellation_details"]}
            new["cancellation_details"] = told
        if "discounts" in params or params.get("coupon") or params.get("promotion_code"):
            new = billed.with_discounts(new, terms.discounted(work, new, params))
        return new

    def _with_end(self, work: Work, new: Record, params: Params) -> Record:
        """Return a subscription that is to end when a request says, or is not to end any more."""
        if params.get("cancel_at_period_end") and params.get("cancel_at") is not None:
            raise errors.only_one_of("cancel_at", "cancel_at_period_end")
        stays = {
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {**new["cancellation_details"], "reason": None},
        }
        if params.get("cancel_at_period_end"):
            at = min(terms.period_ends(new))
            return {**new, **terms.ending(work, new, at), "cancel_at_period_end": True}
        if params.get("cancel_at") is not None:
            ending = terms.ending(work, new, params["cancel_at"])
            return {**new, **ending, "cancel_at_period_end": False}
        if params.get("cancel_at_period_end") is False and new["cancel_at_period_end"]:
            return {**new, **stays}
        if "cancel_at" in params and new["cancel_at"] is not None:
            return {**new, **stays}
        return new

    def _with_trial(self, work: Work, new: Record, params: Params) -> Record:
        """Return a subscription whose trial ends when a request says; raises `Refused`."""
        end = params.get("trial_end")
        if end is None:
            return new
        if end == "now":
            if new["status"] != "trialing":
                return new
            return {**new, "status": "active", "trial_end": work.now}
        terms.check_future(work, end, "trial_end")
        is_trialing = new["status"] == "trialing"
        data = [
            {
                **item,
                "current_period_start": item["current_period_start"] if is_trialing else work.now,
                "current_period_end": end,
            }
            for item in new["items"]["data"]
        ]
        kept = {name: v for name, v in private(new).items() if name != "told_trial_end"}
        return {
            **new,
            "billing_cycle_anchor": end,
            "items": items.listed(new["id"], data),
            "status": "trialing",
            "trial_end": end,
            "trial_start": new["trial_start"] if is_trialing else work.now,
            PRIVATE: kept,
        }

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

    def happen(self, work: Work, id: str) -> None:
        """Do what time brings to a subscription."""
        cycles.happen(work, id)

    def follow(self, work: Work, id: str, invoice: Record, what: str) -> None:
        """Let a subscription go on as one of its invoices did."""
        standing.follow(work, id, invoice, what)
        subscription = work.get(self.table, id)
        if subscription is not None and subscription["latest_invoice"] == invoice["id"]:
            cycles.planned(work, subscription)


RESOURCE = Subscriptions()
