"""Customer sessions: keys for a page's components that act for a customer."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Obj
from tigerstripe.facts.table import facts
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Inclusions, Transient
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

LIFE_S = 30 * 60


class CustomerSessions(Transient):
    """Customer sessions; nothing is kept of one, for there are no components here."""

    object = "customer_session"
    not_yet: tuple[str, ...] = ("customer_account",)

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a session for a customer, good for half an hour; raises `Refused`."""
        if not any((one or {}).get("enabled") for one in params["components"].values()):
            raise Refused("You must enable at least one component.", param="components")
        customer = registry.need("customer").given(work, params.get("customer") or "", "customer")
        return {
            "object": self.object,
            "client_secret": f"cuss_secret_{letters(60)}",
            "created": work.now,
            "customer": customer["id"],
            "customer_account": None,
            "expires_at": work.now + LIFE_S,
            "livemode": False,
            PRIVATE: {"components": params["components"]},
        }

    # --- What is only there when it is expanded ---

    def _components(self, work: Work, record: Record, kept: Record) -> Record:
        kind = facts().fields(self.object).fields["components"].kind
        assert isinstance(kind, Obj)
        given = kept["components"]
        return {name: {"enabled": False, **(given.get(name) or {})} for name in kind.fields}

    included: Inclusions = {"components": _components}


RESOURCE = CustomerSessions()
