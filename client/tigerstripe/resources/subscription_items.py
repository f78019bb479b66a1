"""The operations on items of subscriptions; the subscription's record has the items.

A record of this table only says which subscription an item is of, and which clock it goes by.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class SubscriptionItems(Resource):
    """Items of subscriptions."""

    object = "subscription_item"
    table = "subscription_items"
    prefix = "si"
    event: str | None = None
    on_clocks: tuple[str, ...] = ("subscription",)
    standard: frozenset[str] = Resource.standard | {"delete"}
    not_yet: tuple[str, ...] = ("billing_thresholds", "current_trial")

    def known(self, work: Work, subscription: Record) -> None:
        """Let the items of a subscription be found by their ids."""
        for item in subscription["items"]["data"]:
            if work.get(self.table, item["id"]) is None:
                of = {"id": item["id"], "subscription": subscription["id"]}
                work.put(self.table, {**of, "test_clock": subscription["test_clock"]})

    def _of(self, work: Work, ids: Ids) -> tuple[Record, Record]:
        """Return the subscription that an item is of, and the item; raises `Refused` (404)."""
        id = list(ids.values())[-1]
        subscriptions = registry.need("subscription")
        there = work.get(self.table, id)
        subscription = work.get(subscriptions.table, there["subscription"]) if there else None
        data = subscriptions.view(work, subscription)["items"]["data"] if subscription else ()
        item = next((one for one in data if one["id"] == id), None)
        if subscription is None or item is None:
            raise self.missing(id, self.param, in_path=True)
        return subscription, item

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Put another item on a subscription; it may wait there to be paid for."""
        subscription = registry.need("subscription").given(
            work, params["subscription"], "subscription"
        )
        before = {item["id"] for item in subscription["items"]["data"]}
        own = ("subscription", "payment_behavior", "proration_behavior", "proration_date")
        item = {name: value for name, value in params.items() if name not in own}
        new = self._update(work, subscription, item, params)
        waiting = (new["pending_update"] or {}).get("subscription_items") or ()
        there = (*new["items"]["data"], *waiting)
        return next(one for one in there if one["id"] not in before)

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an item."""
        return self._of(work, ids)[1]

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an item, and bill the change."""
        subscription, item = self._of(work, ids)
        own = ("off_session", "payment_behavior", "proration_behavior", "proration_date")
        wanted = {name: value for name, value in params.items() if name not in own}
        new = self._update(work, subscription, {**wanted, "id": item["id"]}, params)
        return next(one for one in new["items"]["data"] if one["id"] == item["id"])

    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take an item from its subscription."""
        subscription, item = self._of(work, ids)
        self._update(work, subscription, {"id": item["id"], "deleted": True}, params)
        return {"id": item["id"], "object": self.object, "deleted": True}

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a subscription's items."""
        subscriptions = registry.need("subscription")
        subscription = subscriptions.given(work, params["subscription"], "subscription")
        data = subscriptions.view(work, subscription)["items"]["data"]
        return listing.cut(data, params, self.name)

    def _update(self, work: Work, subscription: Record, item: Params, params: Params) -> Record:
        """Return a subscription after a change of one item, as an update of it would."""
        names = ("off_session", "payment_behavior", "proration_behavior", "proration_date")
        how = {name: params[name] for name in names if name in params}
        try:
            changed: Record = registry.need("subscription").update(
                work, {"subscription": subscription["id"]}, {"items": [item], **how}
            )
        except errors.Refused as refused:
            param = refused.error.get("param") or ""
            if param.startswith("items[0]["):
                name, _, rest = param.removeprefix("items[0][").partition("]")
                refused.error["param"] = name + rest
            raise
        return changed


RESOURCE = SubscriptionItems()
