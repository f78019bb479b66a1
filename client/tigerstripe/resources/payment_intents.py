"""Payment intents: the operations on a payment, and the states that allow each.

    requires_payment_method -> requires_confirmation -> requires_action -> (processing) ->
    (requires_capture) -> succeeded; and canceled, from all but the last

`payments.confirming` has the outcome of a confirmation, `payments.capturing` that of held money.
The charge, its transaction in the books and everything that follows are in the request's commit.
"""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.ids import letters, new_id
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Ids, operation, private
from tigerstripe.payments import (
    amounts,
    capturing,
    cash,
    charging,
    clients,
    confirming,
    connect,
    hearing,
    testing_banks,
    types,
    using,
)
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.intents import OPEN, Intents
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

ASYNC_SINCE = "2024-06-20"
"""The version since which money is captured a moment after the answer, unless said otherwise."""

OWN = (
    "description", "metadata", "receipt_email", "setup_future_usage", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip
"""Parameters that are fields."""
GUARDED = (
    "amount", "capture_method", "currency", "customer", "payment_method", "payment_method_data",
    "payment_method_options", "payment_method_types", "allowed_payment_method_types",
    "setup_future_usage",
)  # fmt: skip
"""The parameters that cannot change an intent once money is on its way."""

CANCELABLE = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
    "processing",
)  # fmt: skip

NO_METHOD_OF = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the "
    "PaymentIntent with {}, specify a payment method attached to this customer along with the "
    "customer ID."
)
NO_MANDATE = (
    "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate "
    "acceptance from the customer and try again, providing acceptance data in the mandate_data "
    "parameter."
)
SUCCEEDED = (
    "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
    "confirmed."
)
CAPTURED = (
    "The remaining amount on this PaymentIntent could not be captured because the remainder of the "
    "authorized amount has been released."
)
NULLS = (
    "canceled_at", "cancellation_reason", "customer_account", "last_payment_error", "latest_charge",
    "next_action", "payment_record", "processing", "review", "shared_payment_granted_token",
    "source",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class PaymentIntents(Intents):
    """Payment intents."""

    object = "payment_intent"
    table = "payment_intents"
    prefix = "pi"
    words = "PaymentIntent"
    failures: frozenset[str] = frozenset(testing_banks.FAILURES)
    with_confirm: tuple[str, ...] = (
        "confirmation_token", "error_on_requires_action", "mandate_data", "off_session",
        "return_url",
    )  # fmt: skip
    not_yet: tuple[str, ...] = ("amount_details[line_items]", "customer_account", "hooks")
    listed_of: tuple[str, ...] = ("customer",)
    standard: frozenset[str] = Intents.standard | {"search"}
    searchable: frozenset[str] = frozenset(("amount", "created", "currency", "customer", "status"))

    # --- Made ---

    def make(self, work: Work, params: Params) -> Record:
        """Store an intent of the parameters of a create, and return it; raises `Refused`."""
        currency = money.currency(params["currency"])
        amounts.check(params["amount"], currency)
        params = {**params, "currency": currency, **self.of_customer(work, params)}
        taken = types.chosen(work, params)
        method = using.named(work, params)
        if method is not None:
            using.check(method, params.get("customer"), taken["payment_method_types"], self.words)
        return self.add(work, self._fields(work, params, taken, method))

    def _fields(self, work: Work, params: Params, taken: Record, method: Record | None) -> Record:
        id = new_id(self.prefix, self.id_length)
        late = "automatic_async" if work.version >= ASYNC_SINCE else "automatic"
        fields = {
            **dict.fromkeys(NULLS),
            "id": id,
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "amount": params["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}, **(params.get("amount_details") or {})},
            "amount_received": 0,
            "application": connect.application(work),
            "capture_method": params.get("capture_method") or late,
            "client_secret": f"{id}_secret_{letters(25)}",
            "confirmation_method": params.get("confirmation_method") or "automatic",
            "currency": params["currency"],
            "customer": params.get("customer"),
            "excluded_payment_method_types": params.get("excluded_payment_method_types"),
            "managed_payments": {"enabled": False},
            "payment_method": method["id"] if method is not None else None,
            "payment_method_options": types.options(
                taken, params.get("payment_method_options") or {}
            ),
            "shipping": charging.shipping(params.get("shipping")),
            "status": "requires_confirmation" if method else "requires_payment_method",
            **connect.fields(work, params),
            **{name: params.get(name) for name in OWN},
            **taken,
        }
        if params.get("payment_details") is not None:
            names = ("customer_reference", "order_reference")
            fields["payment_details"] = {n: params["payment_details"].get(n) for n in names}
        return fields

    # --- Confirmed ---

    @operation("POST /v1/payment_intents/{intent}/confirm")
    def confirm(self, work: Work, ids: Ids, params: Params) -> Record:
        """Try to be paid."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        self._check_confirmable(work, intent)
        return self.confirmed(work, intent, params)

    def _check_confirmable(self, work: Work, intent: Record) -> None:
        status = intent["status"]
        if status in ("succeeded", "requires_capture"):
            raise self.unexpected(intent, SUCCEEDED)
        if status not in OPEN:
            raise self.unexpected(
                intent,
                f"You cannot confirm this PaymentIntent because it has a status of {status}. Only "
                f"a PaymentIntent with one of the following statuses may be confirmed: "
                f"{', '.join(('requires_confirmation', 'requires_action'))}.",
            )
        if intent["confirmation_method"] == "manual" and work.is_publishable:
            raise Refused(
                "This PaymentIntent's confirmation_method is manual: confirm it with your secret "
                "API key.",
                code="payment_intent_invalid_parameter",
            )

    def ready(self, work: Work, intent: Record) -> Record:
        """Return an intent with the default payment method of its customer, if it has none."""
        customer = work.get("customers", intent["customer"] or "")
        if intent["payment_method"] is not None or customer is None:
            return intent
        method = customer["invoice_settings"]["default_payment_method"]
        return {**intent, "payment_method": method}

    def without_method(self, intent: Record) -> str:
        """Return the message for an intent without a payment method."""
        if intent["customer"] is None:
            return super().without_method(intent)
        return NO_METHOD_OF.format(intent["customer"])

    def attempt(self, work: Work, intent: Record, params: Params) -> Attempt:
        """Return the try that a request asks for; raises `Refused` if it cannot be made."""
        connect.check_charge(work, intent)
        method = self.method(work, intent)
        off_session = bool(params.get("off_session"))
        if not off_session:
            self.check_return(work, intent, params)
        if params.get("mandate") is not None:
            registry.need("mandate").given(work, params["mandate"], "mandate")
        mandate = (params.get("mandate_data") or {}).get("customer_acceptance")
        needs = method["type"] in types.DEBITS and private(method).get("mandate") is None
        if needs and mandate is None and params.get("mandate") is None:
            raise Refused(NO_MANDATE, code="payment_intent_mandate_invalid")
        return Attempt(
            method,
            off_session=off_session,
            is_authenticated=bool(private(intent).get("is_authenticated")),
            options=intent["payment_method_options"].get(method["type"]) or {},
            return_url=params.get("return_url"),
            uses_sdk=bool(params.get("use_stripe_sdk")),
            fails_on_action=bool(params.get("error_on_requires_action")),
            mandate_data=mandate,
        )

    @operation("POST /v1/payment_intents/{intent}/verify_microdeposits")
    def verify(self, work: Work, ids: Ids, params: Params) -> Record:
        """Verify a bank account by its microdeposits, and start the debit."""
        return self.verified(work, ids, params)

    @operation("POST /v1/payment_intents/{intent}/apply_customer_balance")
    def apply(self, work: Work, ids: Ids, params: Params) -> Record:
        """Apply the cash of a customer to an intent, in full or in part."""
        intent = self.named(work, ids)
        if not cash.waits(intent):
            message = "This PaymentIntent does not wait for a bank transfer of its customer."
            raise self.unexpected(intent, message)
        currency = intent["currency"]
        if money.currency(params.get("currency") or currency) != currency:
            raise Refused(f"The currency of this PaymentIntent is {currency}.", param="currency")
        there = cash.balances(work, intent["customer"]).get(currency, 0)
        needed = cash.needed(intent)
        amount = params.get("amount", min(there, needed))
        if not 0 < amount <= min(there, needed):
            words = [money.shown(n, currency) for n in (needed, there)]
            raise Refused(
                f"This PaymentIntent still needs {words[0]}, and its customer has {words[1]} in "
                f"cash: apply an amount that is no more than either.",
                param="amount",
            )
        return self.apply_cash(work, intent, amount)

    def apply_cash(self, work: Work, intent: Record, amount: int) -> Record:
        """Take an amount of a customer's cash that is there, for an intent that needs it."""
        if amount < cash.needed(intent):
            return self.move(work, cash.partly(work, intent, amount), "partially_funded")
        method = self.method(work, intent)
        intent = connect.receivable(work, {**intent, "next_action": None})
        intent = confirming.tried(work, intent, Attempt(method))[0]
        return hearing.heard(work, intent)

    # --- Captured, and given up ---

    @operation("POST /v1/payment_intents/{intent}/capture")
    def capture(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take all or a part of the money that is held."""
        intent = self.named(work, ids)
        status = intent["status"]
        if status == "succeeded":
            raise self.unexpected(intent, CAPTURED)
        if status != "requires_capture":
            raise self.unexpected(
                intent,
                f"This PaymentIntent could not be captured because it has a status of {status}. "
                f"Only a PaymentIntent with one of the following statuses may be captured: "
                f"requires_capture.",
            )
        return capturing.captured(work, intent, params)

    @operation("POST /v1/payment_intents/{intent}/increment_authorization")
    def increment(self, work: Work, ids: Ids, params: Params) -> Record:
        """Hold more money than before."""
        intent = self.named(work, ids)
        charge = work.get("charges", intent["latest_charge"] or "")
        if intent["status"] != "requires_capture" or charge is None:
            raise self.unexpected(
                intent,
                f"This PaymentIntent's authorization could not be incremented because it has a "
                f"status of {intent['status']}. Only a PaymentIntent with one of the following "
                f"statuses may be incremented: requires_capture.",
            )
        return capturing.incremented(work, intent, charge, params)

    @operation("POST /v1/payment_intents/{intent}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Cancel a payment; held money is released."""
        intent = self.named(work, ids)
        if intent["status"] not in CANCELABLE:
            raise self.unexpected(
                intent,
                f"You cannot cancel this PaymentIntent because it has a status of "
                f"{intent['status']}. Only a PaymentIntent with one of the following statuses may "
                f"be canceled: {', '.join(CANCELABLE)}.",
            )
        return self.given_up(work, intent, params.get("cancellation_reason"))

    def given_up(self, work: Work, intent: Record, reason: str | None) -> Record:
        """Cancel an intent, and return it; held money is released."""
        due.cancel(work, intent["id"])
        charge = work.get("charges", intent["latest_charge"] or "")
        if charge is not None and intent["status"] == "requires_capture":
            capturing.released(work, charge, is_over=reason == "automatic")
        elif charge is not None and intent["status"] == "processing":
            failed = {**charge, "amount_captured": 0, "captured": False, "status": "failed"}
            work.put("charges", failed)
            work.tell("charge.failed", failed)
        new = {
            **cash.given_back(work, intent),
            "amount_capturable": 0,
            "canceled_at": work.now,
            "cancellation_reason": reason,
            "next_action": None,
            "status": "canceled",
        }
        return self.move(work, new, "canceled")

    def happen(self, work: Work, id: str) -> None:
        """Settle a debit, or let an authorization that nobody captured expire."""
        intent = work.get(self.table, id)
        if intent is not None and intent["status"] == "processing":
            confirming.settle(work, intent)
        elif intent is not None and intent["amount_received"]:
            capturing.captured(work, intent, {"amount_to_capture": 0, "final_capture": True})
        elif intent is not None and intent["status"] == "requires_capture":
            self.given_up(work, intent, "automatic")

    # --- Changed ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an intent; once money is on its way, the payment method stays."""
        old = self.named(work, ids)
        for name in GUARDED if old["status"] not in OPEN else ():
            if params.get(name) is not None and params[name] != old.get(name):
                raise self.unexpected(
                    old,
                    f"This PaymentIntent's {name} could not be updated because it has a status of "
                    f"{old['status']}. You may only update the {name} of a PaymentIntent with one "
                    f"of the following statuses: {', '.join(OPEN)}.",
                    param=name,
                )
        return super().update(work, ids, params)

    def _taken_in(self, work: Work, intent: Record) -> None:
        """Give an intent the types of its currency; raises `Refused` for types that do not fit."""
        automatic = intent["automatic_payment_methods"]
        if automatic is None:
            types.check_currency(intent["payment_method_types"], intent["currency"])
            return
        taken = types.of_account(work, intent, automatic["allow_redirects"])
        intent["payment_method_types"] = taken
        intent["payment_method_options"] = types.options(intent, intent["payment_method_options"])

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an intent with other fields, and the state that it is in by them."""
        new = {**old, **{name: params[name] for name in OWN if name in params}}
        if params.get("currency") is not None:
            new["currency"] = money.currency(params["currency"])
        if params.get("amount") is not None:
            new["amount"] = params["amount"]
        if new["amount"] != old["amount"] or new["currency"] != old["currency"]:
            amounts.check(new["amount"], new["currency"])
        for name in ("capture_method", "excluded_payment_method_types"):
            if params.get(name) is not None:
                new[name] = params[name]
        new.update(self.of_customer(work, params))
        if "shipping" in params:
            new["shipping"] = charging.shipping(params["shipping"])
        new.update(connect.changed(work, old, {**params, "amount": new["amount"]}))
        new.update(self.taking(new, params))
        if new["currency"] != old["currency"] or types.asked(params) is not None:
            self._taken_in(work, new)
        return cash.changed(work, old, self.paid_with(work, new, params))


RESOURCE = PaymentIntents()
