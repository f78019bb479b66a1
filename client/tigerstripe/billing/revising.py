"""The terms of a subscription as a request revises them: fields, end and trial."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import billed, items, paying, shares, taxes, terms
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

OWN = ("description", "metadata", "default_source")
"""Parameters that are fields."""


def with_fields(work: Work, old: Record, params: Params) -> Record:
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
        rates = registry.need("tax_rate").all_given(work, params["default_tax_rates"])
        new["default_tax_rates"] = rates
    if params.get("automatic_tax"):
        new["automatic_tax"] = terms.automatic_tax(params["automatic_tax"])
        taxes.check(new, customer)
    new.update(shares.of_subscription(work, params))
    shares.check_subscription(work, new)
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
        resumes_at = (pause or {}).get("resumes_at")
        if resumes_at is not None and resumes_at <= work.now:
            raise Refused(terms.IN_PAST, param="pause_collection[resumes_at]")
        new["pause_collection"] = pause and {
            "behavior": pause["behavior"],
            "resumes_at": resumes_at,
        }
    if params.get("cancellation_details"):
        told = {**old["cancellation_details"], **params["cancellation_details"]}
        new["cancellation_details"] = told
    if "discounts" in params or params.get("coupon") or params.get("promotion_code"):
        new = billed.with_discounts(new, terms.discounted(work, new, params))
    return new


def with_end(work: Work, new: Record, params: Params) -> Record:
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


def with_trial(work: Work, new: Record, params: Params) -> Record:
    """Return a subscription with the end of the trial that a request asks for; raises `Refused`."""
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
