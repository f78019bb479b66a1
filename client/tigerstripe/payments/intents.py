"""The common part of payment and setup intents: how they are made, confirmed and changed.

    requires_payment_method -> requires_confirmation -> requires_action -> (...) -> succeeded;
    and canceled

The outcome of a confirmation is in `confirming` and `setting_up`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from tigerstripe.errors import Declined, Refused
from tigerstripe.objects import metadata, registry
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.payments import clients, hearing, moves, types, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.payments.using import shown
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
"""The states before the bank has agreed."""

ON_PAGE = (
    "This {} is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
NO_METHOD = (
    "You cannot confirm this {0} because it's missing a payment method. You can either update the "
    "{0} with a payment method and then confirm it again, or confirm it again directly with a "
    "payment method or ConfirmationToken."
)


class Intents(Resource):
    """The common base of payment intents and setup intents."""

    words: str
    """Their name in errors, as `PaymentIntent`."""
    is_setup: bool = False
    with_confirm: tuple[str, ...]
    """Parameters of a confirmation: a create has them with `confirm` only."""
    param: str | None = "intent"
    told: frozenset[str] = frozenset(("created",))

    @abstractmethod
    def make(self, work: Work, params: Params) -> Record:
        """Store an intent of the parameters of a create, and return it; raises `Refused`.

        Whatever takes money in its own work begins here, and goes on with the intent's moves.
        """

    @abstractmethod
    def attempt(self, work: Work, intent: Record, params: Params) -> Attempt:
        """Return the try that a request asks for; raises `Refused` if it cannot be made."""

    # --- Made ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an intent, and confirm it if that is asked for."""
        confirms = params.pop("confirm", None)
        if not confirms:
            for name in self.with_confirm:
                if params.get(name):
                    raise self._needs_confirm(name)
        token, params = self._said(work, params)
        intent = self.make(work, params)
        if not confirms:
            return intent
        done = self._tried(work, intent, self.attempt(work, intent, params), token)
        return clients.answered(work, *done)

    def _needs_confirm(self, name: str) -> Refused:
        return Refused(
            f"The parameter `{name}` cannot be passed when creating a {self.words} unless "
            f"`confirm` is set to true.",
            param=name,
        )

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an intent; a client needs its secret, and does not see all of it."""
        intent = super().retrieve(work, ids, params)
        clients.check(work, intent, params)
        return clients.seen(work, intent)

    # --- Confirmed ---

    def confirmed(self, work: Work, old: Record, params: Params) -> Record:
        """Change an intent as its confirmation asks for, and try it; return it after that."""
        try:
            token, params = self._said(work, params)
            rest = {name: v for name, v in params.items() if name not in self.with_confirm}
            intent = self.ready(work, self.change(work, old, rest))
            attempt = self.attempt(work, intent, params)
        except Refused as refused:
            if refused.status == 400:
                refused.error.setdefault(self.object, shown(old))
            raise
        intent, declined = self._tried(work, intent, attempt, token)
        return clients.answered(work, hearing.heard(work, intent), declined)

    def ready(self, work: Work, intent: Record) -> Record:
        """Return an intent with a default payment method, if there is one and it has none."""
        return intent

    def _said(self, work: Work, params: Params) -> tuple[Record | None, Params]:
        """Return the confirmation token of a request, and the parameters with its choices."""
        if params.get("confirmation_token") is None:
            return None, params
        found: tuple[Record, Params] = registry.need("confirmation_token").unfolded(work, params)
        return found

    def _tried(
        self, work: Work, intent: Record, attempt: Attempt, token: Record | None
    ) -> tuple[Record, Declined | None]:
        """Ask the bank; the token is used up by that, whatever the answer is."""
        if token is not None:
            registry.need("confirmation_token").use(work, token, intent)
        done: tuple[Record, Declined | None] = moves.of(intent).tried(work, intent, attempt)
        return done

    def method(self, work: Work, intent: Record) -> Record:
        """Return the payment method of an intent that is to be confirmed; raises `Refused`."""
        if intent["payment_method"] is None:
            raise self.unexpected(intent, self.without_method(intent))
        methods = registry.need("payment_method")
        found: Record = methods.given(work, intent["payment_method"], "payment_method")
        using.check(found, intent["customer"], intent["payment_method_types"], self.words)
        return found

    def without_method(self, intent: Record) -> str:
        """Return the message for an intent without a payment method."""
        return NO_METHOD.format(self.words)

    def check_return(self, work: Work, intent: Record, params: Params) -> None:
        """Raise `Refused` if a buyer may have to leave the page, and nothing says where to.

        Of a request without a version, the account's own may be one that takes cards alone: so the
        official CLI asks.
        """
        if not work.has_version:
            return
        automatic = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
        comes_back = params.get("return_url") is not None or params.get("use_stripe_sdk")
        if automatic["allow_redirects"] != "never" and not comes_back:
            raise Refused(ON_PAGE.format(self.words))

    def verified(self, work: Work, ids: Ids, params: Params) -> Record:
        """Verify a bank account by its microdeposits, and continue with the intent."""
        intent = self.named(work, ids)
        clients.check(work, intent, params)
        if (intent["next_action"] or {}).get("type") != "verify_with_microdeposits":
            message = f"This {self.words} does not wait for microdeposits."
            raise self.unexpected(intent, message)
        registry.need("payment_method").verify(work, intent["payment_method"], params)
        return clients.seen(work, moves.of(intent).authenticate(work, intent, succeed=True))

    # --- Changed ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an intent."""
        old = self.named(work, ids)
        return self.save(work, old, self.change(work, old, metadata.merged(old, params)))

    def of_customer(self, work: Work, params: Params) -> Record:
        """Return the customer that a request names, as a field; raises `Refused`."""
        if params.get("customer") is None:
            return {}
        registry.need("customer").given(work, params["customer"], "customer")
        return {"customer": params["customer"]}

    def taking(self, old: Record, params: Params) -> Record:
        """Return the fields about an intent's types that a request changes."""
        asked, given = types.asked(params), params.get("payment_method_options")
        fields: Record = {}
        if asked is not None:
            fields.update(automatic_payment_methods=None, payment_method_types=asked)
            fields["payment_method_configuration_details"] = None
        if given or asked is not None:
            options = {**old["payment_method_options"], **(given or {})}
            taken = {**old, **fields}
            fields["payment_method_options"] = types.options(taken, options, is_setup=self.is_setup)
        return fields

    def paid_with(self, work: Work, intent: Record, params: Params) -> Record:
        """Return an intent with the payment method that a request names, if it names one."""
        method = using.named(work, params)
        if method is not None:
            using.check(method, intent["customer"], intent["payment_method_types"], self.words)
            status = "requires_confirmation"
            return {**intent, "next_action": None, "payment_method": method["id"], "status": status}
        if "payment_method" in params:
            status = "requires_payment_method"
            return {**intent, "next_action": None, "payment_method": None, "status": status}
        return intent

    def unexpected(self, intent: Record, message: str, **more: Any) -> Refused:
        """Return the refusal of an operation that the state of an intent does not allow."""
        more[self.object] = shown(intent)
        return Refused(message, code=f"{self.object}_unexpected_state", **more)
