"""Accounts: the one that asks, and those that are connected to it (`Stripe-Account`)."""

from __future__ import annotations

from typing import Any

from tigerstripe import bank_accounts, connected, errors, keys, metadata
from tigerstripe.differences import merged, previous_attributes
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.resource import Ids, Params, Record, Resource, operation
from tigerstripe.work import Work

SETTINGS = "account_settings"
OWN = "account"
"""The record of `SETTINGS` that is the platform's own account."""

NEEDED = (
    "business_profile.product_description",
    "business_profile.support_phone",
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
"""What an account has to say before it may take money."""
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
"""By type: who pays fees, bears losses, collects what is required, and the dashboard."""
NOT_YET = ("account_token", "documents", "groups")
SECRETS = ("id_number", "ssn_last_4", "tax_id", "vat_id")
"""What is never shown, but that it was given."""
NO_CONNECT = (
    "You can only create new accounts if you've signed up for Connect, which you can do at "
    "https://dashboard.stripe.com/connect."
)


class Accounts(Resource):
    """Accounts: of the three types, or of a controller; what they have goes with them."""

    object = "account"
    table = "accounts"
    paths = ("/v1/accounts", "/v1/account")
    prefix = "acct"
    id_length = 16
    param = "account"
    event = None  # of a change the account itself tells: see `save`
    standard = Resource.standard | {"delete"}

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new connected account."""
        if work.scope.account is not None:
            raise Refused(NO_CONNECT)
        _check(params)
        id = new_id(self.prefix, self.id_length)
        kind = params.get("type")
        wanted = params.get("controller")
        if kind is not None and wanted is not None:
            raise errors.only_one_of("type", "controller")
        fields = {
            "id": id,
            **_fresh(id, kind or ("none" if wanted else "standard")),
            "business_type": params.get("business_type"),
            "controller": _controller(kind or "standard", wanted or {}),
            "country": params.get("country") or "US",
            "email": params.get("email"),
            "metadata": params.get("metadata"),
        }
        given = {name: params[name] for name in _PARTS if params.get(name) is not None}
        if fields["type"] == "express":
            fields.update(_of_express(id))
        currency = params.get("default_currency")
        fields["default_currency"] = currency or fields["default_currency"]
        return _settled(_with(fields, given, work.now))

    def add(self, work: Work, fields: Record) -> Record:
        """Store an account; it is neither live nor in test mode."""
        record = super().add(work, fields)
        del record["livemode"]
        return record

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an account with other details; the parts of them that are not named stay."""
        _check(params)
        parts = {name: params[name] for name in _PARTS if params.get(name) is not None}
        plain = {name: value for name, value in params.items() if name not in _PARTS}
        return _settled(_with({**old, **plain}, parts, work.now))

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed account; what tells of it is the account's own event."""
        if new == old:
            return old
        work.put(self.table, new)
        work.inside(new["id"]).tell(f"account.{event}", new, previous_attributes(old, new))
        return new

    def drop(self, work: Work, record: Record) -> None:
        """Remove an account, and all that it has."""
        inside = work.inside(record["id"])
        for table, id in connected.all_of(work.scope.own(connected.TABLE), record["id"]):
            inside.delete(table, id)
        super().drop(work, record)

    # --- Found ---

    @operation("GET /v1/account")
    def own(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the account that asks; the platform's own is made when it is first asked for."""
        if work.scope.account is not None:
            return self.named(work, {"account": work.scope.account})
        kept = work.get(SETTINGS, OWN)
        if kept is None:
            id = new_id(self.prefix, self.id_length)
            fields = {**_fresh(id, "standard"), "business_type": None, "country": "US"}
            fields.update(created=work.now, email=None, metadata={}, type="standard")
            fields.update(charges_enabled=True, details_submitted=True, payouts_enabled=True)
            fields["capabilities"] = {"card_payments": "active", "transfers": "active"}
            fields["controller"] = {"type": "account"}
            account = {"id": id, "object": self.object, **dict(sorted(fields.items()))}
            kept = {"id": OWN, "account": account}
            work.put(SETTINGS, kept)
        found: Record = kept["account"]
        return found

    def named(self, work: Work, ids: Ids) -> Record:
        """Return a connected account, the platform's own, or of one of these itself.

        Raises `Refused` (403) for all others.
        """
        id = list(ids.values())[-1]
        if work.scope.account not in (None, id):
            raise keys.no_such_account(_key(work), id)
        record = work.inside(None).get(self.table, id)
        if record is not None:
            return record
        kept = work.get(SETTINGS, OWN)
        if kept is None or kept["account"]["id"] != id:
            raise keys.no_such_account(_key(work), id)
        found: Record = kept["account"]
        return found

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an account."""
        return self.named(work, ids)

    def given(self, work: Work, id: str, param: str) -> Record:
        """Return the connected account that a parameter names; raises `Refused` (400)."""
        record = work.inside(None).get(self.table, id)
        if record is None:
            raise errors.no_such("destination" if "destination" in param else "account", id, param)
        return record

    def check_delete(self, work: Work, record: Record) -> None:
        """Raise `Refused` for the account that asks."""
        if work.get(self.table, record["id"]) is None:
            raise Refused("You cannot delete your own account.")

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a connected account."""
        record = self.named(work, ids)
        if work.inside(None).get(self.table, record["id"]) is None:
            raise Refused("You cannot change your own account by the API.")
        changes = metadata.merged(record, params)
        return self.save(work.inside(None), record, self.change(work, record, changes))


_PARTS = (
    "business_profile", "capabilities", "company", "external_account", "individual", "settings",
    "tos_acceptance",
)  # fmt: skip


def _check(params: Params) -> None:
    for name in NOT_YET:
        if params.get(name) is not None:
            raise errors.not_built_parameter(name)


def _key(work: Work) -> str:
    return keys.secret_key(work.scope.store.current_namespace)


def _controller(kind: str, given: Params) -> Record:
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


def _fresh(id: str, kind: str) -> Record:
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


def _of_express(id: str) -> Record:
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


def _with(account: Record, parts: Params, now: int) -> Record:
    """Return an account with what was said of some of its parts."""
    new = dict(account)
    for name in ("business_profile", "settings", "tos_acceptance"):
        if name in parts:
            new[name] = merged(account[name], parts[name])
    if "capabilities" in parts:
        asked = {n: (c or {}).get("requested") for n, c in parts["capabilities"].items()}
        kept = {n: s for n, s in account["capabilities"].items() if asked.get(n) is not False}
        new["capabilities"] = {
            **kept,
            **{n: "inactive" for n, is_asked in asked.items() if is_asked},
        }
    if "company" in parts:
        new["company"] = {**account.get("company", {}), **_shown(parts["company"])}
    if "individual" in parts:
        person = account.get("individual") or {
            "id": new_id("person", 14),
            "object": "person",
            "account": account["id"],
            "created": now,
        }
        new["individual"] = {**person, **_shown(parts["individual"])}
    if "external_account" in parts:
        new["external_accounts"] = _external(account, parts["external_account"])
    return new


def _shown(given: Params) -> Record:
    """Return what an answer shows of details: of what is secret that it was given."""
    shown = {name: value for name, value in given.items() if name not in SECRETS}
    shown.update({f"{name}_provided": True for name in SECRETS if given.get(name)})
    return dict(sorted(shown.items()))


def _external(account: Record, given: Any) -> Record:
    if not isinstance(given, dict) or given.get("account_number") is None:
        raise errors.not_built_parameter("external_account")
    bank = {
        **bank_accounts.as_object(given),
        "account": account["id"],
        "available_payout_methods": ["standard"],
        "default_for_currency": True,
        "metadata": {},
    }
    names = ("id", "object")
    rest = {name: bank[name] for name in sorted(bank) if name not in names}
    data = [{**{name: bank[name] for name in names}, **rest}]
    return {**account["external_accounts"], "data": data, "total_count": len(data)}


def _settled(account: Record) -> Record:
    """Return an account with what follows of its details: what is still due, and what it may do."""
    due = [need for need in NEEDED if not _has(account, need.split("."))]
    status = "inactive" if due else "active"
    return {
        **account,
        "capabilities": dict.fromkeys(sorted(account["capabilities"]), status),
        "charges_enabled": not due,
        "details_submitted": not due,
        "payouts_enabled": not due,
        "requirements": _requirements(due),
    }


def _has(account: Record, steps: list[str]) -> bool:
    if steps == ["external_account"]:
        return bool(account["external_accounts"]["data"])
    part, name = steps
    return account[part].get(name) is not None


RESOURCE = Accounts()
