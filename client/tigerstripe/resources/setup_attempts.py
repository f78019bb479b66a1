"""Setup attempts: each confirmation of a setup intent, with its outcome."""

from __future__ import annotations

from tigerstripe.objects.resource import Resource
from tigerstripe.payments.bank import Attempt
from tigerstripe.records import Record
from tigerstripe.work.unit import Work


class SetupAttempts(Resource):
    """Setup attempts."""

    object = "setup_attempt"
    table = "setup_attempts"
    prefix = "setatt"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("list",))
    listed_of: tuple[str, ...] = ("setup_intent",)

    def of(
        self, work: Work, intent: Record, attempt: Attempt, status: str, error: Record | None = None
    ) -> Record:
        """Note a confirmation of a setup intent."""
        method = attempt.method
        kind = method["type"]
        return self.add(work, {
            "application": None,
            "customer": intent["customer"],
            "customer_account": None,
            "flow_directions": intent["flow_directions"],
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {kind: _details(attempt), "type": kind},
            "setup_error": error,
            "setup_intent": intent["id"],
            "status": status,
            "usage": intent["usage"],
        })  # fmt: skip


def _details(attempt: Attempt) -> Record:
    if attempt.method["type"] != "card":
        return {}
    card = attempt.method["card"]
    names = (
        "brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4",
    )  # fmt: skip
    shown = {name: card[name] for name in names}
    return dict(sorted({
        **shown,
        "network": card["brand"],
        "three_d_secure": {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": None,
            "version": "2.2.0",
        } if attempt.is_authenticated else None,
        "wallet": card["wallet"],
    }.items()))  # fmt: skip


RESOURCE = SetupAttempts()
