"""Disputes: charges that buyers question at their banks, from the first notice to the end."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Obj
from tigerstripe.facts.table import facts
from tigerstripe.objects import due, metadata, registry
from tigerstripe.objects.resource import Filters, Ids, Resource, operation, private
from tigerstripe.payments import books
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import PRIVATE, Work

REASON_CODES = {
    "credit_not_processed": "13.7",
    "duplicate": "12.6",
    "fraudulent": "10.4",
    "general": "13.5",
    "product_not_received": "13.1",
    "product_unacceptable": "13.3",
    "subscription_canceled": "13.2",
    "unrecognized": "10.4",
}
"""The network's codes of reasons."""
OF_BANKS = frozenset((
    "bank_cannot_process", "check_returned", "customer_initiated", "debit_not_authorized",
    "incorrect_account_details", "insufficient_funds", "noncompliant",
))  # fmt: skip
"""The reasons that no card network has."""
INQUIRY_CODE = "10"
OPEN = frozenset(
    ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
)
CLOSED = "This dispute is already closed"

MAGIC = {
    "winning_evidence": "won",
    "losing_evidence": "lost",
    "escalate_inquiry_evidence": "escalated",
}
"""The decisions of the bank by texts of the testing page, given as `uncategorized_text`."""
ANSWER_DAYS = 8
"""The last second of the eighth day after is when evidence is due, as recorded."""
DAY_S = 24 * 3600


class Disputes(Resource):
    """Disputes: made by buyers, that is, by test cards and `account.dispute`."""

    object = "dispute"
    table = "disputes"
    prefix = "du"
    param: str | None = "dispute"
    event: str | None = "charge.dispute"
    reasons: frozenset[str] = OF_BANKS | REASON_CODES.keys()
    failures: frozenset[str] = frozenset[str]()
    standard: frozenset[str] = frozenset(("list", "retrieve", "update"))
    listed_of: tuple[str, ...] = ("charge", "payment_intent")
    filters: Filters = {"payment_intent": lambda record, wanted: record["payment_intent"] == wanted}

    def view(self, work: Work, record: Record) -> Record:
        """Return a dispute as it is at this time: the answer may be overdue."""
        details = record["evidence_details"]
        is_past_due = details["due_by"] < work.now and record["status"] in OPEN
        if is_past_due == details["past_due"]:
            return record
        return {**record, "evidence_details": {**details, "past_due": is_past_due}}

    def open(
        self,
        work: Work,
        charge: Record,
        *,
        reason: str = "fraudulent",
        amount: int | None = None,
        is_inquiry: bool = False,
    ) -> tuple[Record, Record]:
        """Let a buyer question a charge; return the charge after it, and the dispute.

        A chargeback takes the money away at once; an inquiry takes none yet.
        """
        fields = self._fields(work, charge, reason, amount, is_inquiry)
        dispute = self.add(work, fields)
        new = {**charge, "dispute": dispute["id"], "disputed": True}
        due.schedule(work, self.object, dispute["id"], dispute["evidence_details"]["due_by"] + 1)
        if not is_inquiry:
            dispute = self._withdraw(work, dispute)
            new[PRIVATE] = {**private(charge), "is_charged_back": True}
        work.put("charges", new)
        registry.need("review").closed_by(work, charge["id"], "disputed")
        return new, dispute

    def _fields(
        self, work: Work, charge: Record, reason: str, amount: int | None, is_inquiry: bool
    ) -> Record:
        day = work.now // DAY_S + ANSWER_DAYS
        kind = charge["payment_method_details"]["type"]
        shown: Record = {"type": kind}
        if kind == "card":
            brand = charge["payment_method_details"]["card"]["brand"]
            code = INQUIRY_CODE if is_inquiry else REASON_CODES.get(reason)
            case = "inquiry" if is_inquiry else "chargeback"
            shown["card"] = {
                "brand": brand, "case_type": case, "network": brand, "network_reason_code": code,
            }  # fmt: skip
        return {
            "amount": charge["amount"] if amount is None else amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(_evidence()), "enhanced_evidence": {}},
            "evidence_details": {
                "due_by": (day + 1) * DAY_S - 1,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "intended_submission_method": "manual",
            "is_charge_refundable": is_inquiry,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": dict(sorted(shown.items())),
            "reason": reason,
            "status": "warning_needs_response" if is_inquiry else "needs_response",
        }

    # --- Its money ---

    def _withdraw(self, work: Work, dispute: Record) -> Record:
        """Take the money of a dispute, and its fee, out of the account."""
        dispute = self._posted(work, dispute, -1, "dispute", "Chargeback withdrawal for")
        work.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def _reinstate(self, work: Work, dispute: Record) -> Record:
        """Give the money of a dispute that was won back, and its fee (not recorded)."""
        dispute = self._posted(work, dispute, 1, "dispute_reversal", "Chargeback reversal for")
        work.tell("charge.dispute.funds_reinstated", dispute)
        return dispute

    def _posted(self, work: Work, dispute: Record, sign: int, category: str, words: str) -> Record:
        posted = books.post(
            work,
            dispute["id"],
            sign * dispute["amount"],
            dispute["currency"],
            type="adjustment",
            category=category,
            fee=-sign * books.DISPUTE_FEE,
            description=f"{words} {dispute['charge']}",
        )
        moved = [*dispute["balance_transactions"], posted]
        dispute = {**dispute, "balance_transactions": moved}
        work.put(self.table, dispute)
        return dispute

    # --- What the merchant answers ---

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a dispute: evidence is sent to the bank at once, unless `submit` is false."""
        old = self.named(work, ids)
        if old["status"] not in OPEN:
            raise Refused(CLOSED)
        given = params.pop("evidence", None)
        submits = params.pop("submit", True) and given is not None
        new = self.change(work, old, metadata.merged(old, params))
        if given is not None:
            new = {**new, "evidence": merged(old["evidence"], given)}
        return self._answered(work, old, new, submits=submits)

    def _answered(self, work: Work, old: Record, new: Record, *, submits: bool) -> Record:
        details = new["evidence_details"]
        has_evidence = any(v for v in new["evidence"].values())
        details = {**details, "has_evidence": has_evidence}
        if submits:
            count = details["submission_count"] + 1
            details = {**details, "submission_count": count, "submission_method": "manual"}
            is_inquiry = new["status"].startswith("warning_")
            new = {**new, "status": "warning_under_review" if is_inquiry else "under_review"}
            due.cancel(work, new["id"])
        dispute = self.save(work, old, {**new, "evidence_details": details})
        if not submits:
            return dispute
        self._tell_charge(work, dispute)
        verdict = MAGIC.get(new["evidence"]["uncategorized_text"] or "")
        return self.settle(work, dispute, verdict) if verdict is not None else dispute

    @operation("POST /v1/disputes/{dispute}/close")
    def close(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give a dispute up: it is lost."""
        dispute = self.named(work, ids)
        if dispute["status"] not in OPEN:
            raise Refused(CLOSED)
        closed = self.settle(work, dispute, "lost")
        self._tell_charge(work, closed)
        return closed

    def _tell_charge(self, work: Work, dispute: Record) -> None:
        """Tell of a dispute's charge when the merchant has answered, as recorded."""
        charge = work.get("charges", dispute["charge"])
        if charge is not None:
            work.tell("charge.updated", charge, {})

    # --- What the bank decides ---

    def settle(self, work: Work, dispute: Record, verdict: str) -> Record:
        """End a dispute, `won` or `lost`; or turn an inquiry into a chargeback: `escalated`.

        An inquiry that is neither ends as `warning_closed`, with no money moved.
        """
        due.cancel(work, dispute["id"])
        is_inquiry = dispute["status"].startswith("warning_")
        if verdict == "escalated" and is_inquiry:
            return self._escalated(work, dispute)
        old = dispute
        status = "warning_closed" if is_inquiry else verdict
        if status == "won":
            dispute = self._reinstate(work, dispute)
            self._charged_back(work, dispute, is_it=False)
        is_refundable = status != "lost"
        new = {**dispute, "is_charge_refundable": is_refundable, "status": status}
        work.put(self.table, new)
        work.tell("charge.dispute.closed", new, {"status": old["status"]})
        return new

    def _escalated(self, work: Work, dispute: Record) -> Record:
        shown = dispute["payment_method_details"]
        if shown["type"] == "card":
            code = REASON_CODES.get(dispute["reason"])
            card = {**shown["card"], "case_type": "chargeback", "network_reason_code": code}
            shown = {**shown, "card": card}
        new = {
            **dispute,
            "is_charge_refundable": False,
            "payment_method_details": shown,
            "status": "needs_response",
        }
        new = self.save(work, dispute, new)
        self._charged_back(work, new, is_it=True)
        due.schedule(work, self.object, new["id"], new["evidence_details"]["due_by"] + 1)
        return self._withdraw(work, new)

    def _charged_back(self, work: Work, dispute: Record, *, is_it: bool) -> None:
        charge = work.get("charges", dispute["charge"])
        if charge is not None:
            kept = {**private(charge), "is_charged_back": is_it}
            work.put("charges", {**charge, PRIVATE: kept})

    def happen(self, work: Work, id: str) -> None:
        """Lose a dispute that nobody has answered in time; an inquiry is closed."""
        dispute = work.get(self.table, id)
        if dispute is not None and dispute["status"] in OPEN:
            self.settle(work, dispute, "lost")


def _evidence() -> list[str]:
    """Return the names of all that may be said of a charge."""
    kind = facts().fields("dispute").fields["evidence"].kind
    assert isinstance(kind, Obj)
    return [name for name in kind.fields if name != "appeal"]


RESOURCE = Disputes()
