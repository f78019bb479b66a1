"""Account sessions: keys for a page's components that show a connected account."""

from __future__ import annotations

from tigerstripe.facts.kinds import Obj
from tigerstripe.facts.table import facts
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

LIFE_S = 3600
NOT_BY_ITSELF = frozenset((
    "destination_on_behalf_of_charge_management", "disable_stripe_user_authentication",
))  # fmt: skip
"""The features that an enabled component does not have without being asked."""


class AccountSessions(Transient):
    """Account sessions; nothing is kept of one, for there are no components here to show."""

    object = "account_session"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a session for an account, good for an hour."""
        account = registry.need("account").given(work, params["account"], "account")
        kind = facts().fields(self.object).fields["components"].kind
        assert isinstance(kind, Obj)
        given = params["components"]
        return {
            "object": self.object,
            "account": account["id"],
            "client_secret": f"accs_secret__{letters(60)}",
            "components": {
                name: _component(field.kind, given.get(name) or {})
                for name, field in kind.fields.items()
            },
            "expires_at": work.now + LIFE_S,
            "livemode": False,
        }


def _component(kind: object, given: Params) -> Record:
    """Return a component as it is asked for, with all its features."""
    assert isinstance(kind, Obj)
    features = kind.fields["features"].kind
    assert isinstance(features, Obj)
    is_enabled, asked = bool(given.get("enabled")), given.get("features") or {}
    return {
        "enabled": is_enabled,
        "features": {
            name: asked.get(name, is_enabled and name not in NOT_BY_ITSELF)
            for name in features.fields
        },
    }


RESOURCE = AccountSessions()
