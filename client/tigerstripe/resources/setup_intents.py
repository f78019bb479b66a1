"""Setup intents: they prepare a payment method for later payments, and move no money."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.ids import letters, new_id
from tigerstripe.objects.resource import Filters, Ids, operation
from tigerstripe.payments import clients, types, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.intents import OPEN, Intents
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

GUARDED = (
    "payment_method", "payment_method_data", "payment_method_options", "payment_method_types",
    "allowed_payment_method_types",
)  # fmt: skip
"""The parameters that cannot change a finished setup."""
NULLS = (
    "application", "cancellation_reason", "customer_account", "last_setup_error", "latest_attempt",
    "mandate", "next_action", "on_behalf_of", "single_use_mandate",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class SetupIntents(Intents):
    """Setup intents."""

    object = "setup_intent"
    table = "setup_intents"
    prefix = "seti"
    name = "setupintent"
    words = "SetupIntent"
    is_setup = True
    with_confirm: tuple[str, ...] = ("confirmation_token", "mandate_data", "return_url")
    not_yet: tuple[str, ...] = ("attach_to_self", "customer_account", "on_behalf_of")
    listed_of: tuple[str, ...] = ("customer", "payment_method")
    filters: Filters = {"payment_method": lambda record, wanted: record["payment_method"] == wanted}

    def make(self, work: Work, params: Params) -> Record:
        """Store an intent of the parameters of a create, and return it; raises `Refused`."""
        customer = self.of_customer(work, params).get("customer")
        taken = types.chosen(work, params, is_setup=True)
        method = using.named(work, params)
        if method is not None:
            using.check(method, customer, taken["payment_method_types"], self.words)
        id = new_id(self.prefix, self.id_length)
        return self.add(work, {
            **dict.fromkeys(NULLS),
            "id": id,
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "client_secret": f"{id}_secret_{letters(25)}",
            "customer": customer,
            "description": params.get("description"),
            "excluded_payment_method_types": params.get("excluded_payment_method_types"),
            "flow_directions": params.get("flow_directions"),
            "managed_payments": {"enabled": False},
            "metadata": params.get("metadata"),
            "payment_method": method["id"] if method is not None else None,
            "payment_method_options": types.options(
                taken, params.get("payment_method_options") or {}, is_setup=True
            ),
            "status": "requires_confirmation" if method else "requires_payment_method",
            "usage": params.get("usage") or "off_session",
            **taken,
        })  # fmt: skip

    # --- Confirmed ---

    @operation("POST /v1/setup_intents/{intent}/confirm")
    def confirm(self, work: Work, ids: Ids, params: Params) -> Record:
        """Ask the bank whether a payment method may be used later."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        if intent["status"] == "succeeded":
            message = "You cannot confirm this SetupIntent because it has already succeeded."
            raise self.unexpected(intent, message)
        if intent["status"] not in OPEN:
            message = "You cannot confirm this SetupIntent because it has been canceled."
            raise self.unexpected(intent, message)
        return self.confirmed(work, intent, params)

    def attempt(self, work: Work, intent: Record, params: Params) -> Attempt:
        """Return the try that a request asks for; raises `Refused` if it cannot be made."""
        method = self.method(work, intent)
        self.check_return(work, intent, params)
        return Attempt(
            method,
            options=intent["payment_method_options"].get(method["type"]) or {},
            return_url=params.get("return_url"),
            uses_sdk=bool(params.get("use_stripe_sdk")),
            mandate_data=(params.get("mandate_data") or {}).get("customer_acceptance"),
        )

    @operation("POST /v1/setup_intents/{intent}/verify_microdeposits")
    def verify(self, work: Work, ids: Ids, params: Params) -> Record:
        """Verify a bank account by its microdeposits."""
        return self.verified(work, ids, params)

    # --- Changed, and given up ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an intent; once it is finished, its payment method stays."""
        old = self.named(work, ids)
        is_over = {"canceled": "been canceled", "succeeded": "already succeeded"}.get(old["status"])
        if is_over and any(params.get(name) is not None for name in GUARDED):
            message = f"You cannot update this SetupIntent because it has {is_over}."
            raise self.unexpected(old, message)
        return super().update(work, ids, params)

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an intent with other fields, and the state that it is in by them."""
        own = ("description", "flow_directions", "metadata")
        new = {**old, **{name: params[name] for name in own if name in params}}
        new.update(self.of_customer(work, params))
        new.update(self.taking(new, params))
        return self.paid_with(work, new, params)

    @operation("POST /v1/setup_intents/{intent}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give a setup up."""
        intent = self.named(work, ids)
        if intent["status"] == "canceled":
            message = "You cannot cancel this SetupIntent because it is already canceled."
            raise self.unexpected(intent, message)
        if intent["status"] not in OPEN:
            listed = errors.listed([f"`{status}`" for status in OPEN])
            raise self.unexpected(
                intent,
                f"You cannot cancel this SetupIntent because it has a status of "
                f"{intent['status']}. Only a SetupIntent with one of the following statuses may be "
                f"canceled: {listed}.",
            )
        reason = params.get("cancellation_reason")
        new = {**intent, "cancellation_reason": reason, "next_action": None, "status": "canceled"}
        return self.move(work, new, "canceled")


RESOURCE = SetupIntents()
