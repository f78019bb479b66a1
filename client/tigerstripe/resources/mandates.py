"""Mandates: a buyer's permission to debit a bank account, given with a confirmed intent."""

from __future__ import annotations

from typing import Any

from tigerstripe.ids import letters
from tigerstripe.objects.resource import Resource, private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

OFFLINE: Record = {"type": "offline"}
ENDING = frozenset(("au_becs_debit", "bacs_debit"))
ENDS = frozenset(("account_closed", "debit_not_authorized", "no_account"))
"""The failures after which no more can be debited, and the types that are so."""


class Mandates(Resource):
    """Mandates."""

    object = "mandate"
    table = "mandates"
    prefix = "mandate"
    param: str | None = "mandate"
    event: str | None = None
    has_created = False
    has_metadata = False
    standard: frozenset[str] = frozenset(("retrieve",))

    def of_method(
        self,
        work: Work,
        method: Record,
        acceptance: dict[str, Any] | None,
        amount: tuple[int, str] | None,
    ) -> Record:
        """Make one of a payment method: for one payment of an amount, or for all from now on."""
        kind = method["type"]
        given = acceptance or OFFLINE
        accepted = {"accepted_at": given.get("accepted_at") or work.now, "type": given["type"]}
        accepted[given["type"]] = _place(given)
        fields: Record = {
            "customer_acceptance": accepted,
            "payment_method": method["id"],
            "payment_method_details": {kind: _details(kind), "type": kind},
            "status": "active",
            "type": "multi_use" if amount is None else "single_use",
        }
        if amount is None:
            fields["multi_use"] = {}
        else:
            fields["single_use"] = {"amount": amount[0], "currency": amount[1]}
        return self.add(work, fields)

    def refused(self, work: Work, method: Record, failure: str) -> Record:
        """Return a payment method after its bank refused a debit, which may end its mandate.

        So it is of some types, as Stripe's testing pages say; the next debit needs another one.
        """
        mandate = work.get(self.table, private(method).get("mandate") or "")
        if mandate is None or method["type"] not in ENDING or failure not in ENDS:
            return method
        work.put(self.table, {**mandate, "status": "inactive"})
        work.tell("mandate.updated", {**mandate, "status": "inactive"}, {"status": "active"})
        kept = {name: value for name, value in private(method).items() if name != "mandate"}
        work.put("payment_methods", {**method, PRIVATE: kept})
        return {**method, PRIVATE: kept}


def _place(given: dict[str, Any]) -> Record:
    """Return where a mandate was accepted; values that only the client knows are null."""
    if given["type"] == "offline":
        return {}
    online = given.get("online") or {}
    return {name: online.get(name) for name in ("ip_address", "user_agent")}


def _details(kind: str) -> Record:
    if kind == "sepa_debit":
        return {"reference": letters(16).upper(), "url": _url()}
    if kind == "bacs_debit":
        reference = letters(16).upper()
        return {
            "display_name": None,
            "network_status": "accepted",
            "reference": reference,
            "revocation_reason": None,
            "service_user_number": None,
            "url": _url(),
        }
    if kind == "acss_debit":
        return {
            "interval_description": None,
            "payment_schedule": "sporadic",
            "transaction_type": "personal",
        }
    return {"url": _url()} if kind == "au_becs_debit" else {}


def _url() -> str:
    return f"https://payments.stripe.com/mandates/{letters(40)}"


RESOURCE = Mandates()
