"""Accounts: the one that asks, and those that are connected to it (`Stripe-Account`)."""

from __future__ import annotations

from tigerstripe import errors, keys
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import due, metadata, registry
from tigerstripe.objects.resource import Ids, Resource, operation, private
from tigerstripe.payments import connect
from tigerstripe.payments.schedules import MANUAL
from tigerstripe.records import Params, Record
from tigerstripe.resources import account_details as details
from tigerstripe.resources import capabilities
from tigerstripe.work import connected
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import PRIVATE, Work

SETTINGS = "account_settings"
OWN = "account"
"""The record of `SETTINGS` that is the platform's own account."""

REJECTED = {
    "credit": "platform_other",
    "fraud": "platform_fraud",
    "fraud_no_intent_to_fulfill": "platform_fraud",
    "fraud_other": "platform_fraud",
    "fraud_payment_method_casher": "platform_fraud",
    "fraud_payment_method_tester": "platform_fraud",
    "other": "platform_other",
    "terms_of_service": "platform_terms_of_service",
}
"""By the reason of a platform that rejects an account: why it is disabled from then on."""

NO_CONNECT = (
    "You can only create new accounts if you've signed up for Connect, which you can do at "
    "https://dashboard.stripe.com/connect."
)


class Accounts(Resource):
    """Accounts: of the three types, or with a controller; their objects are deleted with them."""

    object = "account"
    table = "accounts"
    prefix = "acct"
    id_length = 16
    param: str | None = "account"
    event: str | None = None  # of a change the account itself tells: see `save`
    has_livemode = False
    standard: frozenset[str] = Resource.standard | {"delete"}
    not_yet: tuple[str, ...] = ("account_token", "documents", "groups", "payouts_action")

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new connected account."""
        if work.scope.account is not None:
            raise Refused(NO_CONNECT)
        id = new_id(self.prefix, self.id_length)
        kind = params.get("type")
        wanted = params.get("controller")
        if kind is not None and wanted is not None:
            raise errors.only_one_of("type", "controller")
        fields = {
            "id": id,
            **details.fresh(id, kind or ("none" if wanted else "standard")),
            "business_type": params.get("business_type"),
            "controller": details.controller(kind or "standard", wanted or {}),
            "country": params.get("country") or "US",
            "email": params.get("email"),
            "metadata": params.get("metadata"),
        }
        if fields["type"] == "express":
            fields.update(details.of_express(id))
        currency = params.get("default_currency")
        fields["default_currency"] = currency or fields["default_currency"]
        account = self._with_parts(work, fields, params)
        if not work.has_version and not params:  # of an account's own version, as the CLI's are
            account["capabilities"] = {connect.LEGACY: "active"}
        return account

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an account with other details; the parts of them that are not named stay."""
        plain = {name: value for name, value in params.items() if name not in details.PARTS}
        return self._with_parts(work, {**old, **plain}, params)

    def _with_parts(self, work: Work, account: Record, params: Params) -> Record:
        """Return an account with the parts that are given; an external one is the new default."""
        if params.get("external_account") is not None:
            externals = registry.need("bank_account")
            given = params["external_account"]
            made = externals.made(work, account, given, "external_account")
            listed = account["external_accounts"]
            kept = [one for one in listed["data"] if one["currency"] != made["currency"]]
            data = [*kept, {**made, "default_for_currency": True}]
            account = {
                **account,
                "external_accounts": {**listed, "data": data, "total_count": len(data)},
            }
        return details.with_parts(account, params, work.now)

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed account; the event belongs to the account itself."""
        if new == old:
            return old
        work.put(self.table, new)
        inside = work.inside(new["id"])
        previous = previous_attributes(old, new)
        for name in previous.get("capabilities", ()):
            was = old["capabilities"].get(name, "unrequested")
            inside.tell("capability.updated", capabilities.of(new, name), {"status": was})
        inside.tell(f"account.{event}", new, previous)
        return new

    def onboard(self, work: Work, account: Record) -> Record:
        """Let an account's owner say all that it lacks; raises `Refused` for the platform's own."""
        said = dict(details.ONBOARDED)
        said["tos_acceptance"] = {**said["tos_acceptance"], "date": work.now}
        if account["external_accounts"]["data"]:
            said.pop("external_account")
        if not account["capabilities"]:
            asked = {name: {"requested": True} for name in details.USUAL_CAPABILITIES}
            said["capabilities"] = asked
        return self.update(work, {"account": account["id"]}, said)

    def settle(self, work: Work, old: Record, new: Record) -> Record:
        """Store a connected account after a change of its parts, with the consequences.

        Raises `Refused` for the platform's own.
        """
        self._check_connected(work, old)
        settled = self.save(work.inside(None), old, details.settled(new))
        registry.need("payout").plan(work.inside(old["id"]))
        return settled

    def inside(self, work: Work, id: str) -> Work:
        """Return a work as an account sees it; raises `Refused` (403) as `named` does."""
        account = self.named(work, {"account": id})
        is_connected = work.inside(None).get(self.table, account["id"]) is not None
        return work.inside(id if is_connected else None)

    def drop(self, work: Work, record: Record) -> None:
        """Remove an account, all its objects, and its entries in the calendar."""
        due.cancel_all(work, "account", record["id"])
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
            fields = {
                **details.fresh(id, "standard"),
                "business_type": None,
                "country": "US",
            }
            fields.update(email=None, type="standard")
            fields["settings"]["payouts"]["schedule"]["interval"] = MANUAL
            fields.update(charges_enabled=True, details_submitted=True, payouts_enabled=True)
            fields["capabilities"] = {"card_payments": "active", "transfers": "active"}
            fields["controller"] = {"type": "account"}
            kept = {"id": OWN, "account": self.record(work, {"id": id, **fields})}
            work.put(SETTINGS, kept)
        found: Record = kept["account"]
        return found

    def keep(self, work: Work, old: Record, new: Record) -> None:
        """Store the account that asks, changed; of the platform's own nothing is told."""
        if work.scope.account is not None:
            self.save(work.inside(None), old, new)
        else:
            work.put(SETTINGS, {"id": OWN, "account": new})

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
        self._check_connected(work, record)
        changes = metadata.merged(record, params)
        return self.settle(work, record, self.change(work, record, changes))

    @operation("POST /v1/accounts/{account}/reject")
    def reject(self, work: Work, ids: Ids, params: Params) -> Record:
        """Reject an account for good: it takes no money any more, and gets none.

        Raises `Refused` for one whose losses are not the platform's, as Stripe's guide says.
        """
        account = self.named(work, ids)
        self._check_connected(work, account)
        if params["reason"] not in REJECTED:
            raise errors.not_one_of("reason", sorted(REJECTED))
        if account["controller"]["losses"]["payments"] != "application":
            raise Refused(
                f"Account {account['id']} cannot be rejected: your platform is not liable for its "
                f"losses."
            )
        why = {details.REJECTED: f"rejected.{REJECTED[params['reason']]}"}
        return self.settle(work, account, {**account, PRIVATE: {**private(account), **why}})

    def _check_connected(self, work: Work, record: Record) -> None:
        if work.inside(None).get(self.table, record["id"]) is None:
            raise Refused("You cannot change your own account by the API.")


def _key(work: Work) -> str:
    return keys.secret_key(work.scope.store.current_namespace)


RESOURCE = Accounts()
