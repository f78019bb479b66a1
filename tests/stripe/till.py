"""A till: moves money by chance, in each way there is; and what must be so after any sequence.

    python till.py DIRECTORY SEED COUNT ROUND

is one of several at one account: it says a line after each round of so many operations.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import stripe

import tigerstripe
from tigerstripe.objects.resource import private
from tigerstripe.payments.returns import is_undone

METHODS = (
    "pm_card_visa", "pm_card_visa", "pm_card_bypassPending", "pm_card_chargeDeclined",
    "pm_card_createDispute", "pm_card_createDisputeInquiry", "pm_card_pendingRefund",
    "pm_card_refundFail", "pm_card_threeDSecure2Required", "pm_card_riskLevelElevated",
    "pm_card_createIssuerFraudRecord",
)  # fmt: skip
DEBITS = (
    "pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds", "pm_usBankAccount_dispute",
)  # fmt: skip
CURRENCIES = ("usd", "usd", "eur", "jpy")
CASH = "customer_balance"
FEW = 15
"""Of so many of the newest one is chosen, so that several processes meet."""


class Till:
    """Does things by chance; what is refused or declined is as it should be."""

    def __init__(self, account: tigerstripe.Account, random: Random) -> None:
        """Use an account; several may."""
        self.account = account
        self.v1 = account.client().v1
        self.random = random
        self.done: Counter[str] = Counter()
        self.buyer = self.v1.customers.create({"email": "jane@example.com"}).id
        mode = {"reconciliation_mode": random.choice(["automatic", "manual"])}
        self.v1.customers.cash_balance.update(self.buyer, {"settings": mode})
        self.shop = account.onboard(self.v1.accounts.create({"type": "express"}))["id"]

    def act(self) -> None:
        """Do one thing."""
        acts: tuple[Callable[[], Any], ...] = (
            self.pay, self.pay, self.pay, self.charge, self.debit, self.capture, self.cancel,
            self.refund, self.refund, self.authenticate, self.settle, self.settle, self.dispute,
            self.answer, self.pay_out, self.top_up, self.confirm, self.share, self.share,
            self.transfer, self.reverse, self.give_back, self.order, self.fund, self.apply,
            self.schedule, self.wait,
        )  # fmt: skip
        act = self.random.choice(acts)
        name = act.__name__
        with contextlib.suppress(IndexError):  # there is nothing of the kind yet
            try:
                act()
            except (stripe.CardError, stripe.InvalidRequestError, ValueError):
                name += " refused"
            self.done[name] += 1

    def one(self, service: Any, *statuses: str) -> Any:
        """Choose one of the newest; mostly one of these states, so that not all is refused."""
        found = service.list({"limit": FEW}).data
        fit = [one for one in found if one.status in statuses]
        return self.random.choice(fit if fit and self.random.random() < 0.8 else found)

    def amount(self) -> int:
        return self.random.randint(60, 9000)

    def pay(self) -> None:
        self.v1.payment_intents.create({
            "amount": self.amount(),
            "currency": self.random.choice(CURRENCIES),
            "payment_method": self.random.choice(METHODS),
            "payment_method_types": ["card"],
            "confirm": self.random.random() < 0.9,
            "capture_method": self.random.choice(["automatic_async", "automatic", "manual"]),
        })  # fmt: skip

    def charge(self) -> None:
        token = self.random.choice(METHODS).replace("pm_card_", "tok_")
        captures = self.random.random() < 0.7
        params = {"amount": self.amount(), "currency": "usd", "source": token, "capture": captures}
        self.v1.charges.create(params)

    def debit(self) -> None:
        self.v1.payment_intents.create({
            "amount": self.amount(),
            "currency": "usd",
            "payment_method": self.random.choice(DEBITS),
            "payment_method_types": ["us_bank_account"],
            "confirm": True,
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        })  # fmt: skip

    def confirm(self) -> None:
        intent = self.one(self.v1.payment_intents, "requires_confirmation")
        self.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    def capture(self) -> None:
        intent = self.one(self.v1.payment_intents, "requires_capture")
        some = self.random.randint(1, intent.amount)
        self.v1.payment_intents.capture(intent.id, {"amount_to_capture": some})

    def cancel(self) -> None:
        self.v1.payment_intents.cancel(self.one(self.v1.payment_intents, "requires_capture").id)

    def refund(self) -> None:
        charge = self.one(self.v1.charges, "succeeded")
        params = {"charge": charge.id, "amount": self.random.randint(1, charge.amount)}
        if self.random.random() < 0.3:
            del params["amount"]
        if "transfer" in charge:
            params["reverse_transfer"] = self.random.random() < 0.7
        if charge.application_fee is not None:
            params["refund_application_fee"] = self.random.random() < 0.7
        self.v1.refunds.create(params)

    def share(self) -> None:
        amount = self.amount()
        fee = self.random.choice([None, self.random.randint(1, amount)])
        self.v1.payment_intents.create({
            "amount": amount,
            "currency": "usd",
            "payment_method": self.random.choice(METHODS),
            "payment_method_types": ["card"],
            "confirm": True,
            "transfer_data": {"destination": self.shop},
            **({"application_fee_amount": fee} if fee else {}),
        })  # fmt: skip

    def transfer(self) -> None:
        params = {"amount": self.amount(), "currency": "usd", "destination": self.shop}
        if self.random.random() < 0.7:
            params["source_transaction"] = self.one(self.v1.charges, "succeeded").id
        self.v1.transfers.create(params)

    def reverse(self) -> None:
        transfer = self.random.choice(self.v1.transfers.list({"limit": FEW}).data)
        some = self.random.randint(1, transfer.amount)
        params = {"amount": some, "refund_application_fee": self.random.random() < 0.5}
        self.v1.transfers.reversals.create(transfer.id, params)

    def give_back(self) -> None:
        fee = self.random.choice(self.v1.application_fees.list({"limit": FEW}).data)
        some = self.random.randint(1, fee.amount)
        self.v1.application_fees.refunds.create(fee.id, {"amount": some})

    def order(self) -> None:
        """Ask for a bank transfer; some are paid by a card in the end."""
        transfer = {"type": "us_bank_transfer"}
        options = {"funding_type": "bank_transfer", "bank_transfer": transfer}
        self.v1.payment_intents.create({
            "amount": self.amount(),
            "currency": "usd",
            "confirm": True,
            "customer": self.buyer,
            "payment_method_data": {"type": "customer_balance"},
            "payment_method_options": {"customer_balance": options},
            "payment_method_types": ["card", "customer_balance"],
        })  # fmt: skip

    def fund(self) -> None:
        params = {"amount": self.amount(), "currency": "usd"}
        self.v1.test_helpers.customers.fund_cash_balance(self.buyer, params)

    def apply(self) -> None:
        intent = self.one(self.v1.payment_intents, "requires_action")
        if self.random.random() < 0.2:
            self.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
            return
        params = {} if self.random.random() < 0.5 else {"amount": self.random.randint(1, 4000)}
        self.v1.payment_intents.apply_customer_balance(intent.id, params)

    def authenticate(self) -> None:
        intent = self.one(self.v1.payment_intents, "requires_action")
        self.account.authenticate(intent.id, succeed=self.random.random() < 0.7)

    def settle(self) -> None:
        services = (
            self.v1.payment_intents, self.v1.refunds, self.v1.disputes, self.v1.payouts,
            self.v1.topups,
        )  # fmt: skip
        open_ = ("processing", "pending", "needs_response", "under_review")
        thing = self.one(self.random.choice(services), *open_)
        self.account.settle(thing.id, self.random.choice([None, True, False]))

    def dispute(self) -> None:
        charge = self.one(self.v1.charges, "succeeded")
        self.account.dispute(charge.id, inquiry=self.random.random() < 0.3)

    def answer(self) -> None:
        dispute = self.one(self.v1.disputes, "needs_response", "warning_needs_response")
        text = self.random.choice(["winning_evidence", "losing_evidence", "that was fine"])
        self.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})

    def pay_out(self) -> None:
        amount = self.random.randint(1, 3000)
        self.v1.payouts.create({"amount": amount, "currency": "usd"})

    def top_up(self) -> None:
        self.v1.topups.create({"amount": self.amount(), "currency": "usd"})

    def schedule(self) -> None:
        """Let the platform's money be paid out by itself, or not."""
        pay_out(self.account, self.random.choice(["daily", "weekly", "manual"]))

    def wait(self) -> None:
        """Let time go on, for all; the first process does what is due."""
        self.account.advance(hours=self.random.randint(1, 40))


def pay_out(account: tigerstripe.Account, interval: str) -> None:
    """Let the platform's money be paid out by itself at the times of a schedule."""
    schedule = {"payouts": {"schedule": {"interval": interval}}}
    account.client().v1.balance_settings.update({"payments": schedule})


# --- What must be so ------------------------------------------------------------------------------


def check(account: tigerstripe.Account) -> int:
    """Hold the balance and each object to the transactions; return how many there are."""
    store = account.store
    moved: dict[str, list[dict[str, Any]]] = {}
    for transaction in store.balance_transactions:
        moved.setdefault(transaction["source"], []).append(transaction)
    balance = stripe_balance(account)
    for currency in {t["currency"] for each in moved.values() for t in each}:
        nets = [t["net"] for each in moved.values() for t in each if t["currency"] == currency]
        assert balance[currency] == sum(nets), currency
    refunds: dict[str, int] = {}
    for refund in store.refunds:
        counts = refund["status"] == "succeeded"
        refunds[refund["charge"]] = refunds.get(refund["charge"], 0) + counts * refund["amount"]
    charges = {charge["id"]: charge for charge in store.charges}
    for charge in charges.values():
        check_charge(charge, moved.pop(charge["id"], []), refunds.pop(charge["id"], 0))
    assert refunds == {}
    for intent in store.payment_intents:
        check_intent(intent, charges.get(intent["latest_charge"]))
    for refund in store.refunds:
        check_sum(refund, moved, -refund["amount"] * moves(refund))
    for dispute in store.disputes:
        taken = dispute["status"] in ("needs_response", "under_review", "lost")
        check_sum(dispute, moved, -(dispute["amount"] + 1500) * taken)
        ids = [t["id"] for t in dispute["balance_transactions"]]
        assert all(id in store.balance_transactions for id in ids)
    for payout in store.payouts:
        check_sum(payout, moved, -payout["amount"] * (payout["status"] in ("pending", "paid")))
    for topup in store.topups:
        check_sum(topup, moved, topup["amount"] * (topup["status"] == "succeeded"))
    check_shared(account, moved)
    check_cash(account)
    assert moved == {}, "transactions without a source"
    return store.balance_transactions.count()


def check_paid_out(account: tigerstripe.Account) -> None:
    """Nothing stays where all that is available is paid out each day, however it came."""
    pay_out(account, "daily")
    account.advance(days=10)
    check(account)
    v1 = account.client().v1
    for id in (None, *(shop.id for shop in v1.accounts.list({"limit": 100}).data)):
        there = v1.balance.retrieve({}, {"stripe_account": id} if id else {})
        assert all(part.amount <= 0 for part in there.available), id


def check_shared(account: tigerstripe.Account, moved: dict[str, list[dict[str, Any]]]) -> None:
    """What goes to accounts, and comes back, is in the books of both sides."""
    tables = account.engine.account(account.name)[0]
    there: dict[str, int] = {}
    transfers = {one["id"]: one for one in tables.table("transfers")}
    fees = {one["id"]: one for one in tables.table("application_fees")}
    parts = [
        *((one, one["destination"], -1) for one in transfers.values()),
        *((one, one["account"], 1) for one in fees.values()),
        *(
            (one, transfers[one["transfer"]]["destination"], 1)
            for one in tables.table("transfer_reversals")
        ),
        *((one, fees[one["fee"]]["account"], -1) for one in tables.table("fee_refunds")),
    ]
    for record, shop, sign in parts:
        amount = 0 if is_undone(record) else record["amount"]
        check_sum(record, moved, sign * amount)
        there[shop] = there.get(shop, 0) - sign * amount
    for shop in tables.table("accounts"):
        inside = tables.inside(shop["id"])
        nets = [one["net"] for one in inside.table("balance_transactions")]
        paid_out = [
            one["amount"] for one in inside.table("payouts") if one["status"] in ("pending", "paid")
        ]
        assert sum(nets) == there.get(shop["id"], 0) - sum(paid_out), shop["id"]
        sources = {one["source"] for one in inside.table("balance_transactions")}
        names = ("charges", "payouts", "refunds")
        known = {one["id"] for name in names for one in inside.table(name)}
        known |= {one["id"] for one in tables.table("fee_refunds")}
        assert sources <= known, "transactions without a source"
    for one in transfers.values():
        back = [
            r["amount"]
            for r in tables.table("transfer_reversals")
            if r["transfer"] == one["id"] and not is_undone(r)
        ]
        assert one["amount_reversed"] == sum(back) <= one["amount"], one
    for one in fees.values():
        back = [
            r["amount"]
            for r in tables.table("fee_refunds")
            if r["fee"] == one["id"] and not is_undone(r)
        ]
        assert one["amount_refunded"] == sum(back) <= one["amount"], one


def check_cash(account: tigerstripe.Account) -> None:
    """What customers have sent is there, or in the intents that have taken it."""
    table = account.engine.account(account.name)[0].table("cash_balance_transactions")
    there: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for one in table:
        there[one["customer"]] += one["net_amount"]
        sent[one["customer"]] += one["net_amount"] * (one["type"] == "funded")
    methods = account.store.payment_methods
    taken: Counter[str] = Counter()
    for intent in account.store.payment_intents:
        if (
            intent["status"] == "succeeded"
            and methods.get(intent["payment_method"])["type"] == CASH
        ):
            taken[intent["customer"]] += intent["amount"]
        taken[intent["customer"]] += private(intent).get("applied", 0)
    for customer, amount in there.items():
        assert amount == sent[customer] - taken[customer] >= 0, customer


def stripe_balance(account: tigerstripe.Account) -> Counter[str]:
    """Return what the API says that there is, available or not, by currency."""
    found: Counter[str] = Counter()
    answer = account.client().v1.balance.retrieve()
    for part in (*answer.available, *answer.pending):
        found[part.currency] += part.amount
    return found


def moves(refund: dict[str, Any]) -> bool:
    """Whether a refund has moved money: what was only held is released without."""
    return refund["status"] == "succeeded" and refund["balance_transaction"] is not None


def check_charge(charge: dict[str, Any], moved: list[dict[str, Any]], refunded: int) -> None:
    """A charge has taken what its transactions say, with their fees, and given back its refunds."""
    is_paid = charge["status"] == "succeeded" and charge["captured"]
    assert sum(t["amount"] for t in moved) == charge["amount_captured"] * is_paid, charge
    for transaction in moved:
        exact = Decimal("0.029") * transaction["amount"]
        assert transaction["fee"] == int(exact.quantize(Decimal(1), ROUND_HALF_UP)) + 30
    assert charge["amount_refunded"] == refunded <= charge["amount"], charge
    assert charge["refunded"] is (refunded == charge["amount"])
    assert (charge["balance_transaction"] is not None) is bool(moved), charge


def check_intent(intent: dict[str, Any], charge: dict[str, Any] | None) -> None:
    """An intent says what its charge says."""
    status = intent["status"]
    if status == "succeeded":
        assert charge is not None, intent
        assert (charge["paid"], charge["captured"]) == (True, True)
        assert intent["amount_received"] == charge["amount_captured"]
    else:
        assert intent["amount_received"] == 0
    holds = charge is not None and status == "requires_capture"
    assert intent["amount_capturable"] == (intent["amount"] if holds else 0)


def check_sum(record: dict[str, Any], moved: dict[str, list[dict[str, Any]]], net: int) -> None:
    """What an object has moved in all is what its state says."""
    assert sum(t["net"] for t in moved.pop(record["id"], [])) == net, record


def main() -> None:
    directory, seed, count, size = sys.argv[1:]
    with tigerstripe.connect(directory, namespace="till", timeout_s=30.0) as account:
        till = Till(account, Random(int(seed)))
        sys.stdin.readline()
        for done in range(1, int(count) + 1):
            till.act()
            if done % int(size) == 0:
                print(json.dumps(done), flush=True)
        print(json.dumps(till.done), flush=True)


if __name__ == "__main__":
    main()
