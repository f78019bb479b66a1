"""Charges: each try to take money; made by payment intents, or by the older way of sources."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.objects import due, listing, registry
from tigerstripe.objects.resource import (
    Filters,
    Ids,
    Inclusions,
    Resource,
    operation,
    ordered,
    private,
)
from tigerstripe.payments import amounts, bank, books, cards, charging, connect, testing_cards
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.capturing import TOO_MUCH
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

HOLD = "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
NO_SOURCE = (
    "This Customer doesn't have any saved payment details. Attach a legacy Token, Card, Bank "
    "Account, or Source to this Customer and then try this request again, or use Payment Intents "
    "and Payment Methods instead."
)
NO_OLD_SOURCE = (
    "This Customer doesn't have any legacy saved payment details, but does have a Payment Method "
    "attached. Use a Payment Intent instead of creating a Charge: "
    "https://stripe.com/docs/payments/payment-intents/migration"
)

AT_ONCE = "available_at_once"
"""The outcome in `testing_cards` of payments whose money is available at once."""

PLAIN = {
    "application_fee_amount": None,
    "description": None,
    "on_behalf_of": None,
    "receipt_email": None,
    "shipping": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}


class Charges(Resource):
    """Charges."""

    object = "charge"
    table = "charges"
    prefix = "ch"
    told: frozenset[str] = Resource.told - {"created"}  # the bank's answer is told of
    not_yet: tuple[str, ...] = ("application_fee", "destination")
    standard: frozenset[str] = Resource.standard | {"search"}
    searchable: frozenset[str] = frozenset((
        "amount", "created", "currency", "customer", "disputed", "refunded", "status",
        "billing_details.address.postal_code", "payment_method_details.card.brand",
        "payment_method_details.card.exp_month", "payment_method_details.card.exp_year",
        "payment_method_details.card.fingerprint", "payment_method_details.card.last4",
    ))  # fmt: skip
    listed_of: tuple[str, ...] = ("customer", "payment_intent")
    filters: Filters = {"transfer_group": lambda record, wanted: record["transfer_group"] == wanted}

    def view(self, work: Work, record: Record) -> Record:
        """Return a charge; one captured later by itself has no transaction in the same answer."""
        if work.request_id is not None and private(record).get("by") == work.request_id:
            return connect.hidden(record)
        return record

    # --- Money comes in ---

    def taken(self, work: Work, charge: Record, method: Record, amount: int) -> Record:
        """Return a charge with an amount of it taken, in the books too; not stored yet."""
        is_card = method["type"] == "card"
        posted = books.post(
            work,
            charge["id"],
            amount,
            charge["currency"],
            type="charge" if is_card else "payment",
            category="charge",
            fee=books.fee_of(work, amount),
            application_fee=connect.fee_of_charge(work, charge, amount),
            description=charge["description"],
            at_once=bank.follows(method) == AT_ONCE,
        )
        return {
            **charge,
            "amount_captured": charge["amount_captured"] + amount,
            "balance_transaction": posted["id"],
            "captured": True,
        }

    def follow(self, work: Work, charge: Record, method: Record) -> Record:
        """Carry out what follows a payment; return the charge after it.

        Its money goes where it belongs, and a test card has more in store.
        """
        later = bank.follows(method) or ""
        charge = connect.shared(work, charge, at_once=later == AT_ONCE)
        if later == "inquiry" or later.startswith("dispute_"):
            reason = later.removeprefix("dispute_") if later != "inquiry" else "fraudulent"
            disputes = registry.need("dispute")
            is_inquiry = later == "inquiry"
            charge = disputes.open(work, charge, reason=reason, is_inquiry=is_inquiry)[0]
        elif later == "fraud_warning":
            registry.need("radar.early_fraud_warning").warn(work, charge)
        if bank.risk(method) == "elevated":
            charge = registry.need("review").open_for(work, charge)
        return charge

    # --- The older way ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take money from a token, or from a card that a customer has."""
        for name in ("amount", "currency"):
            if params.get(name) is None:
                raise errors.missing(name)
        currency = money.currency(params["currency"])
        amounts.check_positive(params["amount"])
        amounts.check(params["amount"], currency)
        customer, source, method = self._source(work, params)
        of = {**PLAIN, **{n: v for n, v in params.items() if n in PLAIN}, "currency": currency}
        of.update(customer=customer, metadata=params.get("metadata") or {})
        of.update(connect.fields(work, params))
        connect.check_charge(work, of)
        attempt = Attempt(method)
        fields = charging.fields(work, of, method, params["amount"])
        fields.update(payment_method=source["id"], source=source)
        answer = bank.asked(work, attempt)
        if answer.verdict != "approved":
            self._decline(work, fields, attempt, answer.decline or "authentication_required")
        is_captured = params.get("capture") is not False
        until = None if is_captured else work.now + charging.HELD_S
        fields.update(charging.approved(fields, attempt, hold_until=until))
        fields[PRIVATE] = {"number": private(method)["number"]}
        charge = self.add(work, fields)
        if is_captured:
            charge = self.taken(work, charge, method, charge["amount"])
            work.put(self.table, charge)
        else:
            due.schedule(work, self.object, charge["id"], work.now + charging.HELD_S)
        work.tell("charge.succeeded", charge)
        return self.follow(work, charge, method) if is_captured else charge

    def _decline(self, work: Work, fields: Record, attempt: Attempt, decline: str) -> None:
        fields.update(charging.refused(fields, attempt, decline))
        charge = self.add(work, fields)
        work.tell("charge.failed", charge)
        raise testing_cards.declined(decline, charge=charge["id"])

    def _source(self, work: Work, params: Params) -> tuple[str | None, Record, Record]:
        """Return the customer, the card, and the card as a payment method; raises `Refused`."""
        id, customer = params.get("source"), params.get("customer")
        if id is None and customer is None:
            message = "Must provide source or customer."
            raise Refused(message, code="parameter_missing", param="source")
        if customer is None:
            card, number = self._of_token(work, str(id))
            return None, card, cards.as_method(card, number)
        owner = registry.need("customer").given(work, customer, "customer")
        card = self._of_customer(work, owner, id)
        return customer, _as_source(card), cards.as_method(card, private(card)["number"])

    def _of_token(self, work: Work, id: str) -> tuple[Record, str]:
        token = registry.need("token").unspent(work, id, "source")
        work.put("tokens", {**token, "used": True})
        card = {**token["card"], "customer": None}
        number = private(token)["card"]["number"]
        checks = cards.checked(number, {"cvc_check": card["cvc_check"]})
        return _as_source({**card, **checks}), number

    def _of_customer(self, work: Work, owner: Record, id: str | None) -> Record:
        """Return a card of a customer's, or their default one."""
        card = work.get("cards", id or owner["default_source"] or "")
        if card is not None and card["customer"] == owner["id"]:
            return card
        if id is not None:
            message = f"Customer {owner['id']} does not have card with ID {id}"
            raise Refused(message, status=404, code="resource_missing", param="card")
        has_method = work.find_by("payment_methods", "customer", owner["id"])
        message = NO_OLD_SOURCE if has_method else NO_SOURCE
        raise Refused(message, status=402, type="card_error", code="missing", param="card")

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a charge with other details."""
        given = params.pop("fraud_details", None)
        if given is not None:
            report = given["user_report"]
            params["fraud_details"] = {"user_report": report} if report else {}
        if params.get("customer") is not None:
            registry.need("customer").given(work, params["customer"], "customer")
        if "shipping" in params:
            params["shipping"] = charging.shipping(params["shipping"])
        return {**old, **params}

    @operation("POST /v1/charges/{charge}/capture")
    def capture(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take the money that a charge of the older way holds."""
        charge = self.named(work, ids)
        if charge["captured"] or charge["status"] == "failed":
            message = f"Charge {charge['id']} has already been captured."
            raise Refused(message, code="charge_already_captured")
        if charge["payment_intent"] is not None:
            raise Refused(
                f"This uncaptured Charge was created by a PaymentIntent "
                f"({charge['payment_intent']}). You must capture the PaymentIntent instead. For "
                f"more information, see {HOLD}"
            )
        if charge["refunded"]:
            message = f"Charge {charge['id']} has already been refunded."
            raise Refused(message, code="charge_already_refunded")
        given: int | None = params.get("amount")
        amount = charge["amount"] if given is None else given
        amounts.check_positive(amount)
        if amount > charge["amount"]:
            raise Refused(TOO_MUCH, code="amount_too_large")
        own = (
            "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
            "transfer_group",
        )  # fmt: skip
        charge = {
            **charge,
            **connect.changed(work, charge, {**params, "amount": amount}),
            **{name: params[name] for name in own if name in params},
        }
        method = cards.as_method(charge["source"], private(charge)["number"])
        due.cancel(work, charge["id"])
        return self.follow(work, self.captured(work, charge, method, amount), method)

    def captured(
        self, work: Work, old: Record, method: Record, amount: int, *, is_final: bool = True
    ) -> Record:
        """Take an amount that a charge holds, and tell of it.

        If it is final the rest is given back, and the charge is captured; the amount may be 0 then.
        """
        new = self.taken(work, old, method, amount) if amount else old
        new = {**new, "captured": is_final}
        rest = new["amount"] - new["amount_captured"]
        if is_final and rest:
            new = registry.need("refund").release(work, new, rest)
        return self.save(work, old, new, "captured" if is_final else "updated")

    def happen(self, work: Work, id: str) -> None:
        """Release the money of a charge of the older kind that nobody captured."""
        charge = work.get(self.table, id)
        if charge is not None and not (charge["captured"] or charge["refunded"]):
            reason = "expired_uncaptured_charge"
            released = registry.need("refund").release(work, charge, charge["amount"], reason)
            work.put(self.table, released)
            work.tell("charge.expired", released)

    # --- What is only there when it is expanded ---

    def _refunds(self, work: Work, record: Record, kept: Record) -> Record:
        found = work.find_by("refunds", "charge", record["id"])
        return {
            **listing.listed(found, False),
            "total_count": len(found),
            "url": f"/v1/charges/{record['id']}/refunds",
        }

    included: Inclusions = {"refunds": _refunds}


def _as_source(card: Record) -> Record:
    """Return a card as a charge shows it."""
    more = {"allow_redisplay": "unspecified", "email": None, "phone": None, "wallet": None}
    shown = {**more, **{n: v for n, v in card.items() if n not in (PRIVATE, "networks")}}
    return ordered({**shown, "object": "card"})


RESOURCE = Charges()
