"""Setup intents: a payment method made ready for payments to come, with no money moved."""

from __future__ import annotations

from tigerstripe import errors, metadata, registry, testing_cards
from tigerstripe.errors import INVALID_REQUEST, Declined, Refused
from tigerstripe.ids import letters, new_id
from tigerstripe.payments import actions, bank, charging, clients, hearing, types, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.using import shown
from tigerstripe.resource import Ids, Params, Record, Resource, operation, private
from tigerstripe.resources.payment_intents import ON_PAGE
from tigerstripe.work import PRIVATE, Work

NAME = "SetupIntent"
WITH_CONFIRM = ("mandate_data", "return_url")
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

NO_METHOD = (
    "You cannot confirm this SetupIntent because it's missing a payment method. You can either "
    "update the SetupIntent with a payment method and then confirm it again, or confirm it again "
    "directly with a payment method or ConfirmationToken."
)
FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this SetupIntent again."
)


class SetupIntents(Resource):
    """Setup intents."""

    object = "setup_intent"
    table = "setup_intents"
    paths = ("/v1/setup_intents",)
    prefix = "seti"
    name = "setupintent"
    param = "intent"
    told = frozenset(("created",))
    not_yet = ("attach_to_self", "confirmation_token", "customer_account", "on_behalf_of")
    listed_of = ("customer", "payment_method")
    filters = {"payment_method": lambda record, wanted: record["payment_method"] == wanted}

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an intent, and confirm it if that is asked for."""
        confirms = params.pop("confirm", None)
        if not confirms:
            for name in WITH_CONFIRM:
                if params.get(name):
                    raise Refused(
                        f"The parameter `{name}` cannot be passed when creating a SetupIntent "
                        f"unless `confirm` is set to true.",
                        param=name,
                    )
        intent = self.make(work, params)
        if not confirms:
            return intent
        attempt = self.attempt(work, intent, params)
        return clients.answered(work, *self.tried(work, intent, attempt))

    def make(self, work: Work, params: Params) -> Record:
        """Store an intent of the parameters of a create, and return it; raises `Refused`."""
        if params.get("customer") is not None:
            registry.need("customer").given(work, params["customer"], "customer")
        taken = types.chosen(work, params, is_setup=True)
        method = using.named(work, params)
        if method is not None:
            using.check(method, params.get("customer"), taken["payment_method_types"], NAME)
        id = new_id(self.prefix, self.id_length)
        return self.add(work, {
            "id": id,
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "application": None,
            "cancellation_reason": None,
            "client_secret": f"{id}_secret_{letters(25)}",
            "customer": params.get("customer"),
            "customer_account": None,
            "description": params.get("description"),
            "excluded_payment_method_types": params.get("excluded_payment_method_types"),
            "flow_directions": params.get("flow_directions"),
            "last_setup_error": None,
            "latest_attempt": None,
            "managed_payments": {"enabled": False},
            "mandate": None,
            "metadata": params.get("metadata"),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": method["id"] if method is not None else None,
            "payment_method_options": types.options(
                taken, params.get("payment_method_options") or {}, is_setup=True
            ),
            "single_use_mandate": None,
            "status": "requires_confirmation" if method else "requires_payment_method",
            "usage": params.get("usage") or "off_session",
            **taken,
        })  # fmt: skip

    # --- Confirmed ---

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an intent; a client needs its secret, and does not see all of it."""
        intent = super().retrieve(work, ids, params)
        clients.check(work, intent, params)
        return clients.seen(work, intent)

    @operation("POST /v1/setup_intents/{intent}/confirm")
    def confirm(self, work: Work, ids: Ids, params: Params) -> Record:
        """Ask the bank whether a payment method may be used later."""
        old = self.named(work, ids)
        clients.check(work, old, params)
        if old["status"] == "succeeded":
            raise _unexpected(
                old, "You cannot confirm this SetupIntent because it has already succeeded."
            )
        if old["status"] not in OPEN:
            raise _unexpected(
                old, "You cannot confirm this SetupIntent because it has been canceled."
            )
        try:
            rest = {name: value for name, value in params.items() if name not in WITH_CONFIRM}
            intent = self.change(work, old, rest)
            attempt = self.attempt(work, intent, params)
        except Refused as refused:
            if refused.status == 400:
                refused.error.setdefault("setup_intent", shown(old))
            raise
        return clients.answered(work, *self.tried(work, intent, attempt))

    def attempt(self, work: Work, intent: Record, params: Params) -> Attempt:
        """Return the try that a request asks for; raises `Refused` if it cannot be made."""
        if intent["payment_method"] is None:
            raise _unexpected(intent, NO_METHOD)
        methods = registry.need("payment_method")
        method = methods.given(work, intent["payment_method"], "payment_method")
        using.check(method, intent["customer"], intent["payment_method_types"], NAME)
        automatic = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
        return_url, uses_sdk = params.get("return_url"), bool(params.get("use_stripe_sdk"))
        if automatic["allow_redirects"] != "never" and return_url is None and not uses_sdk:
            raise Refused(ON_PAGE.replace("PaymentIntent is", "SetupIntent is"))
        return Attempt(
            method,
            options=intent["payment_method_options"].get(method["type"]) or {},
            return_url=return_url,
            uses_sdk=uses_sdk,
            mandate_data=(params.get("mandate_data") or {}).get("customer_acceptance"),
        )

    def tried(self, work: Work, intent: Record, attempt: Attempt) -> tuple[Record, Declined | None]:
        """Ask the bank; return the intent as it is then, and the error if the bank declined."""
        answer = bank.asked_to_set_up(work, attempt)
        if answer.verdict == "declined":
            assert answer.decline is not None
            method = charging.checked(attempt.method)
            error = testing_cards.declined(answer.decline, payment_method=shown(method))
            return self._refused(work, intent, attempt._replace(method=method), error)
        attempts = registry.need("setup_attempt")
        mandate = self._mandate(work, attempt)
        if answer.verdict == "authenticate":
            made = attempts.of(work, intent, attempt, "requires_action")
            new = {
                **intent,
                "last_setup_error": None,
                "latest_attempt": made["id"],
                "mandate": mandate,
                "next_action": actions.wanted(work, intent, attempt),
                "status": "requires_action",
                PRIVATE: {"return_url": attempt.return_url},
            }
            return self.move(work, new, "requires_action"), None
        return self._succeeded(work, intent, attempt, mandate), None

    def _succeeded(
        self, work: Work, intent: Record, attempt: Attempt, mandate: str | None
    ) -> Record:
        method = work.get("payment_methods", attempt.method["id"]) or attempt.method
        is_set_up = intent["usage"] == "off_session" and attempt.is_authenticated
        method = using.used(
            work, method, intent["customer"], is_kept=True, is_set_up=is_set_up, is_spent=False
        )
        attempt = attempt._replace(method=method)
        made = registry.need("setup_attempt").of(work, intent, attempt, "succeeded")
        new = {
            **shown(intent),
            "last_setup_error": None,
            "latest_attempt": made["id"],
            "mandate": mandate,
            "next_action": None,
            "payment_method": method["id"],
            "status": "succeeded",
        }
        return self.move(work, new, "succeeded")

    def _mandate(self, work: Work, attempt: Attempt) -> str | None:
        """Return the id of a debit's mandate, made where there is none."""
        method = attempt.method
        if method["type"] not in types.DEBITS:
            return None
        known: str | None = private(method).get("mandate")
        if known is None:
            mandates = registry.need("mandate")
            known = mandates.of_method(work, method, attempt.mandate_data, None)["id"]
            kept = {**private(method), "mandate": known}
            work.put("payment_methods", {**method, PRIVATE: kept})
        return known

    def _refused(
        self, work: Work, intent: Record, attempt: Attempt, error: Declined
    ) -> tuple[Record, Declined]:
        """Note that a payment method was not set up: the intent needs another one."""
        shown_error = dict(error.error)
        made = registry.need("setup_attempt").of(work, intent, attempt, "failed", shown_error)
        new = {
            **shown(intent),
            "last_setup_error": shown_error,
            "latest_attempt": made["id"],
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
        new = self.move(work, new, "setup_failed")
        error.error["setup_intent"] = shown(new)
        return new, error

    def authenticate(self, work: Work, intent: Record, *, succeed: bool) -> Record:
        """Let the buyer do what they had to, or fail to; raises `Refused` where nothing waits."""
        if intent["status"] != "requires_action":
            raise Refused(f"{intent['id']} does not wait for its buyer: it is {intent['status']}.")
        method = work.get("payment_methods", intent["payment_method"])
        assert method is not None, intent
        attempt = Attempt(method, is_authenticated=succeed)
        if succeed:
            return hearing.heard(work, self._succeeded(work, intent, attempt, intent["mandate"]))
        code = "setup_intent_authentication_failure"
        error = Declined(FAILED, type=INVALID_REQUEST, code=code, payment_method=shown(method))
        return hearing.heard(work, self._refused(work, intent, attempt, error)[0])

    @operation("POST /v1/setup_intents/{intent}/verify_microdeposits")
    def verify(self, work: Work, ids: Ids, params: Params) -> Record:
        """Verify a bank account by what was sent to it."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        if (intent["next_action"] or {}).get("type") != "verify_with_microdeposits":
            raise _unexpected(intent, "This SetupIntent does not wait for microdeposits.")
        registry.need("payment_method").verify(work, intent["payment_method"], params)
        return clients.seen(work, self.authenticate(work, intent, succeed=True))

    # --- Changed, and given up ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an intent."""
        old = self.named(work, ids)
        return self.save(work, old, self.change(work, old, metadata.merged(old, params)))

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an intent with other fields, and the state that it is in by them."""
        own = ("description", "flow_directions", "metadata")
        new = {**old, **{name: params[name] for name in own if name in params}}
        if params.get("customer") is not None:
            registry.need("customer").given(work, params["customer"], "customer")
            new["customer"] = params["customer"]
        asked = types.asked(params)
        if asked is not None:
            new.update(automatic_payment_methods=None, payment_method_types=asked)
            new["payment_method_configuration_details"] = None
        given = params.get("payment_method_options")
        if given or asked is not None:
            options = {**old["payment_method_options"], **(given or {})}
            new["payment_method_options"] = types.options(new, options, is_setup=True)
        method = using.named(work, params)
        if method is not None:
            using.check(method, new["customer"], new["payment_method_types"], NAME)
            new.update(next_action=None, payment_method=method["id"])
            new["status"] = "requires_confirmation"
        return new

    @operation("POST /v1/setup_intents/{intent}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give a setup up."""
        intent = self.named(work, ids)
        if intent["status"] == "canceled":
            raise _unexpected(
                intent, "You cannot cancel this SetupIntent because it is already canceled."
            )
        if intent["status"] not in OPEN:
            listed = errors.listed([f"`{status}`" for status in OPEN])
            raise _unexpected(
                intent,
                f"You cannot cancel this SetupIntent because it has a status of "
                f"{intent['status']}. Only a SetupIntent with one of the following statuses may be "
                f"canceled: {listed}.",
            )
        reason = params.get("cancellation_reason")
        new = {**intent, "cancellation_reason": reason, "next_action": None, "status": "canceled"}
        return self.move(work, new, "canceled")


def _unexpected(intent: Record, message: str) -> Refused:
    """Return the refusal of what cannot be done to an intent in its state."""
    return Refused(message, code="setup_intent_unexpected_state", setup_intent=shown(intent))


RESOURCE = SetupIntents()
