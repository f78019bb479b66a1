"""Persons of an account; they are kept among the account's own objects."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.resources import account_details as details
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import Work


class Persons(Resource):
    """Persons of connected accounts."""

    object = "person"
    table = "persons"
    prefix = "person"
    id_length = 14
    has_livemode = False
    param: str | None = "person"
    parent: str | None = "account"
    standard: frozenset[str] = Resource.standard | {"delete"}
    not_yet: tuple[str, ...] = ("documents", "person_token", "verification")
    filters: Filters = {
        "relationship": lambda record, wanted: any(
            record["relationship"].get(name) for name, asked in wanted.items() if asked
        )
    }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let an account name somebody."""
        return super().create(self._inside(work, ids), ids, params)

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return somebody whom an account has named."""
        return super().retrieve(self._inside(work, ids), ids, params)

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the details of a person."""
        return super().update(self._inside(work, ids), ids, params)

    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take somebody's name from an account."""
        return super().delete(self._inside(work, ids), ids, params)

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of those whom an account has named."""
        return super().list(self._inside(work, ids), ids, params)

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new person."""
        return {
            **details.fresh_person(),
            **details.shown(params),
            "relationship": {**details.NO_RELATIONSHIP, **(params.get("relationship") or {})},
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return somebody of whom other things are known."""
        return merged(old, details.shown(params))

    def _inside(self, work: Work, ids: Ids) -> Work:
        inside: Work = registry.need("account").inside(work, ids["account"])
        return inside


RESOURCE = Persons()
