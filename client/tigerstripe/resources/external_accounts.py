"""External accounts: where an account's money is paid out. The account's record has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import listing, metadata, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments import bank_accounts, cards
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import Work

PATH = "/v1/accounts/{account}/external_accounts"
NOT_DEBIT = (
    "The card provided as an external account is not supported for payouts. Provide a non-prepaid "
    "debit card instead."
)
LAST = (
    "You cannot delete the default external account for your default currency. Please make another "
    "external account the default using the `default_for_currency` param, and then delete this one."
)
NOT_INSTANT = "4000056755665555"
"""The number of the debit card of Stripe's testing page that no payout reaches at once."""
BANK_FIELDS = ("account_holder_name", "account_holder_type", "account_type")
CARD_FIELDS = (
    "address_city", "address_country", "address_line1", "address_line2", "address_state",
    "address_zip", "exp_month", "exp_year", "name",
)  # fmt: skip
NEW, ERRORED = "new", "errored"
"""The status of one that has taken all payouts, and of one that a payout has failed to reach: it
gets none by itself until its details are changed."""
NOTHING_DUE = ("currently_due", "errors", "past_due", "pending_verification")


class ExternalAccounts(Resource):
    """Bank accounts and debit cards of connected accounts."""

    object = "bank_account"
    table = ""
    prefix = "ba"
    name = "external account"
    event: str | None = "account.external_account"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let an account be paid out to another place."""
        account = self._account(work, ids)
        made = self.made(work, account, params["external_account"], "external_account")
        made["metadata"] = metadata.new(params.get("metadata"))
        is_default = made["default_for_currency"] or bool(params.get("default_for_currency"))
        made["default_for_currency"] = is_default
        self._store(work, account, [*_without_default(account, made), made])
        self._tell(work, account, "created", made)
        return made

    def made(self, work: Work, account: Record, given: Any, param: str) -> Record:
        """Return the external account that a token or details stand for; raises `Refused`.

        It is the default of its currency if there was none. Nothing is stored but the token's use.
        """
        kind, fields = _of_token(work, given, param) if isinstance(given, str) else _of(work, given)
        there = [one["currency"] for one in account["external_accounts"]["data"]]
        fields |= {
            "account": account["id"],
            "default_for_currency": fields["currency"] not in there,
            "metadata": {},
        }
        id = fields.pop("id", None) or new_id("ba" if kind == "bank_account" else "card", 24)
        fields.pop("object", None)
        return {"id": id, "object": kind, **dict(sorted(fields.items()))}

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return one of an account's."""
        return self._named(work, ids)[1]

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of an account's, the newest first."""
        data = self._account(work, ids)["external_accounts"]["data"]
        kind = params.get("object")
        found = [one for one in reversed(data) if kind in (None, one["object"])]
        return listing.cut(found, params, self.name)

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an external account, or make it the default of its currency."""
        account, old = self._named(work, ids)
        params = metadata.merged(old, {n: v for n, v in params.items() if n != "expand"})
        fields = BANK_FIELDS if old["object"] == "bank_account" else CARD_FIELDS
        unknown = params.keys() - {"default_for_currency", "metadata", *fields}
        if unknown:
            raise errors.unknown(sorted(unknown))
        if params.get("default_for_currency") is False:
            params.pop("default_for_currency")  # another has to be made the default
        for name in ("exp_month", "exp_year"):
            if params.get(name) is not None:
                params[name] = int(params[name])
        if old["status"] == ERRORED and params.keys() & set(fields):
            params["status"] = NEW
        return self._changed(work, account, old, {**old, **params})

    def _changed(self, work: Work, account: Record, old: Record, new: Record) -> Record:
        if new != old:
            others = _without_default(account, new)
            self._store(work, account, [new if o["id"] == new["id"] else o for o in others])
            self._tell(work, account, "updated", new, previous_attributes(old, new))
        return new

    def failed(self, work: Work, id: str) -> None:
        """Note that a payout to one of the account that asks has failed."""
        account, old = self._named(work, {"id": id})
        self._changed(work, account, old, {**old, "status": ERRORED})

    @operation(f"DELETE {PATH}/{{id}}")
    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take one from an account."""
        account, old = self._named(work, ids)
        data = account["external_accounts"]["data"]
        if old["default_for_currency"] and old["currency"] == account["default_currency"]:
            raise Refused(LAST)
        self._store(work, account, [one for one in data if one["id"] != old["id"]])
        self._tell(work, account, "deleted", old)
        return {"id": old["id"], "object": old["object"], "deleted": True}

    # --- Its account ---

    def _account(self, work: Work, ids: Ids) -> Record:
        """Return the account that the path names, else that which asks."""
        accounts = registry.need("account")
        id = ids.get("account") or work.scope.account
        found: Record = (
            accounts.own(work, {}, {}) if id is None else accounts.named(work, {"account": id})
        )
        return found

    def _named(self, work: Work, ids: Ids) -> tuple[Record, Record]:
        """Return an account, and which of its own the path names; raises `Refused` (404)."""
        account, id = self._account(work, ids), list(ids.values())[-1]
        for one in account["external_accounts"]["data"]:
            if one["id"] == id:
                return account, one
        raise self.missing(id, self.param, in_path=True)

    def _store(self, work: Work, account: Record, data: Sequence[Record]) -> None:
        listed = {**account["external_accounts"], "data": [*data], "total_count": len(data)}
        registry.need("account").settle(work, account, {**account, "external_accounts": listed})

    def _tell(
        self,
        work: Work,
        account: Record,
        verb: str,
        record: Record,
        previous: Record | None = None,
    ) -> None:
        inside = registry.need("account").inside(work, account["id"])
        inside.tell(f"{self.event}.{verb}", record, previous)


def is_sound(external: Record) -> bool:
    """Tell whether no payout has failed to reach one since its details were changed."""
    return bool(external["status"] != ERRORED)


def _without_default(account: Record, new: Record) -> list[Record]:
    """Return an account's external accounts; a new default takes the place of another."""
    return [
        {**one, "default_for_currency": False}
        if new["default_for_currency"] and one["currency"] == new["currency"]
        else one
        for one in account["external_accounts"]["data"]
    ]


def _of_token(work: Work, token: str, param: str) -> tuple[str, Record]:
    found = registry.need("token").external(work, token, param)
    if "card" not in found:
        return "bank_account", _bank(found["bank_account"])
    return "card", _card(found["card"])


def _of(work: Work, given: Params) -> tuple[str, Record]:
    if given.get("number") is not None:
        shown = cards.as_card(cards.of_params(work, given), given)
        return "card", _card({**shown, "currency": given.get("currency") or "usd"})
    if given.get("account_number") is None:
        raise errors.missing("external_account[account_number]")
    return "bank_account", _bank(bank_accounts.as_object(given))


def _bank(shown: Record) -> Record:
    nothing: Record = {name: [] for name in NOTHING_DUE}
    return {
        **shown,
        "available_payout_methods": ["standard"],
        "future_requirements": nothing,
        "requirements": nothing,
    }


def _card(shown: Record) -> Record:
    if shown["funding"] != "debit":
        raise Refused(NOT_DEBIT, code="invalid_card_type", param="external_account")
    is_slow = shown["fingerprint"] == cards.fingerprint(NOT_INSTANT)
    return {
        "currency": "usd",
        **shown,
        "available_payout_methods": ["standard"] if is_slow else ["standard", "instant"],
        "status": NEW,
    }


RESOURCE = ExternalAccounts()
