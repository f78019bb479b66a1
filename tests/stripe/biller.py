"""A biller: bills customers by chance, in each way there is; and what must be so after all of it.

    python biller.py DIRECTORY SEED COUNT ACT...

is one of several at one account: it does each of so many things as the names of acts say, and
tells what it did.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from random import Random
from typing import Any

import stripe

import tigerstripe
from tests.stripe import till

METHODS = (
    "pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired",
    "pm_card_mastercard",
)  # fmt: skip
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
UPDATES = (*BEHAVIORS, "pending_if_incomplete")
PRORATIONS = ("create_prorations", "always_invoice", "none")
RUNNING = ("active", "past_due", "trialing", "unpaid")
"""The states of a subscription whose periods go by."""
HOUR_S = 3600
SOON_H = (1, 20, 24, 24 * 4, 24 * 10, 24 * 40)
"""In how many hours a trial, a pause, or a subscription ends."""
ACTS = (
    "begin", "begin", "subscribe", "subscribe", "subscribe", "change", "change", "anew", "cancel",
    "pay", "pay", "pay_elsewhere", "void", "give_up", "finalize", "add_item", "add_item", "invoice",
    "credit", "refund", "adjust", "advance", "advance", "advance", "another_card", "authenticate",
    "end_trial", "extend", "extend", "pause", "stop", "resume", "end", "use", "add", "preview",
    "schedule", "plan", "let_go", "quote", "advance_clock", "advance_clock",
)  # fmt: skip
REFUSED = (stripe.CardError, stripe.InvalidRequestError, stripe.RateLimitError, ValueError)
"""The errors of acts that cannot be done now; the third if another process advances a clock."""
FEW = 12


class Biller:
    """Does things by chance; what is refused or declined is as it should be."""

    def __init__(self, account: tigerstripe.Account, random: Random) -> None:
        """Use an account; several may."""
        self.account = account
        self.v1 = account.client().v1
        self.random = random
        self.done: Counter[str] = Counter()

    def stock(self) -> None:
        """Make what is sold, and a first customer."""
        meter = self.v1.billing.meters.create({
            "display_name": "Calls",
            "event_name": "calls",
            "default_aggregation": {"formula": "sum"},
        })  # fmt: skip
        metered = {"interval": "month", "usage_type": "metered", "meter": meter.id}
        self.sell(3, metered)
        self.sell(900, {"interval": "week", "interval_count": 2})
        self.sell(2500, {"interval": "month", "interval_count": 3})
        for amount in (30, 700, 1999, 4200):
            for interval in ("month", "year"):
                self.sell(amount, {"interval": interval})
        self.v1.coupons.create({"id": "third", "percent_off": 33.3, "duration": "repeating",
                                "duration_in_months": 2})  # fmt: skip
        self.v1.coupons.create({"id": "five", "amount_off": 500, "currency": "usd"})
        self.v1.tax_rates.create({"display_name": "VAT", "percentage": 7.25, "inclusive": False})
        self.use_card(self.v1.customers.create().id, METHODS[0])

    def sell(self, amount: int, recurring: Any) -> str:
        """Return the id of a new price."""
        made: str = self.v1.prices.create({
            "currency": "usd",
            "unit_amount": amount,
            "recurring": recurring,
            "product_data": {"name": f"Plan {amount}"},
        }).id  # fmt: skip
        return made

    def act(self, acts: tuple[str, ...] = ACTS) -> None:
        """Do one thing."""
        name = self.random.choice(acts)
        with contextlib.suppress(IndexError):  # there is nothing of the kind yet
            try:
                getattr(self, name)()
            except REFUSED:
                name += " refused"
            self.done[name] += 1

    def one(self, service: Any, **params: Any) -> Any:
        return self.random.choice(service.list({"limit": FEW, **params}).data)

    def customer(self) -> str:
        """A customer; those on a test clock are only listed by that."""
        params = {}
        clocks = self.v1.test_helpers.test_clocks.list({"limit": FEW}).data
        if clocks and self.random.random() < 0.3:
            params["test_clock"] = self.random.choice(clocks).id
        found: str = self.one(self.v1.customers, **params).id
        return found

    def item(self) -> dict[str, Any]:
        """A price, and how many of it, where that is for its buyer to say."""
        price = self.one(self.v1.prices, active=True, type="recurring")
        if price.recurring.usage_type == "metered":
            return {"price": price.id}
        return {"price": price.id, "quantity": self.random.randint(0, 4)}

    def soon(self, customer: str) -> int:
        """A time that is to come by the clock of a customer."""
        now = self.account.now
        clock = self.v1.customers.retrieve(customer).test_clock
        if clock is not None:
            now = self.v1.test_helpers.test_clocks.retrieve(clock).frozen_time
        return now + self.random.choice(SOON_H) * HOUR_S

    def how(self) -> dict[str, Any]:
        """How a change is paid for."""
        return {
            "payment_behavior": self.random.choice(UPDATES),
            "proration_behavior": self.random.choice(PRORATIONS),
        }

    # --- Acts ---

    def begin(self) -> None:
        params: dict[str, Any] = {"email": "jane@example.com"}
        if self.random.random() < 0.3:
            clock = self.v1.test_helpers.test_clocks.create({"frozen_time": self.account.now})
            params["test_clock"] = clock.id
        customer = self.v1.customers.create(params)
        if self.random.random() < 0.9:
            self.use_card(customer.id, self.random.choice(METHODS))

    def another_card(self) -> None:
        self.use_card(self.customer(), self.random.choice(METHODS))

    def use_card(self, customer: str, method: str) -> None:
        card = self.v1.payment_methods.attach(method, {"customer": customer})
        settings = {"default_payment_method": card.id}
        self.v1.customers.update(customer, {"invoice_settings": settings})

    def subscribe(self) -> None:
        chance = self.random.random
        params: dict[str, Any] = {
            "customer": self.customer(),
            "items": [self.item() for _ in range(self.random.randint(1, 2))],
            "payment_behavior": self.random.choice(BEHAVIORS),
        }
        if chance() < 0.2:
            params["trial_period_days"] = self.random.randint(1, 20)
            missing = self.random.choice(["cancel", "create_invoice", "pause"])
            params["trial_settings"] = {"end_behavior": {"missing_payment_method": missing}}
        if chance() < 0.4:
            params["discounts"] = [{"coupon": self.random.choice(["third", "five"])}]
        if chance() < 0.3:
            params["default_tax_rates"] = [self.one(self.v1.tax_rates).id]
        if chance() < 0.2:
            params |= {"collection_method": "send_invoice", "days_until_due": 7}
            del params["payment_behavior"]
        if chance() < 0.1:
            params["add_invoice_items"] = [self.extra()]
        if chance() < 0.1:
            params["billing_cycle_anchor"] = self.soon(params["customer"])
        if chance() < 0.3:
            params["billing_mode"] = {"type": "classic"}
        self.v1.subscriptions.create(params)

    def extra(self) -> dict[str, Any]:
        product = self.one(self.v1.products).id
        price = {"currency": "usd", "product": product, "unit_amount": 250}
        return {"price_data": price, "quantity": self.random.randint(1, 3)}

    def changed(self, subscription: Any) -> dict[str, Any]:
        """Change an item of a subscription, add one, or remove one."""
        id = self.random.choice(subscription["items"].data).id
        chance = self.random.random()
        if chance < 0.4:
            item = {"id": id, "quantity": self.random.randint(0, 4)}
        elif chance < 0.8:
            item = {"id": id, **self.item()}
        elif chance < 0.9:
            item = self.item()
        else:
            item = {"id": id, "deleted": True}
        params: dict[str, Any] = {"items": [item]}
        if self.random.random() < 0.1:
            params["add_invoice_items"] = [self.extra()]
        return params

    def change(self) -> None:
        subscription = self.one(self.v1.subscriptions)
        self._change(subscription.id, self.changed(subscription))

    def add(self) -> None:
        """Put an item on a subscription, or take one from it, by the operations of items."""
        subscription = self.one(self.v1.subscriptions)
        if self.random.random() < 0.7:
            params = {"subscription": subscription.id, **self.item(), **self.how()}
            self.v1.subscription_items.create(params)
        else:
            item = self.random.choice(subscription["items"].data)
            self.v1.subscription_items.delete(item.id, self.how())

    def preview(self) -> None:
        subscription = self.one(self.v1.subscriptions)
        details = self.changed(subscription)
        extra = details.pop("add_invoice_items", None)
        details["proration_behavior"] = self.random.choice(PRORATIONS)
        self.v1.invoices.create_preview({
            "subscription": subscription.id,
            "subscription_details": details,
            **({} if extra is None else {"invoice_items": extra}),
        })  # fmt: skip

    def anew(self) -> None:
        now = {"billing_cycle_anchor": {"type": "now"}}
        self._change(self.one(self.v1.subscriptions).id, now)

    def end_trial(self) -> None:
        found = self.one(self.v1.subscriptions, status="trialing")
        self._change(found.id, {"trial_end": "now"})

    def extend(self) -> None:
        """Let a subscription be on trial until a time to come."""
        found = self.one(self.v1.subscriptions)
        params: dict[str, Any] = {"trial_end": self.soon(found.customer)}
        if self.random.random() < 0.2:
            params["add_invoice_items"] = [self.extra()]
        self._change(found.id, params)

    def _change(self, id: str, params: dict[str, Any]) -> None:
        self.v1.subscriptions.update(id, {**params, **self.how()})

    def pause(self) -> None:
        """Pause the collection of a subscription's invoices, or resume it."""
        behavior = self.random.choice(["keep_as_draft", "mark_uncollectible", "void", ""])
        found = self.one(self.v1.subscriptions)
        pause: Any = {"behavior": behavior} if behavior else ""
        if behavior and self.random.random() < 0.5:
            pause["resumes_at"] = self.soon(found.customer)
        self.v1.subscriptions.update(found.id, {"pause_collection": pause})

    def stop(self) -> None:
        """Let no period of a subscription go by."""
        self.v1.subscriptions.pause(self.one(self.v1.subscriptions).id, {"type": "subscription"})

    def resume(self) -> None:
        found = self.one(self.v1.subscriptions, status="paused")
        anchor = self.random.choice(["now", "unchanged"])
        self.v1.subscriptions.resume(found.id, {"billing_cycle_anchor": anchor})

    def end(self) -> None:
        """Let a subscription end at a time to come, or not any more."""
        found = self.one(self.v1.subscriptions)
        soon = self.soon(found.customer)
        at = self.random.choice([soon, soon, "min_period_end", "max_period_end", ""])
        period_end = {"cancel_at_period_end": self.random.random() < 0.5}
        params = self.random.choice([{"cancel_at": at}, period_end])
        self.v1.subscriptions.update(found.id, params)

    def use(self) -> None:
        payload = {"stripe_customer_id": self.customer(), "value": str(self.random.randint(1, 90))}
        self.v1.billing.meter_events.create({"event_name": "calls", "payload": payload})

    # --- Schedules and quotes ---

    def schedule(self) -> None:
        """Make a schedule of a subscription, or of phases that begin later."""
        if self.random.random() < 0.5:
            found = self.one(self.v1.subscriptions)
            self.v1.subscription_schedules.create({"from_subscription": found.id})
            return
        customer = self.customer()
        self.v1.subscription_schedules.create({
            "customer": customer,
            "start_date": self.random.choice(["now", self.soon(customer)]),
            "end_behavior": self.random.choice(["release", "cancel"]),
            "phases": [self.phase() for _ in range(self.random.randint(1, 3))],
        })  # fmt: skip

    def phase(self) -> dict[str, Any]:
        interval = self.random.choice(["day", "week", "month"])
        phase: dict[str, Any] = {
            "items": [self.item()],
            "duration": {"interval": interval, "interval_count": self.random.randint(1, 2)},
            "proration_behavior": self.random.choice(PRORATIONS),
        }
        if self.random.random() < 0.2:
            phase["trial"] = True
        if self.random.random() < 0.2:
            phase["billing_cycle_anchor"] = "phase_start"
        if self.random.random() < 0.2:
            phase["discounts"] = [{"coupon": "five"}]
        return phase

    def plan(self) -> None:
        """Let a schedule have other phases to come."""
        found = self.one(self.v1.subscription_schedules)
        now = found.phases[0]
        first = self.phase() | {"start_date": now.start_date, "end_date": now.end_date}
        del first["duration"]
        self.v1.subscription_schedules.update(found.id, {
            "end_behavior": self.random.choice(["release", "cancel"]),
            "phases": [first, self.phase()],
            "proration_behavior": self.random.choice(PRORATIONS),
        })  # fmt: skip

    def let_go(self) -> None:
        found = self.one(self.v1.subscription_schedules).id
        if self.random.random() < 0.5:
            self.v1.subscription_schedules.release(found)
        else:
            self.v1.subscription_schedules.cancel(found)

    def quote(self) -> None:
        made = self.v1.quotes.create({"customer": self.customer(), "line_items": [self.item()]})
        self.v1.quotes.finalize_quote(made.id)
        self.v1.quotes.accept(made.id)

    def cancel(self) -> None:
        found = self.one(self.v1.subscriptions)
        if self.random.random() < 0.4:
            self.v1.subscriptions.update(found.id, {"cancel_at_period_end": True})
            return
        how = {name: self.random.random() < 0.5 for name in ("invoice_now", "prorate")}
        self.v1.subscriptions.cancel(found.id, how)

    def pay(self) -> None:
        invoice = self.one(self.v1.invoices, status="open")
        params = {}
        if self.random.random() < 0.3:
            method = self.random.choice(METHODS)
            card = self.v1.payment_methods.attach(method, {"customer": invoice.customer})
            params["payment_method"] = card.id
        self.v1.invoices.pay(invoice.id, params)

    def charge(self) -> None:
        self.v1.invoices.pay(self.one(self.v1.invoices, status="open").id)

    def pay_elsewhere(self) -> None:
        found = self.one(self.v1.invoices, status="open")
        self.v1.invoices.pay(found.id, {"paid_out_of_band": True})

    def void(self) -> None:
        self.v1.invoices.void_invoice(self.one(self.v1.invoices, status="open").id)

    def give_up(self) -> None:
        self.v1.invoices.mark_uncollectible(self.one(self.v1.invoices, status="open").id)

    def finalize(self) -> None:
        self.v1.invoices.finalize_invoice(self.one(self.v1.invoices, status="draft").id)

    def add_item(self) -> None:
        self.v1.invoice_items.create({
            "customer": self.customer(),
            "currency": "usd",
            "amount": self.random.randint(-1500, 3000),
        })  # fmt: skip

    def invoice(self) -> None:
        self.v1.invoices.create({
            "customer": self.customer(),
            "pending_invoice_items_behavior": "include",
            "auto_advance": self.random.random() < 0.7,
        })  # fmt: skip

    def credit(self) -> None:
        invoice = self.one(self.v1.invoices, status=self.random.choice(["open", "paid"]))
        amount = self.random.randint(1, max(1, invoice.total))
        params: dict[str, Any] = {"invoice": invoice.id, "amount": amount}
        if invoice.status == "paid":
            way = self.random.choice(["refund_amount", "credit_amount", "out_of_band_amount"])
            params[way] = amount
        self.v1.credit_notes.create(params)

    def refund(self) -> None:
        charge = self.one(self.v1.charges)
        self.v1.refunds.create(
            {"charge": charge.id, "amount": self.random.randint(1, charge.amount)}
        )

    def adjust(self) -> None:
        params = {"amount": self.random.randint(-2500, 2500), "currency": "usd"}
        self.v1.customers.balance_transactions.create(self.customer(), params)

    def authenticate(self) -> None:
        found = self.v1.payment_intents.list({"limit": 100}).data
        intent = self.random.choice([one for one in found if one.status == "requires_action"])
        self.account.authenticate(intent.id, succeed=self.random.random() < 0.7)

    def advance(self) -> None:
        """Let time go on, for all; the first process does what is due."""
        self.account.advance(hours=self.random.choice([1, 2, 23, 24, 24 * 8, 24 * 31]))

    def advance_clock(self) -> None:
        """Let time go on for one customer."""
        clock = self.one(self.v1.test_helpers.test_clocks)
        to = clock.frozen_time + self.random.choice([1, 23, 24 * 8, 24 * 31]) * HOUR_S
        self.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})


# --- What must be so ------------------------------------------------------------------------------


def check(account: tigerstripe.Account) -> Counter[str]:
    """Hold invoices, payments, balances and books to each other; count the invoices by status."""
    store = account.store
    till.check(account)
    tables = account.engine.account(account.name)[0]
    invoices = list(store.invoices)
    transactions = list(tables.table("customer_balance_transactions"))
    notes = list(tables.table("credit_notes"))
    payments = list(tables.table("invoice_payments"))
    intents = {intent["id"]: intent for intent in store.payment_intents}
    for invoice in invoices:
        check_lines(invoice)
        check_invoice(
            invoice,
            [one for one in payments if one["invoice"] == invoice["id"]],
            [one for one in transactions if one["invoice"] == invoice["id"]],
            [one for one in notes if one["invoice"] == invoice["id"] and one["status"] == "issued"],
            intents,
        )
    taken = Counter(one["payment"]["payment_intent"] for one in payments)
    assert set(taken.values()) <= {1}
    paid = {one["payment"]["payment_intent"] for one in payments if one["status"] == "paid"}
    succeeded = {id for id, intent in intents.items() if intent["status"] == "succeeded"}
    assert paid == succeeded, "an intent was paid without its invoice, or the other way round"
    for customer in store.customers:
        check_customer(
            customer,
            [one for one in invoices if one["customer"] == customer["id"]],
            [one for one in transactions if one["customer"] == customer["id"]],
        )
    check_items(tables, {invoice["id"]: invoice for invoice in invoices})
    check_periods(invoices)
    clocks = {clock["id"]: clock["frozen_time"] for clock in tables.table("test_clocks")}
    for subscription in tables.table("subscriptions"):
        check_times(subscription, clocks.get(subscription["test_clock"], account.now))
    refused = [one for one in account.requests() if one["method"] == "TIME"]
    assert refused == [], "time refuses nothing"
    check_calendar(tables, clocks, account.now)
    return Counter(invoice["status"] for invoice in invoices)


def check_lines(invoice: dict[str, Any]) -> None:
    """An invoice is what its lines come to."""
    lines = all_lines(invoice)
    on_top = sum(
        tax["amount"]
        for line in lines
        for tax in line["taxes"]
        if tax["tax_behavior"] != "inclusive"
    )
    off = sum(one["amount"] for line in lines for one in line["discount_amounts"])
    assert invoice["total"] == sum(line["amount"] for line in lines) - off + on_top, invoice
    assert off == sum(one["amount"] for one in invoice["total_discount_amounts"])
    for line in lines:
        taken = sum(one["amount"] for one in line["discount_amounts"])
        assert line["discountable"] or not taken
        assert min(0, line["amount"]) <= taken <= max(0, line["amount"]), line


def all_lines(invoice: dict[str, Any]) -> list[dict[str, Any]]:
    return [*invoice["lines"]["data"], *invoice.get("_", {}).get("more_lines", ())]


def check_invoice(
    invoice: dict[str, Any],
    payments: list[dict[str, Any]],
    moved: list[dict[str, Any]],
    notes: list[dict[str, Any]],
    intents: dict[str, dict[str, Any]],
) -> None:
    """What an invoice asks for is paid, waits, was taken back, or is on its customer's balance."""
    status, due = invoice["status"], invoice["amount_due"]
    if status == "draft":
        assert (payments, moved, notes, invoice["number"]) == ([], [], [], None)
        return
    before = sum(note["pre_payment_amount"] for note in notes)
    start, end = invoice["starting_balance"], invoice["ending_balance"]
    of_balance = sum(one["amount"] for one in moved if one["type"] != "credit_note")
    assert invoice["total"] + start == due + before + end, invoice
    assert of_balance == (0 if status == "void" else end - start), (invoice, moved)
    received = sum(one["amount_paid"] or 0 for one in payments if one["status"] == "paid")
    for payment in payments:
        intent = intents[payment["payment"]["payment_intent"]]
        expected = {"paid": {"succeeded"}, "canceled": {"canceled"}}.get(payment["status"])
        open_ = {"requires_payment_method", "requires_confirmation", "requires_action"}
        assert intent["status"] in (expected or open_), (payment, intent)
        if payment["status"] == "paid":
            assert payment["amount_paid"] == intent["amount_received"]
    if status == "paid":
        assert invoice["amount_remaining"] == 0
        assert invoice["amount_paid"] == due
        assert received in (0, due), invoice
    else:
        assert (received, invoice["amount_paid"]) == (0, 0), invoice
        assert invoice["amount_remaining"] == due
    back = sum(note["post_payment_amount"] for note in notes)
    given = 0
    for note in notes:
        given += sum(one["amount_refunded"] for one in note["refunds"])
        given += note["out_of_band_amount"] or 0
    given -= sum(one["amount"] for one in moved if one["type"] == "credit_note")
    assert back == given, notes


def check_customer(
    customer: dict[str, Any], invoices: list[dict[str, Any]], moved: list[dict[str, Any]]
) -> None:
    """A balance is the sum of its transactions, and numbers of invoices have no gaps."""
    assert customer["balance"] == sum(one["amount"] for one in moved)
    numbers = sorted(one["number"] for one in invoices if one["number"] is not None)
    prefix = customer["invoice_prefix"]
    assert numbers == [f"{prefix}-{n + 1:04}" for n in range(len(numbers))]
    assert customer["next_invoice_sequence"] == len(numbers) + 1


def check_items(tables: Any, invoices: dict[str, dict[str, Any]]) -> None:
    """Each invoice item waits, or is one line of one invoice."""
    lines = Counter(
        item for invoice in invoices.values() for line in all_lines(invoice)
        if (item := item_of(line)) is not None
    )  # fmt: skip
    for item in tables.table("invoice_items"):
        assert lines.pop(item["id"], 0) == (item["invoice"] is not None), item
    assert not lines


def item_of(line: dict[str, Any]) -> str | None:
    parent = line["parent"]
    details = parent["invoice_item_details"] or parent["subscription_item_details"]
    found: str | None = details["invoice_item"]
    return found


def check_periods(invoices: list[dict[str, Any]]) -> None:
    """No period of an item is billed twice when it comes."""
    billed: Counter[tuple[str, int]] = Counter()
    for invoice in invoices:
        if invoice["billing_reason"] != "subscription_cycle":
            continue
        for line in all_lines(invoice):
            details = line["parent"]["subscription_item_details"]
            if details is not None and not details["proration"]:
                billed[details["subscription_item"], line["period"]["start"]] += 1
    assert set(billed.values()) <= {1}


def check_times(subscription: dict[str, Any], now: int) -> None:
    """What is to come of a subscription is in the future, and a trial is the period it is in."""
    update = subscription["pending_update"]
    assert update is None or now < update["expires_at"], subscription
    if subscription["status"] not in RUNNING:
        return
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    assert min(ends) > now, subscription
    if subscription["status"] == "trialing":
        assert set(ends) == {subscription["trial_end"]}, subscription
    assert update is None or update["expires_at"] <= min(ends), subscription


def check_calendar(tables: Any, clocks: dict[str, int], now: int) -> None:
    """All that time is to bring is in the calendar, by the clock that it goes by."""
    coming = {one["id"]: one for one in tables.table("due") if "of" in one}
    for one in coming.values():  # at once: a short trial is told of
        assert one["at"] >= clocks.get(one["clock"], now), one
    expected: list[tuple[dict[str, Any], int | None]] = []
    for invoice in tables.table("invoices"):
        is_draft = invoice["status"] == "draft"
        field = "automatically_finalizes_at" if is_draft else "next_payment_attempt"
        if invoice[field] is not None:
            expected.append((invoice, invoice[field]))
    for subscription in tables.table("subscriptions"):
        if subscription["status"] in RUNNING:
            expected.append((subscription, None))
    for schedule in tables.table("subscription_schedules"):
        if schedule["status"] in ("active", "not_started"):
            expected.append((schedule, None))
    for record, at in expected:
        entry = coming.get(record["id"])
        assert entry is not None, record
        assert entry["clock"] == record["test_clock"], record
        assert at in (None, entry["at"]), record


def main() -> None:
    directory, seed, count, *acts = sys.argv[1:]
    with tigerstripe.connect(directory, namespace="biller", timeout_s=30.0) as account:
        biller = Biller(account, Random(int(seed)))
        sys.stdin.readline()
        for _ in range(int(count)):
            biller.act(tuple(acts) or ACTS)
        print(json.dumps(biller.done), flush=True)


if __name__ == "__main__":
    main()
