"""Early fraud warnings: a card network reports that a charge may be fraudulent."""

from __future__ import annotations

from tigerstripe.objects.resource import Filters, Resource
from tigerstripe.records import Record
from tigerstripe.work.unit import Work


class EarlyFraudWarnings(Resource):
    """Early fraud warnings, made by test cards."""

    object = "radar.early_fraud_warning"
    table = "early_fraud_warnings"
    prefix = "issfr"
    has_metadata = False
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    listed_of: tuple[str, ...] = ("charge", "payment_intent")
    filters: Filters = {"payment_intent": lambda record, wanted: record["payment_intent"] == wanted}

    def warn(self, work: Work, charge: Record) -> Record:
        """Make one of a charge."""
        return self.add(work, {
            "actionable": True,
            "charge": charge["id"],
            "fraud_type": "misc",
            "payment_intent": charge["payment_intent"],
        })  # fmt: skip

    def refunded(self, work: Work, charge: str) -> None:
        """Note that a charge is refunded, so that its warning needs no action."""
        for found in work.find_by(self.table, "charge", charge):
            warning = work.get(self.table, found["id"])  # so that it is guarded
            if warning is not None:
                self.save(work, warning, {**warning, "actionable": False})


RESOURCE = EarlyFraudWarnings()
