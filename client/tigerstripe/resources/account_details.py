"""The details of accounts: the fields of a new one, their parts, and the requirements."""

from __future__ import annotations

from tigerstripe.ids import new_id
from tigerstripe.payments import schedules
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import PRIVATE

NEEDED = (
    "business_profile.product_description",
    "business_profile.support_phone",
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
"""The details that an account must give before it may accept money."""
PROFILE = (
    "annual_revenue", "estimated_worker_count", "mcc", "minority_owned_business_designation",
    "name", "product_description", "specified_commercial_transactions_act_url", "support_address",
    "support_email", "support_phone", "support_url", "url",
)  # fmt: skip
CONTROLLERS = {
    "custom": ("application_custom", "application", "application", "none"),
    "express": ("application_express", "application", "stripe", "express"),
    "standard": ("account", "stripe", "stripe", "full"),
}
"""By type: who pays fees, bears losses and collects the requirements, and the dashboard."""
SECRETS = ("id_number", "ssn_last_4", "tax_id", "vat_id")
"""Details that are never shown; answers only say that they were given."""

ONBOARDED: Params = {
    "business_profile": {
        "product_description": "What this test sells",
        "support_phone": "+15555550100",
        "url": "https://example.com",
    },
    "external_account": {
        "object": "bank_account",
        "account_number": "000123456789",
        "country": "US",
        "currency": "usd",
        "routing_number": "110000000",
    },
    "tos_acceptance": {"ip": "192.0.2.1"},
}
"""The details that the owner of an account gives in a test."""
USUAL_CAPABILITIES = ("card_payments", "transfers")

REJECTED = "rejected"
"""The part of an account's private part that says why its platform has rejected it."""

NO_RELATIONSHIP: Record = {
    "authorizer": False,
    "director": False,
    "executive": False,
    "legal_guardian": False,
    "owner": False,
    "percent_ownership": None,
    "representative": False,
    "title": None,
}
"""The default relationship of a person to the business."""

PARTS = (
    "business_profile", "capabilities", "company", "external_account", "individual", "settings",
    "tos_acceptance",
)  # fmt: skip
"""The parameters that are parts of an account, each merged by itself."""


def controller(kind: str, given: Params) -> Record:
    """Return the controller of an account, by its type and the given parameters."""
    payer, losses, collection, dashboard = CONTROLLERS[kind]
    return {
        "fees": {"payer": (given.get("fees") or {}).get("payer") or payer},
        "is_controller": True,
        "losses": {"payments": (given.get("losses") or {}).get("payments") or losses},
        "requirement_collection": given.get("requirement_collection") or collection,
        "stripe_dashboard": {
            "type": (given.get("stripe_dashboard") or {}).get("type") or dashboard
        },
        "type": "application",
    }


def fresh(id: str, kind: str) -> Record:
    """Return the fields of an account that has said nothing of itself yet."""
    return {
        "business_profile": dict.fromkeys(PROFILE),
        "capabilities": {},
        "charges_enabled": False,
        "default_currency": "usd",
        "details_submitted": False,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/accounts/{id}/external_accounts",
        },
        "future_requirements": _requirements([]),
        "payouts_enabled": False,
        "requirements": _requirements([]),
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                **_descriptors("statement_descriptor_prefix"),
            },
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
            "payments": _descriptors("statement_descriptor"),
            "payouts": {
                "debit_negative_balances": kind != "custom",
                "schedule": {"delay_days": 2, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def of_express(id: str) -> Record:
    """Return the fields in which an account that Stripe onboards differs from others."""
    return {
        "business_profile": {n: None for n in PROFILE if n != "product_description"},
        "company": {"name": None},
        "login_links": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/accounts/{id}/login_links",
        },
        "tos_acceptance": {"date": None},
    }


def _descriptors(name: str) -> Record:
    return {name: None, f"{name}_kana": None, f"{name}_kanji": None}


def fresh_person() -> Record:
    """Return the fields of somebody of whom nothing is known yet."""
    nothing = _requirements([])
    of_persons = (
        "alternatives", "currently_due", "errors", "eventually_due", "past_due",
        "pending_verification",
    )  # fmt: skip
    requirements = {name: nothing[name] for name in of_persons}
    document = dict.fromkeys(("back", "details", "details_code", "front"))
    return {
        "additional_tos_acceptances": {"account": dict.fromkeys(("date", "ip", "user_agent"))},
        "dob": dict.fromkeys(("day", "month", "year")),
        "first_name": None,
        "future_requirements": requirements,
        "id_number_provided": False,
        "last_name": None,
        "requirements": requirements,
        "ssn_last_4_provided": False,
        "verification": {
            "additional_document": document,
            "details": None,
            "details_code": None,
            "document": document,
            "status": "unverified",
        },
    }


def _requirements(due: list[str]) -> Record:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": "requirements.past_due" if due else None,
        "errors": [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }


def with_parts(account: Record, params: Params, now: int) -> Record:
    """Return an account with the parts that parameters change, and the consequences.

    Raises `Refused` for a schedule of payouts that cannot be.
    """
    parts = {name: params[name] for name in PARTS if params.get(name) is not None}
    payouts = parts.get("settings", {}).get("payouts") or {}
    schedules.check(payouts.get("schedule") or {}, "settings[payouts][schedule]")
    new = dict(account)
    for name in ("business_profile", "settings", "tos_acceptance"):
        if name in parts:
            new[name] = merged(account[name], parts[name])
    if "capabilities" in parts:
        new |= _asked(account, parts["capabilities"], now)
    if "company" in parts:
        new["company"] = {**account.get("company", {}), **shown(parts["company"])}
    if "individual" in parts:
        person = account.get("individual") or {
            "id": new_id("person", 14),
            "object": "person",
            "account": account["id"],
            "created": now,
        }
        new["individual"] = {**person, **shown(parts["individual"])}
    return settled(new)


def _asked(account: Record, given: Params, now: int) -> Record:
    """Return the fields of an account that say which capabilities it has asked for, and when."""
    asked = {name: (one or {}).get("requested") for name, one in given.items()}
    there = {**account["capabilities"], **{name: "inactive" for name in asked if asked[name]}}
    kept = account.get(PRIVATE, {})
    since = {**dict.fromkeys((name for name in asked if asked[name]), now)}
    return {
        "capabilities": {n: status for n, status in there.items() if asked.get(n) is not False},
        PRIVATE: {**kept, "requested_at": {**since, **kept.get("requested_at", {})}},
    }


def shown(given: Params) -> Record:
    """Return details as an answer shows them; of secret ones only that they were given."""
    found = {name: value for name, value in given.items() if name not in SECRETS}
    found.update({f"{name}_provided": True for name in SECRETS if given.get(name)})
    return dict(sorted(found.items()))


def settled(account: Record) -> Record:
    """Return an account with the consequences of its details: its requirements, and its abilities.

    One that was rejected may do nothing, whatever it says.
    """
    due = [need for need in NEEDED if not _has(account, need.split("."))]
    why = account.get(PRIVATE, {}).get(REJECTED)
    may = not (due or why)
    requirements = _requirements(due)
    return {
        **account,
        "capabilities": dict.fromkeys(
            sorted(account["capabilities"]), "active" if may else "inactive"
        ),
        "charges_enabled": may,
        "details_submitted": not due,
        "payouts_enabled": may,
        "requirements": {**requirements, "disabled_reason": why or requirements["disabled_reason"]},
    }


def _has(account: Record, steps: list[str]) -> bool:
    if steps == ["external_account"]:
        return bool(account["external_accounts"]["data"])
    part, name = steps
    return account[part].get(name) is not None
