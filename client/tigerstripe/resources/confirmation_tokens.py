"""Confirmation tokens: the buyer's choices on a page, for the server's confirmation.

The real Stripe.js makes them in pages; here the test helper does.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Resource, private
from tigerstripe.payments import charging
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

LIFE_S = 12 * 3600
"""How long one can be used, as Stripe's reference shows it."""

OF_METHOD = frozenset(("id", "object", "created", "livemode", "metadata", PRIVATE))
"""The fields of a payment method that its preview does not have."""
FIELDS = ("return_url", "setup_future_usage", "shipping", "use_stripe_sdk")
"""The fields that a confirmation takes from one, where the request itself says nothing."""


class ConfirmationTokens(Resource):
    """Confirmation tokens; each confirms one intent."""

    object = "confirmation_token"
    table = "confirmation_tokens"
    prefix = "ctoken"
    param: str = "confirmation_token"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("create", "retrieve"))
    not_yet: tuple[str, ...] = ("payment_method_options",)

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new one; the payment method is only made when it is used."""
        methods = registry.need("payment_method")
        id, data = params.get("payment_method"), params.get("payment_method_data")
        if (id is None) == (data is None):
            raise Refused(
                "You must provide one of these parameters: payment_method, payment_method_data.",
                param="payment_method",
            )
        if data is None:
            method = methods.given(work, id, "payment_method")
            kept: Record = {"id": method["id"]}
        else:
            try:
                kept = method = methods.new(work, data)
            except Refused as refused:
                raise errors.under(refused, "payment_method_data") from None
        preview = {name: value for name, value in method.items() if name not in OF_METHOD}
        return {
            "expires_at": work.now + LIFE_S,
            "mandate_data": None,
            "payment_intent": None,
            "payment_method_options": None,
            "payment_method_preview": preview,
            "return_url": params.get("return_url"),
            "setup_future_usage": params.get("setup_future_usage"),
            "setup_intent": None,
            "shipping": charging.shipping(params.get("shipping")),
            "use_stripe_sdk": True,
            PRIVATE: {"payment_method": kept},
        }

    # --- Used ---

    def unfolded(self, work: Work, params: Params) -> tuple[Record, Params]:
        """Return the one that a confirmation names, and its parameters as that says them.

        Raises `Refused` if it is used, its time is over, or a payment method is given beside it.
        """
        token = self.given(work, params["confirmation_token"], self.param)
        for name in ("payment_method", "payment_method_data"):
            if params.get(name) is not None:
                raise Refused(
                    f"You may only specify one of these parameters: confirmation_token, {name}."
                )
        if token["payment_intent"] or token["setup_intent"]:
            raise Refused(
                f"ConfirmationToken {token['id']} has been used already; make another one.",
                param=self.param,
            )
        if token["expires_at"] <= work.now:
            raise Refused(
                f"ConfirmationToken {token['id']} has expired; make another one.", param=self.param
            )
        kept = private(token)["payment_method"]
        method = kept if "id" in kept else registry.need("payment_method").add(work, kept)
        says = {name: token[name] for name in FIELDS if token[name] is not None}
        says.update(payment_method=method["id"])
        return token, {**says, **{n: v for n, v in params.items() if n != self.param}}

    def use(self, work: Work, token: Record, intent: Record) -> None:
        """Note which intent one has confirmed."""
        work.put(self.table, {**token, intent["object"]: intent["id"], "expires_at": None})


RESOURCE = ConfirmationTokens()
