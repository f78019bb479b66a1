"""Random histories of subscriptions: each invoice is what an independent ledger says, to the cent.

What is asked of the API by the official SDK is told to `billing_ledger`, which shares no code with
it; after each step the invoices are compared, line by line. Previews are compared with what came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
import stripe

import tigerstripe
from tests.model.billing_calculator import Coupon, Entry, Price, Rate, Tier
from tests.model.billing_ledger import Given, Invoice, Item, Ledger, Line

T0 = 1_801_459_199  # 31 January 2027, a second before midnight
DAY = 24 * 3600
STEPS = 25
LASTING_CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2060, "cvc": "314"}


@pytest.fixture
def account(shared_store: Any) -> Any:
    account = tigerstripe.Account(shared_store)
    with account.installed():
        account.freeze(T0)
        yield account


class History:
    """A shop where things happen by chance, to the API and to the ledger."""

    def __init__(self, account: tigerstripe.Account, random: Random) -> None:
        self.account, self.random = account, random
        self.v1 = account.client().v1
        self.products: dict[str, str] = {}
        self.prices: dict[str, Price] = {}
        self.subscription = ""
        self.made = 0
        self._stock()
        self.customer = self.v1.customers.create({
            "email": "jane@example.com",
        }).id  # fmt: skip
        card = self.v1.payment_methods.create({"type": "card", "card": LASTING_CARD})
        self.v1.payment_methods.attach(card.id, {"customer": self.customer})
        settings = {"default_payment_method": card.id}
        self.v1.customers.update(self.customer, {"invoice_settings": settings})
        self.ledger = Ledger(T0, self.products, self.prices)

    # --- What is sold ---

    def _stock(self) -> None:
        products = [self.v1.products.create({"name": name}).id for name in "ABC"]
        for product in products:
            for every in ("month", "month", "year"):
                self._price(product, (every, 1))
        self.rate_ids: dict[str, str] = {}
        self.rates = [
            self._rate(percent, inclusive)
            for percent, inclusive in (("19", False), ("7.25", True), ("2.5", False))
        ]
        self.product_ids = products

    def _price(self, product: str, every: tuple[str, int]) -> None:
        kind = self.random.choice(["unit", "decimal", "graduated", "volume", "pack"])
        amount = self.random.randint(1, 5000)
        params: dict[str, Any] = {
            "currency": "usd",
            "product": product,
            "recurring": {"interval": every[0], "interval_count": every[1]},
        }
        if kind == "unit":
            price = Price(every, Fraction(amount))
            params["unit_amount"] = amount
        elif kind == "decimal":
            text = f"{amount}.{self.random.randint(1, 999):03}"
            price = Price(every, Fraction(text))
            params["unit_amount_decimal"] = text
        elif kind == "pack":
            size, way = self.random.randint(2, 6), self.random.choice(["up", "down"])
            price = Price(every, Fraction(amount), pack=size, rounds_up=way == "up")
            params["unit_amount"] = amount
            params["transform_quantity"] = {"divide_by": size, "round": way}
        else:
            price = self._tiered(every, kind)
            params["billing_scheme"] = "tiered"
            params["tiers_mode"] = kind
            params["tiers"] = [
                {
                    "up_to": tier.up_to or "inf",
                    "unit_amount_decimal": str(float(tier.unit)),
                    "flat_amount": int(tier.flat),
                }
                for tier in price.tiers
            ]
        id = self.v1.prices.create(params).id
        self.prices[id], self.products[id] = price, product

    def _tiered(self, every: tuple[str, int], mode: str) -> Price:
        tiers = tuple(
            Tier(
                bound,
                Fraction(self.random.randint(0, 2000), 8),
                Fraction(self.random.choice([0, 100, 999])),
            )
            for bound in (2, 5, None)
        )
        return Price(every, tiers=tiers, mode=mode)

    def _rate(self, percent: str, inclusive: bool) -> Rate:
        made = self.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": float(percent), "inclusive": inclusive}
        )
        self.rate_ids[made.id] = percent
        return Rate(made.id, Fraction(percent), inclusive)

    def coupon(self) -> tuple[Coupon, dict[str, str]]:
        """Make a coupon; return it, and how a request names it."""
        duration = self.random.choice(["once", "forever", "repeating"])
        params: dict[str, Any] = {"duration": duration}
        percent, amount, products = None, 0, None
        if duration == "repeating":
            params["duration_in_months"] = self.random.randint(1, 3)
        if self.random.random() < 0.5:
            percent = self.random.choice(["10", "33.3", "50", "100", "12.5"])
            params["percent_off"] = float(percent)
        else:
            amount = self.random.choice([1, 250, 999, 100_000])
            params |= {"amount_off": amount, "currency": "usd"}
        if self.random.random() < 0.3:
            chosen = self.random.sample(self.product_ids, self.random.randint(1, 2))
            params["applies_to"] = {"products": chosen}
            products = frozenset(chosen)
        id = self.v1.coupons.create(params).id
        exact = None if percent is None else Fraction(percent)
        months = params.get("duration_in_months", 0)
        return Coupon(id, exact, amount, products, duration, months), {"coupon": id}

    def coupons(self, most: int) -> tuple[list[Coupon], list[dict[str, str]]]:
        pairs = [self.coupon() for _ in range(self.random.choice([0, 0, 1, most]))]
        return [one for one, _ in pairs], [given for _, given in pairs]

    def some_rates(self) -> tuple[Rate, ...]:
        return tuple(self.random.sample(self.rates, self.random.choice([0, 0, 1, 2])))

    def item(self, monthly: bool | None = None) -> tuple[Item, dict[str, Any]]:
        """Return an item to be, and its parameters."""
        fit = [
            id
            for id, price in self.prices.items()
            if monthly is None or (price.every[0] == "month") is monthly
        ]
        price, quantity = self.random.choice(fit), self.random.randint(0, 9)
        coupons, given = self.coupons(1)
        rates = self.some_rates()
        item = Item(price, quantity, rates=rates)
        item.discounts = [Given(one, self.account.now) for one in coupons]
        params: dict[str, Any] = {"price": price, "quantity": quantity}
        if given:
            params["discounts"] = given
        if rates:
            params["tax_rates"] = [rate.name for rate in rates]
        return item, params

    # --- What happens ---

    def act(self) -> str:
        """Do one thing; return what."""
        if self.ledger.status in ("none", "canceled"):
            self.create()
            return "create"
        acts: list[Callable[[], None]] = [
            self.wait, self.wait, self.wait, self.wait_for_renewal, self.wait_for_renewal,
            self.change, self.change, self.change, self.begin_anew, self.give_discounts,
            self.add_invoice_item, self.add_invoice_item, self.change_balance, self.end_or_not,
            self.pause_or_not, self.end_trial,
        ]  # fmt: skip
        act = self.random.choice(acts)
        act()
        return act.__name__

    def create(self) -> None:
        chance = self.random.random
        is_flexible = chance() < 0.6
        kind = None if is_flexible and chance() < 0.3 else chance() < 0.8
        pairs = [self.item(kind) for _ in range(self.random.randint(1, 3))]
        pairs = list({item.price: (item, given) for item, given in pairs}.values())
        coupons, given = self.coupons(2)
        rates = self.some_rates()
        now = self.account.now
        trial_end = anchor = 0
        params: dict[str, Any] = {
            "customer": self.customer,
            "items": [given for _, given in pairs],
            "billing_mode": {"type": "flexible" if is_flexible else "classic"},
        }
        if given:
            params["discounts"] = given
        if rates:
            params["default_tax_rates"] = [rate.name for rate in rates]
        if chance() < 0.3:
            params["trial_end"] = trial_end = now + self.random.randint(1, 40 * DAY)
        if chance() < 0.3:
            anchor = (trial_end or now) + self.random.randint(1, 27 * DAY)
            params["billing_cycle_anchor"] = anchor
        is_free = chance() < 0.3
        if is_free:
            params["proration_behavior"] = "none"
        preview = self.preview(params)
        made = self.v1.subscriptions.create(params)
        self.subscription = made.id
        items = [item for item, _ in pairs]
        for item, there in zip(items, made["items"].data, strict=True):
            item.id = there.id
        self.ledger.create(
            items, coupons, rates, is_flexible=is_flexible, trial_end=trial_end, anchor=anchor,
            is_free=is_free,
        )  # fmt: skip
        self.same(preview, made.latest_invoice)

    def change(self) -> None:
        """Change items: how many, of what, one more, one less; with a discount perhaps."""
        ledger, chance = self.ledger, self.random.random
        items = list(ledger.items)
        place = self.random.randrange(len(items))
        old = items[place]
        way = self.random.choice(["quantity", "quantity", "price", "add", "remove"])
        month = ledger.every(old)[0] == "month"
        if way == "remove" and len(items) > 1:
            del items[place]
            given: dict[str, Any] = {"id": old.id, "deleted": True}
        elif way == "add" and len(items) < 4:
            new, given = self.item(None if ledger.is_flexible else month)
            if new.price in [item.price for item in items]:
                return
            items.append(new)
        else:
            new = replace(old, debit=old.debit, discounts=list(old.discounts))
            given = {"id": old.id}
            if way == "price":
                alone = len(items) == 1 and chance() < 0.5
                other, _ = self.item(None if ledger.is_flexible or alone else month)
                if other.price in [item.price for item in items]:
                    return
                new.price = given["price"] = other.price
            else:
                new.quantity = given["quantity"] = self.random.randint(0, 9)
                if new.quantity == old.quantity:
                    return
            items[place] = new
        params: dict[str, Any] = {"items": [given]}
        self._update(items, params)

    def begin_anew(self) -> None:
        if self.ledger.status == "active":
            self._update(list(self.ledger.items), {"billing_cycle_anchor": {"type": "now"}})

    def _update(self, items: list[Item], params: dict[str, Any]) -> None:
        chance, ledger = self.random.random, self.ledger
        behavior = self.random.choice(["create_prorations", "always_invoice", "none"])
        params["proration_behavior"] = behavior
        coupons = None
        if chance() < 0.2:
            coupons, given = self.coupons(2)
            params["discounts"] = given or ""
        is_anew = "billing_cycle_anchor" in params
        at = 0
        if chance() < 0.3 and not is_anew and ledger.status == "active":
            starts = [item.of[0] for item in ledger.items]
            at = self.random.randint(max(starts), ledger.now)
            params["proration_date"] = at
        before = self.retrieve().latest_invoice
        preview = self.preview({**params, "subscription": self.subscription})
        made = self.v1.subscriptions.update(self.subscription, params)
        ledger.change(items, behavior=behavior, at=at, is_anew=is_anew, discounts=coupons)
        if made.latest_invoice != before:
            self.same(preview, made.latest_invoice)
        known = {item.id for item in items}
        for there in made["items"].data:
            if there.id not in known:
                items[-1].id = there.id

    def give_discounts(self) -> None:
        coupons, given = self.coupons(2)
        self.v1.subscriptions.update(self.subscription, {"discounts": given or ""})
        self.ledger.give_discounts(coupons)

    def end_trial(self) -> None:
        if self.ledger.status == "trialing":
            self.v1.subscriptions.update(self.subscription, {"trial_end": "now"})
            self.ledger.end_trial()

    def end_or_not(self) -> None:
        if self.ledger.status == "active" and (self.ledger.ends or self.random.random() < 0.4):
            self.ledger.ends = not self.ledger.ends
            params = {"cancel_at_period_end": self.ledger.ends}
            self.v1.subscriptions.update(self.subscription, params)

    def pause_or_not(self) -> None:
        self.ledger.is_paused = not self.ledger.is_paused
        pause = {"behavior": "keep_as_draft"} if self.ledger.is_paused else ""
        self.v1.subscriptions.update(self.subscription, {"pause_collection": pause})

    def add_invoice_item(self) -> None:
        now = self.account.now
        amount = self.random.randint(-3000, 6000)
        rates = self.some_rates()
        params: dict[str, Any] = {
            "customer": self.customer, "amount": amount, "currency": "usd",
        }  # fmt: skip
        if rates:
            params["tax_rates"] = [rate.name for rate in rates]
        coupons: tuple[Coupon, ...] = ()
        if amount >= 0 and self.random.random() < 0.3:
            coupon, given = self.coupon()
            coupons, params["discounts"] = (coupon,), [given]
        owner = self.random.choice([0, self.ledger.number])
        if owner:
            params["subscription"] = self.subscription
        self.v1.invoice_items.create(params)
        entry = Entry(amount, "", coupons, rates, is_discountable=amount >= 0)
        self.ledger.waiting.append(Line(entry, 1, (now, now), owner=owner))

    def change_balance(self) -> None:
        amount = self.random.randint(-4000, 2000)
        params = {"amount": amount, "currency": "usd"}
        self.v1.customers.balance_transactions.create(self.customer, params)
        self.ledger.balance += amount

    def wait(self) -> None:
        self.advance(
            self.ledger.now + self.random.choice([1, 3599, 3600, self.random.randint(1, 45 * DAY)])
        )

    def wait_for_renewal(self) -> None:
        """Wait until the next period begins, perhaps to the second; its invoice was previewed."""
        ledger = self.ledger
        at = min(item.of[1] for item in ledger.items)
        before = self.retrieve().latest_invoice
        waits = any(one.status == "draft" for one in ledger.invoices)  # its balance is not known
        preview = None if waits else self.preview({"subscription": self.subscription})
        self.advance(at + self.random.choice([0, 0, 1, 3600]))
        after = self.retrieve().latest_invoice
        assert waits or (preview is None) is (after == before)
        if preview is not None:
            self.same(preview, after)

    def advance(self, to: int) -> None:
        self.account.advance(to)
        self.ledger.advance(to)

    # --- What came ---

    def retrieve(self) -> Any:
        return self.v1.subscriptions.retrieve(self.subscription)

    def preview(self, params: dict[str, Any]) -> Any:
        """Return the preview of what a request, or time, would bring; None if there is none."""
        top = {name: params[name] for name in ("customer", "subscription") if name in params}
        details = {name: value for name, value in params.items() if name not in top}
        if "discounts" in details:
            top["discounts"] = details.pop("discounts")
        if details:
            top["subscription_details"] = details
        try:
            return self.v1.invoices.create_preview(top).to_dict()
        except stripe.InvalidRequestError as refused:
            if refused.code != "invoice_upcoming_none":
                raise
            return None

    def same(self, preview: Any, id: str | None) -> None:
        """Compare a preview with the invoice that came."""
        if id is None:
            return
        assert preview is not None
        came = self.v1.invoices.retrieve(id).to_dict()
        names = (
            "amount_due", "billing_reason", "currency", "period_end", "period_start",
            "starting_balance", "subtotal", "subtotal_excluding_tax", "total",
            "total_excluding_tax",
        )  # fmt: skip
        assert {n: preview[n] for n in names} == {n: came[n] for n in names}
        assert self._lines(preview) == self._lines(came)

    def _lines(self, invoice: Any) -> list[dict[str, Any]]:
        return [
            {name: line[name] for name in ("amount", "description", "period", "quantity")}
            | {"off": [one["amount"] for one in line["discount_amounts"]]}
            | {"taxes": [one["amount"] for one in line["taxes"]]}
            for line in invoice["lines"]["data"]
        ]

    def check(self, last: int) -> None:
        """Hold the newest invoices to the ledger, and the customer's balance."""
        there = [
            one.to_dict()
            for one in self.v1.invoices.list({"customer": self.customer, "limit": last}).data
        ]
        assert self.account.store.invoices.count() == len(self.ledger.invoices)
        for shown, wanted in zip(there, reversed(self.ledger.invoices), strict=False):
            self.check_invoice(shown, wanted)
        assert self.v1.customers.retrieve(self.customer).balance == self.ledger.balance
        if self.subscription:
            subscription = self.retrieve()
            assert subscription.status == self.ledger.status
            found = {
                item.id: (item.current_period_start, item.current_period_end)
                for item in subscription["items"].data
            }
            assert found == {item.id: item.of for item in self.ledger.items}

    def check_invoice(self, shown: Any, wanted: Invoice) -> None:
        lines = shown["lines"]["data"]
        if shown["lines"]["has_more"]:
            lines = [
                one.to_dict()
                for one in self.v1.invoices.line_items.list(shown["id"]).auto_paging_iter()
            ]
        keys, due_keys = [self._key(line) for line in lines], [line.key() for line in wanted.lines]
        assert keys == due_keys, [(line["description"], line["parent"]) for line in lines]
        for line, due in zip(lines, wanted.lines, strict=True):
            off = [one["amount"] for one in line["discount_amounts"]]
            assert off == [amount for amount in due.entry.off.values() if amount]
            taxes = {t["tax_rate_details"]["tax_rate"]: t["amount"] for t in line["taxes"]}
            assert taxes == due.entry.taxes
        bill = wanted.bill
        assert (shown["subtotal"], shown["total"]) == (bill.subtotal, bill.total)
        off = [one["amount"] for one in shown["total_discount_amounts"]]
        assert sorted(off) == sorted(bill.discounts.values())
        taxes = {
            t["tax_rate_details"]["tax_rate"]: t["amount"]
            for t in shown["total_taxes"]
            if t["amount"]
        }
        assert taxes == bill.taxes
        within = {rate.name for line in wanted.lines for rate in line.entry.rates}
        assert set(taxes) <= within
        assert shown["total_excluding_tax"] == bill.total - sum(bill.taxes.values())
        assert shown["billing_reason"] == wanted.reason
        assert shown["created"] == wanted.created
        if wanted.status == "paid":
            assert (shown["status"], shown["amount_due"]) == ("paid", wanted.due)
            assert shown["amount_paid"] == wanted.due
            assert (shown["starting_balance"], shown["ending_balance"]) == (
                wanted.start_balance, wanted.end_balance,
            )  # fmt: skip
        else:
            assert shown["status"] == "draft"

    def _key(self, line: Any) -> tuple[object, ...]:
        parent = line["parent"]
        details = parent["subscription_item_details"]
        product = line["pricing"]["price_details"]["product"] if details else ""
        of = (line["period"]["start"], line["period"]["end"])
        return (
            line["amount"], line["quantity"], of, product,
            bool(details and details["proration"]),
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_any_history_is_billed_as_the_ledger_says(account: Any, seed: int) -> None:
    history = History(account, Random(seed))
    done = []
    for _ in range(STEPS):
        done.append(history.act())
        try:
            history.check(4)
        except AssertionError:
            print(seed, done)
            raise
    history.check(100)
