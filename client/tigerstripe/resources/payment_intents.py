"""Payment intents: what may be asked of a payment, and in which of its states.

    requires_payment_method -> requires_confirmation -> requires_action -> (processing) ->
    (requires_capture) -> succeeded; and canceled, from all but the last

What a confirmation comes to is in `payments.confirming`; the charge, its transaction in the books
and all that follows are in the one commit of the request.
"""

from __future__ import annotations

from tigerstripe import due, errors, metadata, money, registry
from tigerstripe.errors import Refused
from tigerstripe.ids import letters, new_id
from tigerstripe.payments import (
    amounts,
    charging,
    clients,
    confirming,
    connect,
    hearing,
    types,
    using,
)
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.using import shown
from tigerstripe.resource import Ids, Params, Record, Resource, operation, private
from tigerstripe.resources.charges import TOO_MUCH
from tigerstripe.work import Work

ASYNC_SINCE = "2024-06-20"
"""The version since which money is captured a moment after the answer, unless said otherwise."""
NAME = "PaymentIntent"

WITH_CONFIRM = ("error_on_requires_action", "mandate_data", "off_session", "return_url")
"""Parameters of a confirmation: a create has them with `confirm` only."""
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
"""What cannot be changed any more once money is on its way."""

BEFORE_MONEY = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
    "processing",
)  # fmt: skip

ON_PAGE = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
    "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    "directly with a payment method or ConfirmationToken."
)
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


class PaymentIntents(Resource):
    """Payment intents."""

    object = "payment_intent"
    table = "payment_intents"
    paths = ("/v1/payment_intents",)
    prefix = "pi"
    param = "intent"
    told = frozenset(("created",))
    not_yet = (
        "amount_details[line_items]", "confirmation_token", "customer_account", "hooks",
    )  # fmt: skip
    listed_of = ("customer",)
    standard = Resource.standard | {"search"}
    searchable = frozenset(("amount", "created", "currency", "customer", "status"))

    # --- Made ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an intent, and confirm it if that is asked for."""
        confirms = params.pop("confirm", None)
        if not confirms:
            for name in WITH_CONFIRM:
                if params.get(name):
                    raise _needs_confirm(name)
        intent = self.make(work, params)
        if not confirms:
            return intent
        attempt = self.attempt(work, intent, params)
        return clients.answered(work, *confirming.tried(work, intent, attempt))

    def make(self, work: Work, params: Params) -> Record:
        """Store an intent of the parameters of a create, and return it; raises `Refused`.

        What takes money in its own work begins here, and goes on with `tried`.
        """
        currency = money.currency(params["currency"])
        amounts.check(params["amount"], currency)
        params = {**params, "currency": currency}
        if params.get("customer") is not None:
            registry.need("customer").given(work, params["customer"], "customer")
        taken = types.chosen(work, params)
        method = using.named(work, params)
        if method is not None:
            using.check(method, params.get("customer"), taken["payment_method_types"], NAME)
        return self.add(work, self._fields(work, params, taken, method))

    def _fields(self, work: Work, params: Params, taken: Record, method: Record | None) -> Record:
        id = new_id(self.prefix, self.id_length)
        late = "automatic_async" if work.version >= ASYNC_SINCE else "automatic"
        fields = {
            "id": id,
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "amount": params["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}, **(params.get("amount_details") or {})},
            "amount_received": 0,
            "application": connect.application(work),
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": params.get("capture_method") or late,
            "client_secret": f"{id}_secret_{letters(25)}",
            "confirmation_method": params.get("confirmation_method") or "automatic",
            "currency": params["currency"],
            "customer": params.get("customer"),
            "customer_account": None,
            "excluded_payment_method_types": params.get("excluded_payment_method_types"),
            "last_payment_error": None,
            "latest_charge": None,
            "managed_payments": {"enabled": False},
            "next_action": None,
            "payment_method": method["id"] if method is not None else None,
            "payment_method_options": types.options(
                taken, params.get("payment_method_options") or {}
            ),
            "payment_record": None,
            "processing": None,
            "review": None,
            "shared_payment_granted_token": None,
            "shipping": charging.shipping(params.get("shipping")),
            "source": None,
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

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an intent; a client needs its secret, and does not see all of it."""
        intent = super().retrieve(work, ids, params)
        clients.check(work, intent, params)
        return clients.seen(work, intent)

    @operation("POST /v1/payment_intents/{intent}/confirm")
    def confirm(self, work: Work, ids: Ids, params: Params) -> Record:
        """Try to be paid."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        self._check_confirmable(work, intent, params)
        old = intent
        try:
            intent = self.change(work, intent, _without(params, WITH_CONFIRM))
            if intent["payment_method"] is None:
                intent = {**intent, "payment_method": self._default(work, intent)}
            attempt = self.attempt(work, intent, params)
        except Refused as refused:
            if refused.status == 400:
                refused.error.setdefault("payment_intent", shown(old))
            raise
        return clients.answered(work, *confirming.tried(work, intent, attempt))

    def _check_confirmable(self, work: Work, intent: Record, params: Params) -> None:
        status = intent["status"]
        if status in ("succeeded", "requires_capture"):
            raise _unexpected(intent, SUCCEEDED)
        if status not in BEFORE_MONEY:
            raise _unexpected(
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

    def _default(self, work: Work, intent: Record) -> str | None:
        """Return the default payment method of an intent's customer, or None."""
        customer = work.get("customers", intent["customer"] or "")
        return customer["invoice_settings"]["default_payment_method"] if customer else None

    def attempt(self, work: Work, intent: Record, params: Params) -> Attempt:
        """Return the try that a request asks for; raises `Refused` if it cannot be made."""
        if intent["payment_method"] is None:
            customer = intent["customer"]
            raise _unexpected(intent, NO_METHOD_OF.format(customer) if customer else NO_METHOD)
        method = registry.need("payment_method").given(
            work, intent["payment_method"], "payment_method"
        )
        using.check(method, intent["customer"], intent["payment_method_types"], NAME)
        return_url, off_session = params.get("return_url"), bool(params.get("off_session"))
        automatic = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
        may_leave = automatic["allow_redirects"] != "never" and not off_session
        uses_sdk = bool(params.get("use_stripe_sdk"))
        if may_leave and return_url is None and not uses_sdk:
            raise Refused(ON_PAGE)
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
            return_url=return_url,
            uses_sdk=uses_sdk,
            fails_on_action=bool(params.get("error_on_requires_action")),
            mandate_data=mandate,
        )

    # --- Captured ---

    @operation("POST /v1/payment_intents/{intent}/capture")
    def capture(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take all or a part of the money that is held."""
        intent = self.named(work, ids)
        status = intent["status"]
        if status == "succeeded":
            raise _unexpected(intent, CAPTURED)
        if status != "requires_capture":
            raise _unexpected(
                intent,
                f"This PaymentIntent could not be captured because it has a status of {status}. "
                f"Only a PaymentIntent with one of the following statuses may be captured: "
                f"requires_capture.",
            )
        amount = self._to_capture(intent, params)
        intent = {**intent, **connect.changed(work, intent, {**params, "amount": amount})}
        charge = work.get("charges", intent["latest_charge"])
        assert charge is not None, intent
        charge = {**charge, "application_fee_amount": intent["application_fee_amount"]}
        method = work.get("payment_methods", intent["payment_method"])
        assert method is not None, intent
        is_final = self._is_final(intent, charge, amount, params)
        charges = registry.need("charge")
        charge = charges.captured(work, charge, method, amount, is_final=is_final)
        if is_final:
            charges.follow(work, charge, method)
            due.drop(work, intent["id"])
        own = ("metadata", "statement_descriptor", "statement_descriptor_suffix")
        given = metadata.merged(intent, params)
        new = {**intent, **{name: given[name] for name in own if name in given}}
        new["amount_capturable"] = 0 if is_final else intent["amount_capturable"] - amount
        new["amount_received"] = intent["amount_received"] + amount
        if not is_final:
            return self.move(work, new, "amount_capturable_updated")
        new = self.move(work, {**new, "status": "succeeded"}, "succeeded")
        return hearing.heard(work, new)

    def _to_capture(self, intent: Record, params: Params) -> int:
        """Return how much is taken; raises `Refused`, as recorded."""
        amount: int | None = params.get("amount_to_capture")
        if amount is None:
            return int(intent["amount_capturable"])
        if amount < 0:
            message = "Invalid non-negative integer"
            raise Refused(message, param="amount_to_capture", payment_intent=shown(intent))
        if amount == 0:
            refused = errors.too_small("amount", 1)
            refused.error["payment_intent"] = shown(intent)
            raise refused
        if amount > intent["amount_capturable"]:
            raise Refused(TOO_MUCH, code="amount_too_large", payment_intent=shown(intent))
        return amount

    def _is_final(self, intent: Record, charge: Record, amount: int, params: Params) -> bool:
        """Tell whether no more is to be captured; a card may be asked for several captures."""
        if params.get("final_capture") is not False or amount == intent["amount_capturable"]:
            return True
        card = charge["payment_method_details"].get("card") or {}
        if (card.get("multicapture") or {}).get("status") != "available":
            raise Refused(
                "This PaymentIntent does not support multicapture: set payment_method_options[card]"
                "[request_multicapture] to if_available before it is confirmed.",
                param="final_capture",
                payment_intent=shown(intent),
            )
        return False

    @operation("POST /v1/payment_intents/{intent}/increment_authorization")
    def increment(self, work: Work, ids: Ids, params: Params) -> Record:
        """Hold more money than before."""
        intent = self.named(work, ids)
        charge = work.get("charges", intent["latest_charge"] or "")
        if intent["status"] != "requires_capture" or charge is None:
            raise _unexpected(
                intent,
                f"This PaymentIntent's authorization could not be incremented because it has a "
                f"status of {intent['status']}. Only a PaymentIntent with one of the following "
                f"statuses may be incremented: requires_capture.",
            )
        card = charge["payment_method_details"].get("card") or {}
        if (card.get("incremental_authorization") or {}).get("status") != "available":
            raise Refused(
                "This PaymentIntent is not eligible for incremental authorizations: set "
                "payment_method_options[card][request_incremental_authorization] to if_available "
                "before it is confirmed.",
                payment_intent=shown(intent),
            )
        amount = params["amount"]
        amounts.check(amount, intent["currency"])
        if amount <= intent["amount"]:
            message = "The amount must be greater than the amount that is authorized already."
            raise Refused(message, param="amount", payment_intent=shown(intent))
        return self._incremented(work, intent, charge, params)

    def _incremented(self, work: Work, intent: Record, charge: Record, params: Params) -> Record:
        amount = params["amount"]
        details = charge["payment_method_details"]
        over = {**details["card"]["overcapture"], "maximum_amount_capturable": amount}
        card = {**details["card"], "amount_authorized": amount, "overcapture": over}
        held = {**charge, "amount": amount, "payment_method_details": {**details, "card": card}}
        registry.need("charge").save(work, charge, held)
        own = ("description", "metadata", "statement_descriptor")
        new = {**intent, **{n: v for n, v in metadata.merged(intent, params).items() if n in own}}
        more = amount - intent["amount"]
        new.update(amount=amount, amount_capturable=intent["amount_capturable"] + more)
        return self.move(work, new, "amount_capturable_updated")

    # --- Canceled ---

    @operation("POST /v1/payment_intents/{intent}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give a payment up; what is held is released."""
        intent = self.named(work, ids)
        if intent["status"] not in CANCELABLE:
            raise _unexpected(
                intent,
                f"You cannot cancel this PaymentIntent because it has a status of "
                f"{intent['status']}. Only a PaymentIntent with one of the following statuses may "
                f"be canceled: {', '.join(CANCELABLE)}.",
            )
        return self._canceled(work, intent, params.get("cancellation_reason"))

    def _canceled(self, work: Work, intent: Record, reason: str | None) -> Record:
        due.drop(work, intent["id"])
        charge = work.get("charges", intent["latest_charge"] or "")
        if charge is not None and intent["status"] == "requires_capture":
            self._release(work, intent, charge, reason)
        elif charge is not None and intent["status"] == "processing":
            failed = {**charge, "amount_captured": 0, "captured": False, "status": "failed"}
            work.put("charges", failed)
            work.tell("charge.failed", failed)
        new = {
            **intent,
            "amount_capturable": 0,
            "canceled_at": work.now,
            "cancellation_reason": reason,
            "next_action": None,
            "status": "canceled",
        }
        return self.move(work, new, "canceled")

    def _release(self, work: Work, intent: Record, charge: Record, reason: str | None) -> None:
        """Let go what is held."""
        is_over = reason == "automatic"
        why = "expired_uncaptured_charge" if is_over else None
        rest = charge["amount"] - charge["amount_captured"]
        released = registry.need("refund").release(work, charge, rest, why)
        if is_over:
            work.put("charges", released)
            work.tell("charge.expired", released)
        else:
            registry.need("charge").save(work, charge, released, "refunded")

    def happen(self, work: Work, id: str) -> None:
        """Settle a debit, or let an authorization that nobody captured expire."""
        intent = work.get(self.table, id)
        if intent is not None and intent["status"] == "processing":
            confirming.settle(work, intent)
        elif intent is not None and intent["status"] == "requires_capture":
            self._canceled(work, intent, "automatic")

    # --- Changed ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an intent."""
        old = self.named(work, ids)
        if old["status"] not in BEFORE_MONEY:
            for name in GUARDED:
                if params.get(name) is not None and params[name] != old.get(name):
                    raise _too_late(old, name)
        return self.save(work, old, self.change(work, old, metadata.merged(old, params)))

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an intent with other fields, and the state that it is in by them."""
        new = {**old, **{name: params[name] for name in OWN if name in params}}
        if params.get("currency") is not None:
            new["currency"] = money.currency(params["currency"])
        if params.get("amount") is not None:
            new["amount"] = params["amount"]
        if new["amount"] != old["amount"] or new["currency"] != old["currency"]:
            amounts.check(new["amount"], new["currency"])
        for name in ("capture_method", "excluded_payment_method_types", "customer"):
            if name in params:
                new[name] = params[name] if params[name] is not None else old[name]
        if params.get("customer") is not None:
            registry.need("customer").given(work, params["customer"], "customer")
        if "shipping" in params:
            new["shipping"] = charging.shipping(params["shipping"])
        new.update(connect.changed(work, old, {**params, "amount": new["amount"]}))
        asked = types.asked(params)
        if asked is not None:
            new["payment_method_types"] = asked
            new["automatic_payment_methods"] = None
            new["payment_method_configuration_details"] = None
        given = params.get("payment_method_options")
        if given or asked is not None:
            options = {**old["payment_method_options"], **(given or {})}
            new["payment_method_options"] = types.options(new, options)
        return self._with_method(work, old, new, params)

    def _with_method(self, work: Work, old: Record, new: Record, params: Params) -> Record:
        """Return an intent with the payment method that a request names, if it names one."""
        method = using.named(work, params)
        if method is not None:
            using.check(method, new["customer"], new["payment_method_types"], NAME)
            new.update(next_action=None, payment_method=method["id"])
            new["status"] = "requires_confirmation"
        elif "payment_method" in params:
            new.update(next_action=None, payment_method=None, status="requires_payment_method")
        return new

    @operation("POST /v1/payment_intents/{intent}/verify_microdeposits")
    def verify(self, work: Work, ids: Ids, params: Params) -> Record:
        """Verify a bank account by what was sent to it, and send the debit on its way."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        if (intent["next_action"] or {}).get("type") != "verify_with_microdeposits":
            message = "This PaymentIntent does not wait for microdeposits."
            raise _unexpected(intent, message)
        registry.need("payment_method").verify(work, intent["payment_method"], params)
        return clients.seen(work, confirming.authenticate(work, intent, succeed=True))


def _without(params: Params, names: tuple[str, ...]) -> Params:
    return {name: value for name, value in params.items() if name not in names}


def _unexpected(intent: Record, message: str, param: str | None = None) -> Refused:
    """Return the refusal of what cannot be done to an intent in its state."""
    code = "payment_intent_unexpected_state"
    return Refused(message, code=code, param=param, payment_intent=shown(intent))


def _too_late(intent: Record, name: str) -> Refused:
    return _unexpected(
        intent,
        f"This PaymentIntent's {name} could not be updated because it has a status of "
        f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
        f"following statuses: {', '.join(BEFORE_MONEY)}.",
        name,
    )


def _needs_confirm(name: str) -> Refused:
    return Refused(
        f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` "
        f"is set to true.",
        param=name,
    )


RESOURCE = PaymentIntents()
