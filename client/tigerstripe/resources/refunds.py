"""Refunds: money of a charge goes back: at once, later, or in the end not at all."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Ids, Resource, operation, ordered, private
from tigerstripe.payments import bank, books, cash, connect
from tigerstripe.payments.amounts import check_positive
from tigerstripe.payments.testing_banks import SLOW_S
from tigerstripe.records import Params, Record
from tigerstripe.resources.charges import HOLD
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import PRIVATE, Work

NEITHER = (
    "One of the following params should be provided for this request: payment_intent or charge."
)
NO_CANCEL = "Canceling this refund is unsupported."
NO_EMAIL = (
    "A bank transfer is refunded to the bank account that its customer tells by an e-mail: give "
    "instructions_email, or let the customer have an email."
)
ANSWER_S = 45 * 24 * 3600
"""How long a customer has to tell where their bank transfer goes back to."""
ASKED = "requires_action"
"""The status of a refund while its customer is asked where it goes."""
WAITING = ("pending", ASKED)


class Refunds(Resource):
    """Refunds."""

    object = "refund"
    table = "refunds"
    prefix = "re"
    has_livemode = False
    listed_of: tuple[str, ...] = ("charge", "payment_intent")
    failures: frozenset[str] = frozenset((
        "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card",
        "insufficient_funds", "lost_or_stolen_card", "merchant_request", "unknown",
    ))  # fmt: skip
    """Why a refund may fail, as Stripe's reference says."""
    not_yet: tuple[str, ...] = ("customer", "origin")

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give money of a charge back."""
        charge = self._charge(work, params)
        amount = self._amount(charge, params)
        if not _has_taken(charge):
            return self._void(work, charge, amount, params)
        method = self._method(work, charge)
        later = bank.follows(method) if method is not None else None
        fields = self._fields(charge, amount, params, "succeeded")
        fields["id"] = new_id("re" if charge["id"].startswith("ch_") else "pyr", 24)
        if method is not None and method["type"] == cash.TYPE:
            fields.update(self._asked(work, charge, params))
        elif params.get("instructions_email") is not None:
            raise errors.not_built_parameter(
                "instructions_email of a payment that was no bank transfer"
            )
        elif later == "refund_pending":
            fields["status"] = "pending"
        is_waiting = fields["status"] in WAITING
        if not is_waiting:
            fields["balance_transaction"] = self._posted(work, fields, charge)["id"]
        reversal, fee_refund = connect.given_back(work, charge, fields, params)
        fields["transfer_reversal"] = reversal
        if fee_refund is not None:
            fields[PRIVATE] = {"fee_refund": fee_refund}
        refund = self.add(work, fields)
        if is_waiting or later == "refund_fails":
            after = ANSWER_S if refund["status"] == ASKED else SLOW_S
            due.schedule(work, self.object, refund["id"], work.now + after)
        if is_waiting:
            waiting = private(charge).get("refunding", 0) + amount
            work.put("charges", {**charge, PRIVATE: {**private(charge), "refunding": waiting}})
        else:
            self._counted(work, charge, amount)
        return refund

    def _asked(self, work: Work, charge: Record, params: Params) -> Record:
        """Return the fields of a refund that asks its customer where it goes; raises `Refused`."""
        customer = work.get("customers", charge["customer"] or "") or {}
        email = params.get("instructions_email") or customer.get("email")
        if email is None:
            raise Refused(NO_EMAIL, param="instructions_email")
        sent = {"email_sent_at": work.now, "email_sent_to": email}
        details = {"email_sent": sent, "expires_at": work.now + ANSWER_S}
        return {
            "instructions_email": email,
            "next_action": {"display_details": details, "type": "display_details"},
            "status": ASKED,
        }

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed refund, and tell of it by its own event and the charge's."""
        saved = super().save(work, old, new, event)
        previous = previous_attributes(old, saved)
        if previous:
            work.tell("charge.refund.updated", saved, previous)
        return saved

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of refunds; it says how many are in it, as recorded."""
        page = super().list(work, ids, params)
        return {"object": page["object"], "count": len(page["data"]), **page}

    def of_reversal(self, work: Work, payment: str, reversal: str, amount: int) -> Record:
        """Make the refund that the reversal of a transfer is in the account that had got it."""
        charge = work.get("charges", payment)
        assert charge is not None, payment
        fields = self._fields(charge, amount, {}, "succeeded")
        fields.update(id=new_id("pyr", 24), source_transfer_reversal=reversal)
        fields["balance_transaction"] = self._posted(work, fields, charge)["id"]
        refund = self.add(work, fields)
        self._counted(work, charge, amount)
        return refund

    # --- What is refunded ---

    def _charge(self, work: Work, params: Params) -> Record:
        """Return the charge that a request means; raises `Refused` if none of it can go back."""
        id, intent = params.get("charge"), params.get("payment_intent")
        if id is None and intent is None:
            raise Refused(NEITHER)
        if id is None:
            found = registry.need("payment_intent").named(work, {"intent": intent})
            id = found["latest_charge"]
        charge = work.get("charges", id) if id is not None else None
        if charge is None and intent is None:
            raise errors.no_such("charge", str(id), "id", in_path=True)
        if charge is None or charge["status"] != "succeeded":
            of = intent or (charge and charge["payment_intent"])
            what = f"This PaymentIntent ({of})" if of else f"Charge {id}"
            raise Refused(f"{what} does not have a successful charge to refund.")
        if intent is not None and charge["payment_intent"] != intent:
            raise Refused(f"Charge {id} is not of PaymentIntent {intent}.", param="charge")
        if private(charge).get("is_charged_back"):
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise Refused(message, code="charge_disputed")
        if not _has_taken(charge) and charge["payment_intent"] is not None:
            raise Refused(
                f"This uncaptured Charge was created by a PaymentIntent "
                f"({charge['payment_intent']}). You must cancel the PaymentIntent to reverse the "
                f"authorization instead of refunding the Charge directly. For more information, "
                f"see {HOLD}"
            )
        return charge

    def _amount(self, charge: Record, params: Params) -> int:
        """Return the amount of a refund: by default the rest; raises `Refused`."""
        is_held = _has_taken(charge) and not charge["captured"]
        whole = charge["amount_captured"] if is_held else charge["amount"]
        left = whole - charge["amount_refunded"] - private(charge).get("refunding", 0)
        if left <= 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise Refused(message, code="charge_already_refunded")
        amount: int | None = params.get("amount")
        if amount is None:
            return int(left)
        check_positive(amount)
        if amount > left:
            shown = f"({money.shown(amount, charge['currency'])})"
            of = "charge amount" if left == charge["amount"] else "unrefunded amount on charge"
            rest = f"({money.shown(left, charge['currency'])})"
            message = f"Refund amount {shown} is greater than {of} {rest}"
            raise Refused(message, param="amount")
        return amount

    def _method(self, work: Work, charge: Record) -> Record | None:
        """Return the payment method of a charge, as the bank knows it."""
        if charge["source"] is not None:
            return {"type": "card", PRIVATE: private(charge)}
        return work.get("payment_methods", charge["payment_method"])

    def _fields(self, charge: Record, amount: int, params: Params, status: str) -> Record:
        fields = {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "metadata": params.get("metadata"),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": status,
            "transfer_reversal": None,
        }
        if charge["id"].startswith("ch_"):
            card = {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
            kind = "refund" if _has_taken(charge) else "reversal"
            fields["destination_details"] = {"card": {**card, "type": kind}, "type": "card"}
        return fields

    # --- Its money ---

    def _posted(self, work: Work, refund: Record, charge: Record) -> Record:
        is_card = charge["id"].startswith("ch_")
        return books.post(
            work,
            refund["id"],
            -refund["amount"],
            refund["currency"],
            type="refund" if is_card else "payment_refund",
            category="refund",
            description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
        )

    def _counted(self, work: Work, charge: Record, amount: int) -> None:
        """Count an amount as given back, and tell of it; less than 0: it came back."""
        refunded = charge["amount_refunded"] + amount
        new = {
            **charge,
            "amount_refunded": refunded,
            "refunded": refunded == charge["amount"],
        }
        event = "refunded" if amount > 0 else "updated"
        registry.need("charge").save(work, charge, new, event)
        if amount > 0:
            registry.need("radar.early_fraud_warning").refunded(work, charge["id"])
            if new["refunded"]:
                registry.need("review").closed_by(work, charge["id"], "refunded")

    def release(self, work: Work, charge: Record, amount: int, reason: str | None = None) -> Record:
        """Release money that was held and not captured, and return the charge; no money has moved.

        The refund is there without an event of its own, as recorded of captures of a part.
        """
        held = {**charge, "amount_captured": 0, "captured": False}
        fields = self._fields(held, amount, {"reason": reason}, "succeeded")
        work.put(self.table, self.record(work, fields))
        refunded = charge["amount_refunded"] + amount
        is_all = refunded == charge["amount"]
        return {**charge, "amount_refunded": refunded, "refunded": is_all}

    def _void(self, work: Work, charge: Record, amount: int, params: Params) -> Record:
        """Release the money that a charge of the older way holds; only all of it can be."""
        if amount < charge["amount"]:
            message = "A charge that was not captured can be refunded as a whole only."
            raise Refused(message, param="amount")
        fields = self._fields(charge, amount, params, "succeeded")
        refund = self.add(work, fields)
        self._counted(work, charge, amount)
        due.cancel(work, charge["id"])
        return refund

    # --- Later ---

    def happen(self, work: Work, id: str) -> None:
        """Decide a refund as its test card says: one that waits succeeds, another one fails.

        So does one whose customer has not told in time where to.
        """
        refund = work.get(self.table, id)
        if refund is not None:
            self.settle(work, refund, succeed=refund["status"] == "pending")

    def settle(
        self, work: Work, refund: Record, *, succeed: bool, failure: str | None = None
    ) -> None:
        """Let a bank take a refund that waits, or send one back.

        Of one whose customer was asked where to, that they have told.
        """
        due.cancel(work, refund["id"])
        charge = work.get("charges", refund["charge"])
        assert charge is not None, refund
        if succeed and refund["status"] == ASKED:
            told = {name: value for name, value in refund.items() if name != "next_action"}
            refund = self.save(work, refund, {**told, "status": "pending"})
        was_waiting = refund["status"] in WAITING
        if was_waiting:
            charge = self._waits_no_longer(work, charge, refund)
        if succeed:
            posted = self._posted(work, refund, charge)
            new = {**refund, "balance_transaction": posted["id"], "status": "succeeded"}
            self.save(work, refund, new)
            self._counted(work, charge, refund["amount"])
            return
        connect.kept(work, refund)
        new = {**refund, "failure_reason": failure or "unknown", "status": "failed"}
        new.pop("next_action", None)
        if not was_waiting:
            back = books.post(
                work,
                refund["id"],
                refund["amount"],
                refund["currency"],
                type="refund_failure",
                category="refund_failure",
                description=f"REFUND FAILURE ({refund['id']})",
            )
            new["failure_balance_transaction"] = back["id"]
        new = ordered(new)
        self.save(work, refund, new)
        work.tell("refund.failed", new)
        if not was_waiting:
            self._counted(work, charge, -refund["amount"])

    def _waits_no_longer(self, work: Work, charge: Record, refund: Record) -> Record:
        waiting = private(charge)["refunding"] - refund["amount"]
        charge = {**charge, PRIVATE: {**private(charge), "refunding": waiting}}
        work.put("charges", charge)
        return charge

    @operation("POST /v1/refunds/{refund}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Cancel a refund while its customer is asked where it goes."""
        refund = self.named(work, ids)
        if refund["status"] != ASKED:
            raise Refused(NO_CANCEL)
        due.cancel(work, refund["id"])
        charge = work.get("charges", refund["charge"])
        assert charge is not None, refund
        self._waits_no_longer(work, charge, refund)
        connect.kept(work, refund)
        rest = {name: value for name, value in refund.items() if name != "next_action"}
        return self.save(work, refund, {**rest, "status": "canceled"})

    @operation("POST /v1/test_helpers/refunds/{refund}/expire")
    def expire(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a customer not have told in time where a refund goes."""
        refund = self.named(work, ids)
        if refund["status"] != ASKED:
            raise Refused(
                f"Refund {refund['id']} has the status {refund['status']}: only one that is "
                f"{ASKED} can expire."
            )
        self.settle(work, refund, succeed=False)
        return self.named(work, ids)


def _has_taken(charge: Record) -> bool:
    """Tell whether a charge has captured money, at least a part."""
    return bool(charge["captured"] or charge["amount_captured"])


RESOURCE = Refunds()
