"""Payouts: money of the balance goes to the account's bank, by request or by itself.

By itself, all available money is paid out at the times of the account's schedule. A connected
account is paid out daily by default, once it may be. The platform's own account is not, so that the
money of a test's payments stays there.
"""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Ids, Resource, operation, private
from tigerstripe.payments import balances, books, testing_banks
from tigerstripe.payments.amounts import check_positive
from tigerstripe.payments.schedules import next_time
from tigerstripe.records import Params, Record
from tigerstripe.resources.external_accounts import is_sound
from tigerstripe.work.unit import PRIVATE, Work

SETTINGS = "account_settings"
DAY_S = 24 * 3600
ARRIVAL_DAYS = 2
WORDS = "STRIPE PAYOUT"
"""The description of automatic payouts, and of all payouts in the books, as Stripe has it."""

TOO_LOW = (
    "You have insufficient funds in your Stripe account for this transfer. Your card balance is "
    "too low.  You can use the /v1/balance endpoint to view your Stripe balance (for more details, "
    "see stripe.com/docs/api#balance)."
)
BY_HAND = "Balance transaction history can only be filtered on automatic transfers, not manual."
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this transfer.",
    "debit_not_authorized": "The bank account does not take what this transfer asks for.",
    "insufficient_funds": "There was not enough money for this transfer.",
    "invalid_currency": "The bank could not process this transfer because of its currency.",
    "no_account": "The bank account could not be located.",
}
"""The messages of failed payouts, by code, in this project's own words."""
UNSAID = frozenset((
    "account_frozen", "bank_account_restricted", "bank_ownership_changed", "declined",
    "incorrect_account_holder_address", "incorrect_account_holder_name",
    "incorrect_account_holder_tax_id", "incorrect_account_type", "invalid_account_number",
    "invalid_account_number_length", "unsupported_card",
))  # fmt: skip
"""Further codes of Stripe's reference, with the message of `could_not_process`."""
NULLS = (
    "application_fee", "application_fee_amount", "balance_transaction",
    "failure_balance_transaction", "failure_code", "failure_message", "original_payout",
    "reversed_by",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class Payouts(Resource):
    """Payouts: pending, until they arrive as the clock goes on."""

    object = "payout"
    table = "payouts"
    prefix = "po"
    param: str | None = "payout"
    failures: frozenset[str] = frozenset(FAILURES) | UNSAID

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Send money that is available to the bank."""
        amount, currency = params["amount"], money.currency(params["currency"])
        check_positive(amount)
        self.check_available(work, amount, currency)
        named = params.get("destination")
        known = {self._bank(work, currency), *(one["id"] for one in self._externals(work))}
        if named is not None and named not in known:
            raise errors.no_such("external account", named, "destination")
        if params.get("method") == "instant":
            self._check_instant(work, currency, named)
        return self._made(work, amount, currency, params, is_automatic=False)

    def _made(
        self, work: Work, amount: int, currency: str, params: Params, *, is_automatic: bool
    ) -> Record:
        bank = params.get("destination") or self._bank(work, currency)
        fields = self._fields(amount, currency, params, bank)
        is_instant = fields["method"] == "instant"
        arrival = work.now if is_instant else _midnight(work.now) + ARRIVAL_DAYS * DAY_S
        fields.update(id=new_id(self.prefix, 24), arrival_date=arrival)
        if is_automatic:
            fields.update(automatic=True, reconciliation_status="in_progress")
            fields[PRIVATE] = {"after": self._last(work, currency)}
        payout = self.add(work, self._posted(work, fields, "payout", -amount))
        due.schedule(work, self.object, payout["id"], arrival)
        return payout

    def check_available(self, work: Work, amount: int, currency: str) -> None:
        """Raise `Refused` if so much is not available.

        Of two that take the last of it, one is worked out again.
        """
        self._bank(work, currency)
        available, _ = balances.sums(work)
        if amount > available.get(currency, 0):
            raise Refused(TOO_LOW, code="balance_insufficient")

    def _check_instant(self, work: Work, currency: str, named: str | None) -> None:
        """Raise `Refused` for a connected account's own that no money reaches at once."""
        own = {one["id"]: one for one in self._externals(work)}
        found = own.get(named) if named is not None else self._external(work, currency)
        if found is not None and "instant" not in found["available_payout_methods"]:
            raise Refused(
                f"The external account {found['id']} takes no instant payouts: use "
                f"method=standard, or a debit card that takes them.",
                code="instant_payouts_unsupported",
                param="method",
            )

    def _bank(self, work: Work, currency: str) -> str:
        """Return the id of the account's bank account: its own, or the same one always.

        Its record is written by each payout, so that two never both take the last of the money.
        """
        id = _settings_id(work)
        kept = work.get(SETTINGS, id) or {"id": id, "bank": new_id("ba", 24)}
        work.put(SETTINGS, kept)
        own = self._external(work, currency)
        return str(kept["bank"] if own is None else own["id"])

    def _external(self, work: Work, currency: str) -> Record | None:
        """Return a connected account's own bank account or card for a currency."""
        for one in self._externals(work):
            if one["currency"] == currency and one["default_for_currency"]:
                return one
        return None

    def _externals(self, work: Work) -> list[Record]:
        """Return a connected account's own bank accounts and cards; the platform has none here."""
        if work.scope.account is None:
            return []
        account = registry.need("account").own(work, {}, {})
        found: list[Record] = account["external_accounts"]["data"]
        return found

    # --- By itself ---

    def plan(self, work: Work) -> None:
        """Let all that is available be paid out at the next time of the account's schedule."""
        account = registry.need("account").own(work, {}, {})
        at = next_time(account["settings"]["payouts"]["schedule"], work.now)
        id = _settings_id(work)
        if at is None or not account["payouts_enabled"]:
            due.cancel(work, id)
        elif self._available(work, account):
            due.schedule(work, self.object, id, at)

    def _available(self, work: Work, account: Record) -> list[tuple[str, int]]:
        """Return the amounts that could be paid out automatically, by currency.

        To where a payout has failed none goes by itself, as Stripe's reference says.
        """
        available, _ = balances.sums(work)
        there = [(name, amount) for name, amount in sorted(available.items()) if amount > 0]
        if work.scope.account is None:
            return there
        banks = ((self._external(work, name), name, amount) for name, amount in there)
        return [(name, amount) for bank, name, amount in banks if bank and is_sound(bank)]

    def _pay_out(self, work: Work) -> None:
        """Pay out all that is available; with another payout meanwhile it is worked out again."""
        work.get(SETTINGS, _settings_id(work))
        account = registry.need("account").own(work, {}, {})
        descriptor = account["settings"]["payouts"]["statement_descriptor"]
        for currency, amount in self._available(work, account):
            params = {"description": WORDS, "statement_descriptor": descriptor}
            self._made(work, amount, currency, params, is_automatic=True)

    def _fields(self, amount: int, currency: str, params: Params, bank: str) -> Record:
        return {
            **dict.fromkeys(NULLS),
            "amount": amount,
            "automatic": False,
            "currency": currency,
            "description": params.get("description"),
            "destination": bank,
            "metadata": params.get("metadata"),
            "method": params.get("method") or "standard",
            "payout_method": params.get("payout_method"),
            "reconciliation_status": "not_applicable",
            "source_type": params.get("source_type") or "card",
            "statement_descriptor": params.get("statement_descriptor"),
            "status": "pending",
            "trace_id": {"status": "pending", "value": None},
            "type": "card" if bank.startswith("card_") else "bank_account",
        }

    def _posted(self, work: Work, payout: Record, type: str, amount: int) -> Record:
        """Return a payout with a transaction in the books."""
        field = "failure_balance_transaction" if type != "payout" else "balance_transaction"
        posted = books.post(
            work,
            payout["id"],
            amount,
            payout["currency"],
            type=type,
            category=type if payout["amount"] > 0 else "payout_reversal",
            description=payout["description"] or WORDS,
        )
        return {**payout, field: posted["id"]}

    def _last(self, work: Work, currency: str) -> str | None:
        """Return the last payout that was made by itself; None if none was."""
        earlier = (one for one in work.scope.table(self.table) if one["automatic"])
        return next((one["id"] for one in earlier if one["currency"] == currency), None)

    def taken_along(self, work: Work, id: str) -> frozenset[str]:
        """Return the ids of the transactions that a payout made by itself took along, and its own.

        That is what was available and written before it, and not before the last one.
        Raises `Refused` for one made by hand, as Stripe.
        """
        payout = self.given(work, id, "payout")
        if not payout["automatic"]:
            raise Refused(BY_HAND)
        last = work.get(self.table, private(payout)["after"] or "")
        own = {one["id"] for one in work.find_by(books.TABLE, "source", id)}
        return frozenset(own | _there(work, payout) - (_there(work, last) if last else set()))

    # --- What becomes of it ---

    def happen(self, work: Work, id: str) -> None:
        """Let a payout arrive, or pay out the available money."""
        payout = work.get(self.table, id)
        if id == _settings_id(work):
            self._pay_out(work)
        elif payout is not None:
            externals = {one["id"]: one for one in self._externals(work)}
            bank = externals.get(payout["destination"], {})
            failure = testing_banks.payout_failure(bank.get("fingerprint"))
            self.settle(work, payout, succeed=failure is None, failure=failure)

    def settle(
        self, work: Work, payout: Record, *, succeed: bool, failure: str | None = None
    ) -> None:
        """Let a bank take a payout, or send it back."""
        due.cancel(work, payout["id"])
        if succeed:
            trace = {"status": "supported", "value": payout["id"]}
            new = self.move(work, {**payout, "status": "paid", "trace_id": trace}, "paid")
            if payout["automatic"]:
                new = {**new, "reconciliation_status": "completed"}
                self.move(work, new, "reconciliation_completed")
            return
        code = failure or "could_not_process"
        new = self._posted(work, payout, "payout_failure", payout["amount"])
        message = FAILURES.get(code, FAILURES["could_not_process"])
        new = {**new, "failure_code": code, "failure_message": message, "status": "failed"}
        self.move(work, new, "failed")
        if payout["destination"] in (one["id"] for one in self._externals(work)):
            registry.need("bank_account").failed(work, payout["destination"])

    @operation("POST /v1/payouts/{payout}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Call back a payout that is not on its way yet."""
        payout = self.named(work, ids)
        if payout["status"] != "pending":
            message = f"Payouts with a status of {payout['status']} cannot be canceled."
            raise Refused(message)
        due.cancel(work, payout["id"])
        new = self._posted(work, payout, "payout_cancel", payout["amount"])
        return self.move(work, {**new, "status": "canceled"}, "canceled")

    @operation("POST /v1/payouts/{payout}/reverse")
    def reverse(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take a payout that has arrived back from the bank, by a payout of its own."""
        payout = self.named(work, ids)
        if payout["status"] != "paid" or payout["reversed_by"] is not None:
            raise Refused(f"Payout {payout['id']} cannot be reversed: it is {payout['status']}.")
        amount = -payout["amount"]
        fields = self._fields(amount, payout["currency"], params, payout["destination"])
        arrival = _midnight(work.now) + ARRIVAL_DAYS * DAY_S
        fields.update(id=new_id(self.prefix, 24), arrival_date=arrival)
        fields["original_payout"] = payout["id"]
        made = self.add(work, self._posted(work, fields, "payout", -amount))
        self.save(work, payout, {**payout, "reversed_by": made["id"]})
        due.schedule(work, self.object, made["id"], arrival)
        return made


def _there(work: Work, payout: Record) -> set[str]:
    """Return the ids of the transactions that were available when a payout was made."""
    newest_first = iter(work.scope.table(books.TABLE))
    for transaction in newest_first:
        if transaction["id"] == payout["balance_transaction"]:
            break
    return {
        one["id"]
        for one in newest_first
        if one["available_on"] <= payout["created"] and one["currency"] == payout["currency"]
    } | {payout["balance_transaction"]}


def _settings_id(work: Work) -> str:
    """Return the id of the account's payouts, in `SETTINGS` and in the calendar."""
    return "payouts" if work.scope.account is None else f"payouts-{work.scope.account}"


def _midnight(now: int) -> int:
    return now // DAY_S * DAY_S


RESOURCE = Payouts()
