"""Account links: pages on which an account is set up."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

LIFE_S = 5 * 60
ONBOARDING = "account_onboarding"


class AccountLinks(Transient):
    """Account links; nothing is kept of one but its address."""

    object = "account_link"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a link for an account, good for a few minutes."""
        accounts = registry.need("account")
        account = accounts.given(work, params["account"], "account")
        controller = account["controller"]
        if params["type"] != ONBOARDING and controller["requirement_collection"] == "stripe":
            raise Refused(
                f"You cannot create `{params['type']}` type Account Links for this account: Stripe "
                f"collects its details, so only `{ONBOARDING}` is there for it."
            )
        for name in ("refresh_url", "return_url"):
            if params.get(name) is None:
                raise errors.missing(name)
        url = f"https://connect.stripe.com/setup/{account['id']}/{letters(12)}"
        return {
            "object": self.object,
            "created": work.now,
            "expires_at": work.now + LIFE_S,
            "url": url,
        }


RESOURCE = AccountLinks()
