"""Reviews: charges with an elevated risk, for somebody to check (not recorded)."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.objects.resource import Ids, Resource, Tests, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class Reviews(Resource):
    """Reviews, opened by a test card of elevated risk; the list shows those that are open."""

    object = "review"
    table = "reviews"
    prefix = "prv"
    event: str | None = None  # it is opened and closed: see below
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    shown: Tests = {"open": bool}

    def open_for(self, work: Work, charge: Record) -> Record:
        """Let a charge be looked at; return the charge after it."""
        review = self.add(work, {
            "billing_zip": charge["billing_details"]["address"]["postal_code"],
            "charge": charge["id"],
            "closed_reason": None,
            "ip_address": None,
            "ip_address_location": None,
            "open": True,
            "opened_reason": "rule",
            "payment_intent": charge["payment_intent"],
            "reason": "rule",
            "session": None,
        })  # fmt: skip
        work.tell("review.opened", review)
        new = {**charge, "review": review["id"]}
        work.put("charges", new)
        return new

    @operation("POST /v1/reviews/{review}/approve")
    def approve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Find a charge good, which closes its review."""
        review = self.named(work, ids)
        if not review["open"]:
            raise Refused(f"Review {review['id']} is closed already.")
        return self._closed(work, review, "approved")

    def closed_by(self, work: Work, charge: str, reason: str) -> None:
        """Close the review of a charge, with the reason."""
        found = work.get("charges", charge)
        review = work.get(self.table, found["review"] or "") if found is not None else None
        if review is not None and review["open"]:
            self._closed(work, review, reason)

    def _closed(self, work: Work, review: Record, reason: str) -> Record:
        new = {**review, "closed_reason": reason, "open": False, "reason": reason}
        work.put(self.table, new)
        work.tell("review.closed", new)
        return new


RESOURCE = Reviews()
