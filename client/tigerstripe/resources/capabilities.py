"""Capabilities: what an account has requested, and may do once it has given all details."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.facts.kinds import Obj
from tigerstripe.facts.table import facts
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Resource, operation, private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class Capabilities(Resource):
    """Capabilities; an account's own record says which it has."""

    object = "capability"
    table = ""
    prefix = ""
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    param: str | None = "capability"
    event: str | None = "capability"
    has_metadata = False

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the capabilities that an account has asked for."""
        account = registry.need("account").named(work, ids)
        shown = [_shown(account, name) for name in sorted(account["capabilities"])]
        return listing.listed(shown, False)

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return one capability, asked for or not."""
        if "account" not in ids:  # an id alone names none: each account has its own
            raise self.missing(next(iter(ids.values())), self.param, in_path=True)
        account = registry.need("account").named(work, {"account": ids["account"]})
        self._check(ids["capability"])
        return _shown(account, ids["capability"])

    @operation("POST /v1/accounts/{account}/capabilities/{capability}")
    def request(self, work: Work, ids: Ids, params: Params) -> Record:
        """Ask for a capability, or no longer."""
        self._check(ids["capability"])
        accounts = registry.need("account")
        wanted = {"requested": params.get("requested")}
        if wanted["requested"] is None:
            return self.retrieve(work, ids, params)
        changes = {"capabilities": {ids["capability"]: wanted}}
        account = accounts.update(work, {"account": ids["account"]}, changes)
        return _shown(account, ids["capability"])

    def _check(self, name: str) -> None:
        if name not in _names():
            raise errors.no_such(self.name, name, self.param, in_path=True)


def _names() -> frozenset[str]:
    """Return the names of all capabilities that there are."""
    kind = facts().parameters("POST /v1/accounts").fields["capabilities"].kind
    return frozenset(kind.fields if isinstance(kind, Obj) else ())


def _shown(account: Record, name: str) -> Record:
    status = account["capabilities"].get(name, "unrequested")
    is_requested = status != "unrequested"
    requirements = {**account["requirements"]} if is_requested else account["future_requirements"]
    return {
        "id": name,
        "object": Capabilities.object,
        "account": account["id"],
        "future_requirements": account["future_requirements"],
        "requested": is_requested,
        "requested_at": private(account).get("requested_at", {}).get(name),
        "requirements": requirements,
        "status": status,
    }


def of(account: Record, name: str) -> Record:
    """Return one capability of an account, as events tell of it."""
    return _shown(account, name)


RESOURCE = Capabilities()
