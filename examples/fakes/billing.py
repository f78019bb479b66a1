"""A fake of the billing service, in the shape of Stripe's.

Several processes use it at once. Three ways to be right, each the simplest for its place: `create`
(a number that nobody else has), `modify` (one record), and a batch with `if_version` (records that
belong together, written only if what was read still stands).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from fakes.races import read, retried
from shop.billing import BillingError, Lines, Object
from tiger import AlreadyExists, NotFound, Store, TimedOut
from tiger.batch import Batch

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
SECRET = b"whsec_example"
ATTEMPTS_MAX = 3
"""How often a webhook is delivered that is not acknowledged."""
PATIENCE_S = 5.0


class FakeBilling:
    """The service: what the shop asks for first, then what happens without the shop."""

    def __init__(self, store: Store) -> None:
        """Keep everything in an account of the store."""
        self.store = store

    # --- What the shop asks for (shop.billing.Billing) ---

    def ensure_customer(self, email: str) -> Object:
        for customer in self.store.customers.find_by_email(email):
            return customer
        wanted = {"object": "customer", "email": email, "card": GOOD_CARD, "created": now()}
        return self._once(f"customer {email}", email, lambda b: b.customers.insert(wanted))

    def prices(self) -> Iterator[Object]:
        return self.store.prices.list(limit=100, active=True).auto_paging_iter()

    def open_session(
        self, customer: str, lines: Lines, *, reference: str, coupon: str | None = None
    ) -> Object:
        session = {
            "object": "checkout.session",
            "customer": customer,
            "client_reference_id": reference,
            "line_items": dict(lines),
            "coupon": coupon,
            "amount_total": self._amount(lines, coupon),
            "status": "open",
            "created": now(),
        }
        request = [customer, dict(lines), coupon]
        return self._once(reference, request, lambda b: b.checkout_sessions.insert(session))

    def refund(self, reference: str) -> Object:
        (session,) = self.store.checkout_sessions.find_by("client_reference_id", reference)
        if session["status"] != "complete":
            raise BillingError(f"{reference} was not paid")
        refund = {"object": "refund", "amount": session["amount_total"], "created": now()}
        return self._once(f"refund {reference}", None, lambda b: b.refunds.insert(refund))

    def subscribe(self, customer: str, price: str) -> Object:
        with self.store.batch() as batch:
            subscription = batch.subscriptions.insert(
                {
                    "object": "subscription",
                    "customer": customer,
                    "price": price,
                    "status": "active",
                    "created": now(),
                }
            )
            self._emit(batch, "customer.subscription.created", subscription)
        self.bill(subscription["id"])
        return self.store.subscriptions.get(subscription["id"])

    def cancel(self, subscription: str) -> Object:
        changes = {"status": "canceled"}
        return self._change("subscriptions", subscription, changes, "customer.subscription.deleted")

    def invoices(self, customer: str) -> Iterator[Object]:
        return self.store.invoices.list(limit=100, customer=customer).auto_paging_iter()

    def deliveries(self) -> Iterator[Object]:
        """Yield what is to be delivered, oldest first, and wait for more while the test runs."""
        table = self.store.webhook_deliveries
        while True:
            try:
                table.wait_for(status="pending", timeout_s=PATIENCE_S)
            except TimedOut:
                self.store.ping()  # raises if the test run was killed, and so ends a worker of it
            for waiting in reversed(table.find_by("status", "pending")):
                with contextlib.suppress(Taken):
                    yield table.modify(waiting["id"], take)

    def acknowledge(self, delivery: Object, error: str | None = None) -> None:
        attempts = delivery["attempts"] + 1
        if error is None:
            status = "succeeded"
        else:
            status = "pending" if attempts < ATTEMPTS_MAX else "failed"
        changes = {"status": status, "attempts": attempts, "error": error}
        self.store.webhook_deliveries.patch(delivery["id"], changes)

    def read_webhook(self, payload: str, signature: str) -> Object:
        if not hmac.compare_digest(sign(payload), signature):
            raise BillingError("this webhook has a wrong signature")
        event: Object = json.loads(payload)
        return event

    # --- What happens without the shop ---

    def pay(self, session: str, card: str = GOOD_CARD) -> Object:
        """Let the customer pay on the page; return the payment, made or declined."""
        return retried(lambda: self._pay(session, card))

    def _pay(self, id: str, card: str) -> Object:
        session, version = read(self.store.checkout_sessions, id)
        if session["status"] != "open":
            raise BillingError(f"session {id} is {session['status']}")
        payment = {
            "object": "payment_intent",
            "customer": session["customer"],
            "amount": session["amount_total"],
            "status": "requires_payment_method" if card == DECLINED_CARD else "succeeded",
            "created": now(),
        }
        with self.store.batch() as batch:
            payment = batch.payment_intents.insert(payment)
            if card == DECLINED_CARD:
                self._emit(batch, "payment_intent.payment_failed", payment)
                return payment
            if session["coupon"]:
                self._redeem(batch, session["coupon"])
            session |= {"status": "complete", "payment_intent": payment["id"]}
            batch.checkout_sessions.update(session, if_version=version)
            self._emit(batch, "checkout.session.completed", session)
        return payment

    def expire(self, session: str) -> Object:
        """Let the customer go away without paying."""
        changes = {"status": "expired"}
        return self._change("checkout_sessions", session, changes, "checkout.session.expired")

    def bill(self, subscription: str) -> Object:
        """Let a month pass; return its invoice, paid or not."""
        return retried(lambda: self._bill(subscription))

    def _bill(self, id: str) -> Object:
        subscription, version = read(self.store.subscriptions, id)
        if subscription["status"] == "canceled":
            raise BillingError(f"subscription {id} is canceled")
        customer = self.store.customers.get(subscription["customer"])
        is_paid = customer["card"] != DECLINED_CARD
        amount = self.store.prices.get(subscription["price"])["unit_amount"]
        with self.store.batch() as batch:
            invoice = batch.invoices.create(
                {
                    "id": f"in_{self.store.invoices.count() + 1:06}",  # there are no gaps
                    "object": "invoice",
                    "customer": customer["id"],
                    "subscription": id,
                    "status": "paid" if is_paid else "open",
                    "amount_due": amount,
                    "amount_paid": amount if is_paid else 0,
                    "attempt_count": 1 + (subscription["status"] == "past_due"),
                    "created": now(),
                }
            )
            subscription["status"] = "active" if is_paid else "past_due"
            batch.subscriptions.update(subscription, if_version=version)
            self._emit(batch, "invoice.paid" if is_paid else "invoice.payment_failed", invoice)
        return invoice

    # --- Within ---

    def _once(self, key: str, request: Any, make: Callable[[Batch], Object]) -> Object:
        """Do what is asked, unless it was done under this key before: then answer as then."""
        try:
            with self.store.batch() as batch:
                answer = make(batch)
                batch.idempotency_keys.create({"id": key, "request": request, "answer": answer})
        except AlreadyExists:
            earlier: Object = self.store.idempotency_keys.get(key)
            if earlier["request"] != request:
                raise BillingError(f"key {key!r} was used for something else") from None
            answer = earlier["answer"]
        return answer

    def _change(self, table: str, id: str, changes: Object, report: str) -> Object:
        """Change what is not settled yet, and report it with the same commit."""

        def attempt() -> Object:
            content, version = read(self.store.table(table), id)
            if content["status"] in ("complete", "expired", "canceled"):
                raise BillingError(f"{id} is {content['status']}")
            with self.store.batch() as batch:
                content = batch.table(table).update({**content, **changes}, if_version=version)
                self._emit(batch, report, content)
            return content

        return retried(attempt)

    def _amount(self, lines: Lines, coupon: str | None) -> int:
        try:
            amounts = {price: self.store.prices.get(price)["unit_amount"] for price in lines}
            discount = self.store.coupons.get(coupon) if coupon else {"percent_off": 0}
        except NotFound as error:
            raise BillingError(str(error)) from None
        if coupon and not discount["valid"]:
            raise BillingError(f"coupon {coupon} is not valid any more")
        full: int = sum(amounts[price] * quantity for price, quantity in lines.items())
        percent: int = 100 - discount["percent_off"]
        return full * percent // 100

    def _redeem(self, batch: Batch, id: str) -> None:
        """Count a coupon's use, and end it with the last one."""
        coupon, version = read(self.store.coupons, id)
        if not coupon["valid"]:
            raise BillingError(f"coupon {id} is not valid any more")
        coupon["times_redeemed"] += 1
        coupon["valid"] = coupon["times_redeemed"] != coupon["max_redemptions"]
        batch.coupons.update(coupon, if_version=version)

    def _emit(self, batch: Batch, type: str, about: Object) -> None:
        """Report something, with what it is about: to the log, and to who wants to know."""
        event = {"object": "event", "type": type, "created": now(), "data": {"object": about}}
        event = batch.events.insert(event)
        payload = json.dumps(event)
        for endpoint in self.store.webhooks.find_active():
            if type in endpoint["enabled_events"]:
                batch.webhook_deliveries.insert(
                    {
                        "endpoint": endpoint["id"],
                        "event_type": type,
                        "payload": payload,
                        "signature": sign(payload),
                        "status": "pending",
                        "attempts": 0,
                        "created": event["created"],
                    }
                )


class Taken(Exception):
    """Another process has this delivery."""


def take(delivery: Object) -> None:
    if delivery["status"] != "pending":
        raise Taken
    delivery["status"] = "sent"


def sign(payload: str) -> str:
    return hmac.new(SECRET, payload.encode(), hashlib.sha256).hexdigest()


def now() -> int:
    return int(time.time())
