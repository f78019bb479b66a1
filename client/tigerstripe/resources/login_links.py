"""Login links: the owner of an account opens its Express dashboard by them."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class LoginLinks(Transient):
    """Login links; nothing is kept of one."""

    object = "login_link"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a link to an account's Express dashboard."""
        account = registry.need("account").named(work, ids)
        dashboard = account["controller"].get("stripe_dashboard", {}).get("type")
        if dashboard != "express":
            raise Refused(
                f"Login links are for accounts with the Express dashboard; the dashboard of "
                f"{account['id']} is `{dashboard}`."
            )
        if not account["details_submitted"]:
            raise Refused("Cannot create a login link for an account that has not been onboarded.")
        url = f"https://connect.stripe.com/express/{account['id']}/{letters(12)}"
        return {"object": self.object, "created": work.now, "url": url}


RESOURCE = LoginLinks()
