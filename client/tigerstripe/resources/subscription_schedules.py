"""Schedules: the future terms of a subscription, in phases.

not_started -> active -> completed | released; and canceled, from the first two
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tigerstripe import errors
from tigerstripe.billing import issuing, paying, phases, standing, starting, terms
from tigerstripe.errors import Refused
from tigerstripe.objects import due, listing, metadata, registry
from tigerstripe.objects.resource import Filters, Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OVER = ("canceled", "completed", "released")
WITHOUT = ("canceled", "incomplete", "incomplete_expired", "paused")
"""The states in which a subscription gets no schedule: no period of it goes by."""
END_BEHAVIORS = ("cancel", "release")
NOTICE_S = 7 * 24 * 3600
"""How long before its end a schedule is told to be expiring."""


def _in_range_of(field: str) -> Callable[[Record, Any], bool]:
    """Return the test of whether a field is a time, or within a range."""

    def test(record: Record, wanted: Any) -> bool:
        value = record[field]
        if value is None or isinstance(wanted, int):
            return bool(value == wanted)
        return all(listing.BOUNDS[name](value, bound) for name, bound in wanted.items())

    return test


NULLS = (
    "application", "canceled_at", "completed_at", "current_phase", "customer_account",
    "released_at", "released_subscription", "subscription",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class SubscriptionSchedules(Resource):
    """Subscription schedules."""

    object = "subscription_schedule"
    table = "subscription_schedules"
    prefix = "sub_sched"
    param: str | None = "schedule"
    on_clocks: tuple[str, ...] = ("customer",)
    listed_of: tuple[str, ...] = ("customer",)
    not_yet: tuple[str, ...] = (
        "customer_account", "default_settings[application_fee_percent]",
        "default_settings[billing_thresholds]",
        "default_settings[invoice_settings][account_tax_ids]",
        "default_settings[invoice_settings][issuer][account]", "default_settings[on_behalf_of]",
        "default_settings[transfer_data]", "pause_schedules", "phases[][application_fee_percent]",
        "phases[][add_invoice_items][][price_data]", "phases[][billing_thresholds]",
        "phases[][invoice_settings][account_tax_ids]",
        "phases[][invoice_settings][issuer][account]", "phases[][items][][discounts]",
        "phases[][on_behalf_of]",
        "phases[][transfer_data]",
    )  # fmt: skip
    filters: Filters = {
        "scheduled": lambda record, wanted: (record["status"] == "not_started") == wanted,
        **{name: _in_range_of(name) for name in ("canceled_at", "completed_at", "released_at")},
    }

    # --- Made ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a schedule, of phases or for a subscription that is there; its start may be now."""
        if params.get("from_subscription") is not None:
            return self._of_subscription(work, params)
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        start = params.get("start_date")
        if start is None:
            raise errors.missing("start_date")
        start = work.now if start == "now" else start
        fields = self._fields(work, customer, params)
        fields["phases"] = phases.all_of(
            work, customer, fields["billing_mode"], params.get("phases") or [], start
        )
        if fields["phases"][-1]["end_date"] <= work.now:
            raise Refused("The last phase of a schedule ends in the future.", param="phases")
        schedule = self.add(work, fields)
        work.touch("customers", customer["id"])  # its deletion knows of this schedule
        return self._advanced(work, schedule)

    def _fields(self, work: Work, customer: Record, params: Params) -> Record:
        return {
            **dict.fromkeys(NULLS),
            "billing_mode": terms.mode(work, params.get("billing_mode")),
            "customer": customer["id"],
            "default_settings": _settings(params.get("default_settings") or {}),
            "end_behavior": _end_behavior(params),
            "metadata": params.get("metadata"),
            "pause_schedules": [],
            "phases": [],
            "status": "not_started",
            "test_clock": customer["test_clock"],
        }

    def _of_subscription(self, work: Work, params: Params) -> Record:
        """Make the schedule of a subscription; its first phase has the present terms."""
        given = set(params) - {"from_subscription", "metadata", "billing_mode"}
        if given:
            raise Refused(
                "You cannot set "
                f"{', '.join(sorted(given))} if `from_subscription` is set: update the schedule "
                f"afterwards."
            )
        subscriptions = registry.need("subscription")
        subscription = subscriptions.given(work, params["from_subscription"], "from_subscription")
        if subscription["schedule"] is not None:
            raise Refused(
                f"You cannot migrate a subscription that is already attached to a schedule: "
                f"{subscription['schedule']}."
            )
        if subscription["status"] in WITHOUT:
            raise Refused(
                f"The subscription {subscription['id']} is {subscription['status']}: it cannot "
                f"have a schedule."
            )
        customer = registry.need("customer").given(work, subscription["customer"], "customer")
        phase = phases.of_subscription(subscription)
        fields = self._fields(work, customer, params)
        fields.update(
            billing_mode=subscription["billing_mode"],
            current_phase=_times(phase),
            default_settings=_settings_of(subscription),
            phases=[phase],
            status="active",
            subscription=subscription["id"],
        )
        schedule = self.add(work, fields)
        subscriptions.save(work, subscription, {**subscription, "schedule": schedule["id"]})
        self._plan(work, schedule)
        return schedule

    # --- Changed ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the part of a schedule that is still to come."""
        old = self.named(work, ids)
        if old["status"] in OVER:
            raise Refused(f"You cannot update a schedule that is {old['status']}.")
        params = metadata.merged(old, params)
        new = dict(old)
        if "metadata" in params:
            new["metadata"] = params["metadata"]
        if params.get("end_behavior") is not None:
            new["end_behavior"] = _end_behavior(params)
        if params.get("default_settings"):
            given = {**old["default_settings"], **params["default_settings"]}
            new["default_settings"] = _settings(given)
        if params.get("phases") is not None:
            customer = registry.need("customer").given(work, old["customer"], "customer")
            new["phases"] = self._phases(work, customer, old, params["phases"])
        saved = self.save(work, old, new)
        if params.get("phases") is not None and saved["status"] == "active":
            saved = self._applied(work, saved, params.get("proration_behavior"))
        return self._advanced(work, saved)

    def _phases(
        self, work: Work, customer: Record, old: Record, given: list[Params]
    ) -> list[Record]:
        """Return a schedule's phases: those that are over, and those that are asked for."""
        current, mode = old["current_phase"], old["billing_mode"]
        if current is None:
            start = given[0].get("start_date") if given else None
            begins = old["phases"][0]["start_date"] if start in (None, "now") else start
            begins = work.now if start == "now" else begins
            return phases.all_of(work, customer, mode, given, begins)
        over = [phase for phase in old["phases"] if phase["end_date"] <= current["start_date"]]
        named = {phase["start_date"] for phase in over}
        coming = [phase for phase in given if phase.get("start_date") not in named]
        return [*over, *phases.all_of(work, customer, mode, coming, current["start_date"])]

    def _applied(self, work: Work, schedule: Record, behavior: str | None) -> Record:
        """Apply the changed current phase to the subscription; return the schedule."""
        phase = _at(schedule, work.now)
        if phase is None:
            return schedule
        is_tried = phase["trial_end"] is not None and phase["trial_end"] <= work.now
        self._become(work, schedule, {
            **phase,
            "billing_cycle_anchor": None,
            "proration_behavior": behavior or phase["proration_behavior"],
            "trial_end": None if is_tried else phase["trial_end"],
        })  # fmt: skip
        found = work.get(self.table, schedule["id"])
        return self.save(work, found or schedule, {**schedule, "current_phase": _times(phase)})

    # --- Its way ---

    def happen(self, work: Work, id: str) -> None:
        """Let the next phase begin, or the schedule end."""
        schedule = work.get(self.table, id)
        if schedule is not None and schedule["status"] not in OVER:
            self._advanced(work, schedule)

    def _advanced(self, work: Work, schedule: Record) -> Record:
        """Return a schedule in the phase that it is time for."""
        current = schedule["current_phase"]
        phase = _at(schedule, work.now)
        if phase is None and schedule["phases"][-1]["end_date"] <= work.now:
            return self._ended(work, schedule)
        if phase is not None and (current is None or current["start_date"] != phase["start_date"]):
            subscription = self._become(work, schedule, phase)
            new = {
                **schedule,
                "current_phase": _times(phase),
                "status": "active",
                "subscription": subscription["id"],
            }
            schedule = self.save(work, schedule, new)
        if work.now == schedule["phases"][-1]["end_date"] - NOTICE_S:
            work.tell("subscription_schedule.expiring", schedule)
        self._plan(work, schedule)
        return schedule

    def _become(self, work: Work, schedule: Record, phase: Record) -> Record:
        """Return the subscription as a phase says it is; the first phase makes it."""
        subscriptions = registry.need("subscription")
        there = work.get(subscriptions.table, schedule["subscription"] or "")
        if there is not None:  # time refuses nothing
            there = standing.without_update(work, there)
        wanted = phases.as_params(phase, there)
        defaults = schedule["default_settings"]
        for name in ("collection_method", "default_payment_method", "description"):
            if name not in wanted and defaults[name] is not None:
                wanted[name] = defaults[name]
        says = phase["invoice_settings"] or {}
        wanted["invoice_settings"] = {
            name: defaults["invoice_settings"][name] if says.get(name) is None else says[name]
            for name in issuing.OF_INVOICE
        }
        if defaults["automatic_tax"]["enabled"]:
            wanted["automatic_tax"] = {"enabled": True}
        days = defaults["invoice_settings"]["days_until_due"]
        if days is not None:
            wanted.setdefault("days_until_due", days)
        if there is not None:
            if not paying.has_method(work, there):
                wanted["payment_behavior"] = "default_incomplete"
            changed: Record = subscriptions.update(work, {"id": there["id"]}, wanted)
            return changed
        wanted["billing_mode"] = {"type": schedule["billing_mode"]["type"]}
        if phase["start_date"] < work.now:
            wanted["backdate_start_date"] = phase["start_date"]
        customer = registry.need("customer").given(work, schedule["customer"], "customer")
        made = starting.begun(work, customer, wanted, is_scheduled=True)
        kept: Record = subscriptions.save(work, made, {**made, "schedule": schedule["id"]})
        return kept

    def _plan(self, work: Work, schedule: Record) -> None:
        times = [phase[name] for phase in schedule["phases"] for name in ("start_date", "end_date")]
        times.append(schedule["phases"][-1]["end_date"] - NOTICE_S)
        at = min((time for time in times if time > work.now), default=work.now)
        due.schedule(work, self.object, schedule["id"], at)

    def _ended(self, work: Work, schedule: Record) -> Record:
        """End a schedule after its last phase, and return it; its subscription goes on, or ends."""
        if schedule["end_behavior"] == "release":
            return self._released(work, schedule)
        subscription = self._subscription(work, schedule)
        if subscription is not None:
            standing.canceled(work, {**subscription, "schedule": None}, is_planned=True)
        new = {
            **schedule,
            "completed_at": work.now,
            "current_phase": None,
            "status": "completed",
        }
        due.cancel(work, schedule["id"])
        return self.move(work, new, "completed")

    def _subscription(self, work: Work, schedule: Record) -> Record | None:
        return work.get("subscriptions", schedule["subscription"] or "")

    @operation("POST /v1/subscription_schedules/{schedule}/release")
    def release(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a subscription go on without its schedule."""
        schedule = self._open(work, ids, "released")
        return self._released(work, schedule, keeps_end=params.get("preserve_cancel_date"))

    def _released(self, work: Work, schedule: Record, *, keeps_end: bool | None = None) -> Record:
        subscription = self._subscription(work, schedule)
        if subscription is not None:
            free = {**subscription, "schedule": None}
            if keeps_end is False:
                free.update(cancel_at=None, cancel_at_period_end=False)
            registry.need("subscription").save(work, subscription, free)
        new = {
            **schedule,
            "current_phase": None,
            "released_at": work.now,
            "released_subscription": schedule["subscription"],
            "status": "released",
            "subscription": None,
        }
        due.cancel(work, schedule["id"])
        return self.move(work, new, "released")

    @operation("POST /v1/subscription_schedules/{schedule}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Cancel a schedule, and its subscription with it."""
        schedule = self._open(work, ids, "canceled")
        subscription = self._subscription(work, schedule)
        if subscription is not None and subscription["status"] != "canceled":
            names = ("invoice_now", "prorate")
            how = {name: params.get(name, True) for name in names}
            registry.need("subscription").cancel(work, {"id": subscription["id"]}, how)
            return work.get(self.table, schedule["id"]) or schedule
        return self._canceled(work, schedule)

    def end_with(self, work: Work, id: str, *, is_unpaid: bool) -> None:
        """Cancel the schedule of a canceled subscription, or of a customer who is deleted."""
        schedule = work.get(self.table, id)
        if schedule is not None and schedule["status"] not in OVER:
            self._canceled(work, schedule, "aborted" if is_unpaid else "canceled")

    def _canceled(self, work: Work, schedule: Record, event: str = "canceled") -> Record:
        new = {**schedule, "canceled_at": work.now, "current_phase": None, "status": "canceled"}
        due.cancel(work, schedule["id"])
        return self.move(work, new, event)

    def _open(self, work: Work, ids: Ids, what: str) -> Record:
        """Return the schedule that the path names; raises `Refused` if it is over."""
        schedule = self.named(work, ids)
        if schedule["status"] in OVER:
            raise Refused(
                f"This subscription schedule cannot be {what}: it is {schedule['status']}. Only "
                f"one that is not_started or active can be."
            )
        return schedule


def _end_behavior(params: Params) -> str:
    found: str = params.get("end_behavior") or "release"
    if found not in END_BEHAVIORS:
        raise errors.not_built_parameter(f"end_behavior={found}")
    return found


def _settings(given: Params) -> Record:
    return {
        "application_fee_percent": None,
        "automatic_tax": terms.automatic_tax(given.get("automatic_tax")),
        "billing_cycle_anchor": given.get("billing_cycle_anchor") or "automatic",
        "billing_thresholds": None,
        "collection_method": given.get("collection_method") or "charge_automatically",
        "default_payment_method": given.get("default_payment_method"),
        "description": given.get("description"),
        "invoice_settings": phases.invoice_settings(given.get("invoice_settings") or {}),
        "on_behalf_of": None,
        "transfer_data": None,
    }


def _settings_of(subscription: Record) -> Record:
    """Return the settings by which a subscription stays as it is where no phase says otherwise."""
    names = ("automatic_tax", "collection_method", "default_payment_method", "description")
    says = {name: subscription["invoice_settings"].get(name) for name in issuing.OF_INVOICE}
    says["days_until_due"] = subscription["days_until_due"]
    return {
        **_settings({"invoice_settings": says}),
        **{name: subscription[name] for name in names},
    }


def _at(schedule: Record, now: int) -> Record | None:
    """Return the phase that a time is in, or None."""
    found = (p for p in schedule["phases"] if p["start_date"] <= now < p["end_date"])
    return next(found, None)


def _times(phase: Record) -> Record:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


RESOURCE = SubscriptionSchedules()
