"""Returns in parts: reversals of a transfer, refunds of an application fee.

Each part is written into the books of the platform and of the account. If a part went back with a
refund that then failed, it is undone: its money returns, and it no longer counts.
"""

from __future__ import annotations

from abc import abstractmethod

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.objects import listing, metadata, registry
from tigerstripe.objects.resource import Ids, Resource, Tests, private
from tigerstripe.payments import connect
from tigerstripe.payments.amounts import check_positive
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work


class Whole(Resource):
    """An object of which parts may come back; it counts and lists them."""

    part: str
    """The object that its parts are."""
    parts: str
    """The field that lists them."""
    flag: str
    """The field that says whether all has come back; `amount_` before it: how much has."""
    path: str
    """The path of one, with {} for its id."""
    owner: str
    """The field with the account that it concerns."""

    @abstractmethod
    def over(self, whole: Record) -> Refused:
        """Return the refusal of a part where nothing is left."""

    @abstractmethod
    def too_much(self, amount: str, left: str) -> str:
        """Return the message for a part that is larger than the rest."""

    def given_back(self, work: Work, whole: Record, amount: int, params: Params) -> Record:
        """Take a part back; return it.

        Raises `Refused`: as recorded, if less is left; and if the account is deleted.
        """
        if not connect.is_there(work, whole[self.owner]):
            raise Refused(
                f"Nothing of {whole['id']} can come back: its account, {whole[self.owner]}, has "
                f"been deleted."
            )
        left = self.left(whole)
        if left <= 0:
            raise self.over(whole)
        check_positive(amount)
        if amount > left:
            shown = (money.shown(n, whole["currency"]) for n in (amount, left))
            raise Refused(self.too_much(*shown), param="amount")
        made: Record = registry.need(self.part).made(work, whole, amount, params)
        self.counted(work, whole, amount)
        return made

    def left(self, whole: Record) -> int:
        """Return how much has not come back yet."""
        return int(whole["amount"] - whole[f"amount_{self.flag}"])

    def counted(self, work: Work, whole: Record, amount: int) -> None:
        """Store a whole with its parts as they are now, so much of it more; less than 0: less."""
        parts = registry.need(self.part)
        found = work.find_by(parts.table, parts.parent, whole["id"])
        total = whole[f"amount_{self.flag}"] + amount
        new = {
            **whole,
            f"amount_{self.flag}": total,
            self.flag: total == whole["amount"],
            self.parts: self.listed(whole["id"], [one for one in found if not is_undone(one)]),
        }
        self.save(work, whole, new, self.event_of(amount))

    def event_of(self, amount: int) -> str:
        """Return how it is told that so much more has come back."""
        return self.flag if amount > 0 else "updated"

    def listed(self, id: str, found: list[Record]) -> Record:
        """Return the list of parts that a whole shows."""
        data = found[: listing.LIMIT]
        return {
            **listing.listed(data, len(found) > len(data)),
            "total_count": len(found),
            "url": f"{self.path.format(id)}/{self.parts}",
        }


class Part(Resource):
    """A part that has come back."""

    whole: str
    """The object that it is a part of."""
    parent: str
    event: str | None = None
    has_livemode = False
    standard: frozenset[str] = frozenset(("retrieve", "update"))
    shown: Tests = {
        PRIVATE: lambda kept: not (kept or {}).get("is_undone"),
    }

    @abstractmethod
    def made(self, work: Work, whole: Record, amount: int, params: Params) -> Record:
        """Store a part, and write it into both sides' books."""

    @abstractmethod
    def taken_back(self, work: Work, part: Record) -> None:
        """Write into both sides' books that a part does not come back after all."""

    def returned(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take back a part of the whole that the path names: by default its rest."""
        wholes = registry.need(self.whole)
        whole = wholes.named(work, ids)
        amount = params.get("amount")
        if amount is None:
            amount = wholes.left(whole)
        made: Record = wholes.given_back(work, whole, amount, params)
        return made

    def of_whole(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the parts of the whole that the path names."""
        whole = registry.need(self.whole).named(work, ids)
        return self.list(work, {self.parent: whole["id"]}, params)

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the metadata of a part, in its whole too."""
        old = self.named(work, ids)
        new = self.save(work, old, {**old, **metadata.merged(old, params)})
        wholes = registry.need(self.whole)
        wholes.counted(work, wholes.named(work, {"id": ids[self.parent]}), 0)
        return new

    def undo(self, work: Work, id: str) -> None:
        """Let a part not have come back; if its account is deleted, nobody is there to get it."""
        part = work.get(self.table, id)
        assert part is not None, id
        wholes = registry.need(self.whole)
        whole = wholes.named(work, {"id": part[self.parent]})
        if not connect.is_there(work, whole[wholes.owner]):
            return
        self.taken_back(work, part)
        work.put(self.table, {**part, PRIVATE: {"is_undone": True}})
        wholes.counted(work, whole, -part["amount"])


def is_undone(part: Record) -> bool:
    """Tell whether a part does not count any more."""
    return bool(private(part).get("is_undone"))
