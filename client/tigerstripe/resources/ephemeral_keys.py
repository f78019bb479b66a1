"""Ephemeral keys: keys for a mobile app that acts for a customer."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

LIFE_S = 3600


class EphemeralKeys(Resource):
    """Ephemeral keys, as recorded; no request is made by one here."""

    object = "ephemeral_key"
    table = "ephemeral_keys"
    prefix = "ephkey"
    param: str | None = "key"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("create", "delete"))
    not_yet: tuple[str, ...] = ("issuing_card", "nonce", "verification_session")

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a key for a customer, good for an hour."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        return {
            "associated_objects": [{"id": customer["id"], "type": "customer"}],
            "expires": work.now + LIFE_S,
        }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a key; only this answer has its secret."""
        return {**super().create(work, ids, params), "secret": f"ek_test_{letters(56)}"}

    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """End a key; return it as it is then."""
        key = self.named(work, ids)
        self.drop(work, key)
        return {**key, "expires": work.now}


RESOURCE = EphemeralKeys()
