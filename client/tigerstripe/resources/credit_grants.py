"""Credit grants: billing credits that a customer has bought, or was given."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.billing import granted
from tigerstripe.errors import Refused
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments.amounts import check_positive
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

UNUSED_MAX = 100
"""How many grants of a customer's may have something left, as Stripe's guide says."""
PRIORITY = 50
PRIORITIES = range(101)


class CreditGrants(Resource):
    """Credit grants; the rest of one is the sum of its transactions."""

    object = "billing.credit_grant"
    table = "credit_grants"
    prefix = "credgr_test"
    id_length = 36
    name = "billing credit grant"
    told: frozenset[str] = frozenset(("created", "updated"))
    on_clocks: tuple[str, ...] = ("customer",)
    listed_of: tuple[str, ...] = ("customer",)
    not_yet: tuple[str, ...] = ("customer_account",)

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new grant."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        monetary = params["amount"].get("monetary")
        if monetary is None:
            raise errors.missing("amount[monetary]")
        check_positive(monetary["value"], "amount[monetary][value]")
        currency = money.currency(monetary["currency"], "amount[monetary][currency]")
        priority = params.get("priority", PRIORITY)
        if priority not in PRIORITIES:
            raise Refused(f"Invalid priority: {priority}; use 0 to 100.", param="priority")
        effective_at = params.get("effective_at", work.now)
        _check_end(work, params.get("expires_at"), effective_at)
        return {
            "amount": {
                "monetary": {"currency": currency, "value": monetary["value"]},
                "type": "monetary",
            },
            "applicability_config": {"scope": _scope(work, params["applicability_config"])},
            "category": params.get("category") or "paid",
            "customer": customer["id"],
            "customer_account": None,
            "effective_at": effective_at,
            "expires_at": params.get("expires_at"),
            "metadata": params.get("metadata"),
            "name": params.get("name"),
            "priority": priority,
            "test_clock": customer["test_clock"],
            "updated": work.now,
            "voided_at": None,
        }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Grant credits to a customer."""
        fields = self.new(work, params)
        self._check_unused(work, fields["customer"])
        grant = self.add(work, fields)
        amount = grant["amount"]["monetary"]["value"]
        registry.need(granted.TRANSACTION).credited(work, grant, amount, "credits_granted")
        self._ends(work, grant)
        return grant

    def _check_unused(self, work: Work, customer: str) -> None:
        """Raise `Refused` if a customer has the largest number of grants with a rest."""
        work.touch("customers", customer)  # of two that make the last one, one tries again
        there = work.find_by(self.table, "customer", customer)
        going_on = [grant for grant in there if not granted.is_over(grant, work.now)]
        if sum(granted.left(work, grant) > 0 for grant in going_on) >= UNUSED_MAX:
            raise Refused(
                f"A customer can have at most {UNUSED_MAX} unused credit grants, and "
                f"{customer} has as many: expire or void one.",
                param="customer",
            )

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a grant with another end, or with none."""
        if "expires_at" in params:
            self._check_open(work, old)
            _check_end(work, params["expires_at"], old["effective_at"])
        return {**old, **params, "updated": work.now}

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed grant, and let it expire when it says."""
        saved = super().save(work, old, new, event)
        self._ends(work, saved)
        return saved

    def _ends(self, work: Work, grant: Record) -> None:
        due.cancel(work, grant["id"])
        if grant["expires_at"] is not None and grant["expires_at"] > work.now:
            due.schedule(work, self.object, grant["id"], grant["expires_at"])

    def _check_open(self, work: Work, grant: Record) -> None:
        """Raise `Refused` for a grant that is over."""
        if grant["voided_at"] is not None:
            raise Refused(f"Credit grant {grant['id']} has been voided.")
        if grant["expires_at"] is not None and grant["expires_at"] <= work.now:
            raise Refused(f"Credit grant {grant['id']} has expired.")

    @operation("POST /v1/billing/credit_grants/{id}/expire")
    def expire(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a grant end now."""
        grant = self.named(work, ids)
        self._check_open(work, grant)
        return self._over(work, grant, "credits_expired", expires_at=work.now)

    @operation("POST /v1/billing/credit_grants/{id}/void")
    def void(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take back an unused grant."""
        grant = self.named(work, ids)
        self._check_open(work, grant)
        if granted.left(work, grant) != grant["amount"]["monetary"]["value"]:
            raise Refused(
                f"Credit grant {grant['id']} has paid for something already: it can be expired, "
                f"not voided."
            )
        return self._over(work, grant, "credits_voided", voided_at=work.now)

    def _over(self, work: Work, grant: Record, kind: str, **when: int) -> Record:
        left = granted.left(work, grant)
        if left:
            registry.need(granted.TRANSACTION).debited(work, grant, left, kind)
        return self.save(work, grant, {**grant, **when, "updated": work.now})

    def happen(self, work: Work, id: str) -> None:
        """Let a grant expire."""
        grant = work.get(self.table, id)
        if grant is not None and grant["voided_at"] is None:
            left = granted.left(work, grant)
            if left:
                registry.need(granted.TRANSACTION).debited(work, grant, left, "credits_expired")


def _scope(work: Work, config: Params) -> Record:
    """Return the scope of a grant; raises `Refused`."""
    scope = config["scope"]
    kind, prices = scope.get("price_type"), scope.get("prices")
    at = "applicability_config[scope]"
    if (kind is None) == (not prices):
        raise errors.one_may_be_given(f"{at}[price_type]", f"{at}[prices]")
    if kind is not None:
        return {"price_type": kind}
    for place, one in enumerate(prices):
        registry.need("price").given(work, one["id"], f"{at}[prices][{place}][id]")
    return {"prices": [{"id": one["id"]} for one in prices]}


def _check_end(work: Work, expires_at: int | None, effective_at: int) -> None:
    if expires_at is not None and expires_at <= max(work.now, effective_at):
        message = "expires_at must be later than now, and than effective_at."
        raise Refused(message, param="expires_at")


RESOURCE = CreditGrants()
