"""A subscription's year as it has to be: which invoices come when, with which lines.

The ledger is told what is asked of the API, keeps the periods, debits and discounts itself, and
works out every amount with `billing_calculator`. It imports nothing of what it checks.

    classic    a credit is of the item's terms now, with the discounts that were used last; an
               amount off for all is taken off each item
    flexible   a credit is of what was billed; an amount off is spread as the items cost
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.model.billing_calculator import (
    Bill,
    Coupon,
    Entry,
    Period,
    Price,
    Rate,
    bill,
    cost,
    part,
    period,
    settle,
    step,
)

DRAFT_S = 3600
MINIMUM = 50


@dataclass(frozen=True)
class Given:
    """A coupon that somebody has since a time."""

    coupon: Coupon
    start: int

    def lasts(self, at: int) -> bool:
        """Whether invoices after its first one have it."""
        return self.coupon.duration != "once" and self.is_now(at)

    def is_used_up(self, took: dict[str, int]) -> bool:
        """Whether no invoice has it any more, after one on which discounts took something off."""
        return self.coupon.duration == "once" and self.coupon.name in took

    def is_now(self, at: int) -> bool:
        """Whether an invoice of a time has it."""
        months = self.coupon.months
        return not months or at < step(self.start, ("month", months), 1)


@dataclass(frozen=True)
class Debit:
    """What was billed of an item: for how much, until when."""

    amount: int
    of: Period
    product: str
    quantity: int


@dataclass
class Item:
    """An item of a subscription."""

    price: str
    quantity: int
    discounts: list[Given] = field(default_factory=list)
    rates: tuple[Rate, ...] = ()
    of: Period = (0, 0)
    debit: Debit | None = None
    used: tuple[list[Given], list[Given]] | None = None
    """The discounts that it was billed with last: its own, and those of all."""
    id: str = ""


@dataclass
class Line:
    """A line that an invoice has to have."""

    entry: Entry
    quantity: int
    of: Period
    is_proration: bool = False
    item: Item | None = None
    owner: int = 0
    """Which subscription it is of, by its number; 0: of none."""

    def key(self) -> tuple[object, ...]:
        """Return what can be compared with a line of the API."""
        return self.entry.amount, self.quantity, self.of, self.entry.product, self.is_proration


@dataclass
class Invoice:
    """An invoice that has to be there."""

    lines: list[Line]
    coupons: tuple[Coupon, ...]
    reason: str
    created: int
    bill: Bill
    status: str = "draft"
    due: int = 0
    start_balance: int = 0
    end_balance: int | None = None


class Ledger:
    """One customer with a subscription, and what has to come of it."""

    def __init__(self, now: int, products: dict[str, str], prices: dict[str, Price]) -> None:
        """Begin at a time; `products` has the product of each price."""
        self.now = now
        self.products, self.prices = products, prices
        self.balance = 0
        self.number = 0
        """Of the subscription that there is now."""
        self.waiting: list[Line] = []
        self.invoices: list[Invoice] = []
        self.items: list[Item] = []
        self.discounts: list[Given] = []
        self.rates: tuple[Rate, ...] = ()
        self.status = "none"
        self.anchor = 0
        self.trial_end = 0
        self.is_flexible = True
        self.ends = False
        self.is_paused = False

    # --- What is asked for ---

    def create(
        self,
        items: list[Item],
        discounts: list[Coupon],
        rates: tuple[Rate, ...],
        *,
        is_flexible: bool,
        trial_end: int = 0,
        anchor: int = 0,
        is_free: bool = False,
    ) -> None:
        """Begin a subscription; `is_free`: a first period that is short costs nothing."""
        self.number += 1
        self.items, self.rates, self.is_flexible = items, rates, is_flexible
        self.discounts = [Given(one, self.now) for one in discounts]
        self.trial_end = trial_end
        self.anchor = anchor or trial_end or self.now
        self.status = "trialing" if trial_end else "active"
        self.ends = self.is_paused = False
        for item in items:
            whole = period(self.anchor, self.every(item), self.now)
            item.of = (self.now, trial_end or whole[1])
        if is_free and anchor > self.now and not trial_end:
            return  # nothing is asked for before the first whole period
        self._issue("subscription_create", [self._line(item) for item in items], at_once=True)

    def give_discounts(self, discounts: list[Coupon], more: Iterable[Item] = ()) -> None:
        """Change to other discounts; `more`: items that are about to come."""
        self.discounts = [Given(one, self.now) for one in discounts]
        for item in {id(item): item for item in [*self.items, *more]}.values():
            item.used = item.used and (item.used[0], self.discounts)

    def change(
        self,
        items: list[Item],
        *,
        behavior: str = "create_prorations",
        at: int = 0,
        is_anew: bool = False,
        discounts: list[Coupon] | None = None,
    ) -> None:
        """Change to other items (the same object: not changed), or to periods from now on."""
        at = at or self.now
        if discounts is not None:
            self.give_discounts(discounts, items)
        old, rhythms = self.items, [self.every(item) for item in self.items]
        begins = self.every(items[0]) != rhythms[0] or (self._is_free(old) > self._is_free(items))
        is_classic_turn = begins and not self.is_flexible
        is_anew = is_anew or (is_classic_turn and self.status != "trialing")
        gone = [item for item in old if not any(one is item for one in items)]
        if self.status == "trialing" and not is_anew:
            for item in items:
                item.of = item.of if item.of != (0, 0) else old[0].of
            self.items = items
            return
        bills = self.status == "active" and behavior != "none"
        if is_anew:
            self._begin_anew(items, bills, at)
            return
        made, turns = [], False
        for before, after in self._pairs(old, gone, items):
            if before is not None and bills:
                made += self._credit(before, at)
            if after is None:
                continue
            is_turn = before is None or self.every(before) != self.every(after)
            turns |= before is not None and is_turn
            after.of = (
                period(self.anchor, self.every(after), at) if is_turn else before.of  # type: ignore[union-attr]
            )
        self.items = items
        debits = {id(new): new for new in items if not any(new is one for one in old)}
        lines: list[Line] = []
        for before, after in self._pairs(old, gone, items):
            lines += [one for one in made if before is not None and one.item is before]
            if after is not None and id(after) in debits and bills:
                lines.append(self._debit(after, at))
        self.waiting += lines
        if lines and (behavior == "always_invoice" or turns):
            self._issue("subscription_update", [], at_once=True)

    def end_trial(self) -> None:
        """End the trial now."""
        self.trial_end = self.now
        self._begin_anew(self.items, bills=False, at=self.now)

    # --- Time ---

    def advance(self, to: int) -> None:
        """Let time go on."""
        while (at := self._next(to)) is not None:
            self.now = at
            if self.status in ("active", "trialing") and any(one.of[1] <= at for one in self.items):
                self._renew()
            for invoice in self.invoices:
                if invoice.status == "draft" and invoice.created + DRAFT_S == at:
                    self._finalize(invoice)
        self.now = to

    def _next(self, to: int) -> int | None:
        times = [one.created + DRAFT_S for one in self.invoices if one.status == "draft"]
        if self.status in ("active", "trialing"):
            times += [item.of[1] for item in self.items]
        return min((time for time in times if time <= to), default=None)

    def _renew(self) -> None:
        if self.ends and self.status == "active":
            if any(line.owner in (0, self.number) for line in self.waiting):
                self._issue("subscription_cycle", [])
            self.status = "canceled"
            return
        self.status = "active"
        over = [item for item in self.items if item.of[1] <= self.now]
        for item in over:
            start = item.of[1]
            item.of = (start, period(self.anchor, self.every(item), start)[1])
        self._issue("subscription_cycle", [self._line(item) for item in over])

    # --- Lines ---

    def every(self, item: Item) -> tuple[str, int]:
        """Return how often an item is billed."""
        return self.prices[item.price].every

    def _entry(self, item: Item, amount: int, discounts: list[Given], **more: bool) -> Entry:
        coupons = tuple(one.coupon for one in discounts)
        return Entry(amount, self.products[item.price], coupons, item.rates, **more)

    def _line(self, item: Item) -> Line:
        """Return the line of an item's period, which may be shorter than others."""
        amount = 0
        if self.status != "trialing":
            whole = period(self.anchor, self.every(item), item.of[0])
            amount = part(cost(self.prices[item.price], item.quantity), whole, item.of[0])
        current = [one for one in item.discounts if one.is_now(self.now)]
        entry = self._entry(item, amount, current)
        item.used = current, [one for one in self.discounts if one.is_now(self.now)]
        return Line(entry, item.quantity, item.of, item=item)

    def _credit(self, item: Item, at: int) -> list[Line]:
        """Return what is given back of an item: nothing where nothing was billed."""
        of, product, quantity = item.of, self.products[item.price], item.quantity
        if self.is_flexible:
            debit, item.debit = item.debit, None
            if debit is None or debit.of[1] <= at:
                return []
            amount, of = part(-debit.amount, debit.of, at), debit.of
            product, quantity = debit.product, debit.quantity
        else:
            own, of_all = item.used or self._lasting(item)
            amount = part(-self._net_alone(item, [*own, *of_all]), of, at)
        entry = Entry(amount, product, (), item.rates, is_discountable=False)
        return [Line(entry, quantity, (at, of[1]), is_proration=True, item=item, owner=self.number)]

    def _debit(self, item: Item, at: int) -> Line:
        own, of_all = self._lasting(item)
        if self.is_flexible:
            net = self._net_together(item, of_all)
        else:
            net = self._net_alone(item, [*own, *of_all])
        amount = part(net, item.of, at)
        item.debit = Debit(amount, (at, item.of[1]), self.products[item.price], item.quantity)
        item.used = own, of_all
        entry = self._entry(item, amount, [], is_discountable=False)
        return Line(
            entry, item.quantity, (at, item.of[1]), is_proration=True, item=item, owner=self.number
        )

    def _is_free(self, items: list[Item]) -> bool:
        return not any(cost(self.prices[item.price], item.quantity) for item in items)

    def _lasting(self, item: Item) -> tuple[list[Given], list[Given]]:
        own = [one for one in item.discounts if one.lasts(self.now)]
        return own, [one for one in self.discounts if one.lasts(self.now)]

    def _net_together(self, item: Item, of_all: list[Given]) -> int:
        """Return what an item would cost on an invoice of whole periods of all."""
        entries = [
            self._entry(
                one,
                cost(self.prices[one.price], one.quantity),
                [given for given in one.discounts if given.lasts(self.now)],
            )
            for one in self.items
        ]
        bill(entries, tuple(one.coupon for one in of_all))
        return next(e.left for e, one in zip(entries, self.items, strict=True) if one is item)

    def _net_alone(self, item: Item, discounts: list[Given]) -> int:
        """Return what an item costs after discounts, as if it were alone."""
        entry = self._entry(item, cost(self.prices[item.price], item.quantity), discounts)
        bill([entry])
        return entry.left

    def _pairs(
        self, old: list[Item], gone: list[Item], new: list[Item]
    ) -> Iterable[tuple[Item | None, Item | None]]:
        """Return the items that change, each with what it becomes: those of one id are one."""
        ids = {item.id: item for item in new if item.id}
        kept = {id(item) for item in new}
        for item in old:
            if id(item) not in kept:
                yield item, ids.get(item.id)
        before = {item.id for item in old}
        for item in new:
            if item.id not in before:
                yield None, item

    # --- Invoices ---

    def _begin_anew(self, items: list[Item], bills: bool, at: int) -> None:
        old = self.items
        credits = [line for one in old for line in (self._credit(one, at) if bills else [])]
        self.waiting += credits
        self.items, self.anchor, self.status = items, self.now, "active"
        for item in items:
            item.of = (self.now, step(self.now, self.every(item), 1))
        lines = [self._line(item) for item in items]
        self._issue("subscription_update", lines, at_once=True)

    def _issue(self, reason: str, lines: list[Line], *, at_once: bool = False) -> None:
        given = [one for one in self.discounts if one.is_now(self.now)]
        coupons = tuple(one.coupon for one in given)
        mine = [line for line in self.waiting if line.owner in (0, self.number)]
        self.waiting = [line for line in self.waiting if line.owner not in (0, self.number)]
        content = [*mine, *lines]
        entries = [
            replace(line.entry, rates=line.entry.rates or self.rates, off={}, taxes={})
            for line in content
        ]
        for line, entry in zip(content, entries, strict=True):
            line.entry = entry
        invoice = Invoice(content, coupons, reason, self.now, bill(entries, coupons))
        for line in lines:
            if line.item is not None:
                entry = line.entry
                line.item.debit = Debit(entry.left, line.of, entry.product, line.quantity)
        took = invoice.bill.discounts
        self.discounts = [one for one in self.discounts if not one.is_used_up(took)]
        for line in lines:
            if line.item is not None:
                discounts = line.item.discounts
                line.item.discounts = [one for one in discounts if not one.is_used_up(took)]
        invoice.start_balance = self.balance
        self.invoices.append(invoice)
        if self.is_paused and reason == "subscription_cycle":
            invoice.status = "held"
        elif at_once:
            self._finalize(invoice)

    def _finalize(self, invoice: Invoice) -> None:
        invoice.start_balance = self.balance
        invoice.due, self.balance = settle(invoice.bill.total, self.balance, MINIMUM)
        invoice.end_balance = self.balance
        invoice.status = "paid"
