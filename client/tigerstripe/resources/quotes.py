"""Quotes: an offer to a customer, with its price.

draft -> open -> accepted; and canceled, from the first two, by a request or when it expires
"""

from __future__ import annotations

from tigerstripe.billing import discounts, periods
from tigerstripe.checkout import cart, offered, quoted, selling
from tigerstripe.errors import Refused
from tigerstripe.objects import due, listing, metadata, registry
from tigerstripe.objects.resource import Ids, Inclusions, Resource, operation, private
from tigerstripe.records import Params, Record
from tigerstripe.resources.checkout_items import RESOURCE as ITEMS
from tigerstripe.work.unit import PRIVATE, Work

LIFE_S = 30 * periods.DAY_S
GIVEN = (
    *offered.TEXTS, "application_fee_amount", "application_fee_percent", "automatic_tax",
    "collection_method", "default_tax_rates", "discounts", "invoice_settings", "on_behalf_of",
    "subscription_data", "transfer_data",
)  # fmt: skip
"""Parameters that a quote made from another takes from it."""
OF_OPEN = {"expires_at", "metadata"}
NULLS = (
    "application", "currency", "customer", "customer_account", "from_quote", "invoice", "number",
    "subscription", "subscription_schedule",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class Quotes(Resource):
    """Quotes; their private part has the parameters that they are made of."""

    object = "quote"
    table = "quotes"
    prefix = "qt"
    param: str | None = "quote"
    told: frozenset[str] = frozenset(("created",))
    on_clocks: tuple[str, ...] = ("customer", "test_clock")
    listed_of: tuple[str, ...] = ("customer",)
    not_yet: tuple[str, ...] = (
        "automatic_tax[liability][account]", "customer_account", "discounts[][discount]",
        "invoice_settings[issuer][account]", "line_items[][discounts]",
    )  # fmt: skip

    # --- Made and changed ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Draft a quote, which may be like another one."""
        if params.get("test_clock") is not None:
            clocks = registry.need("test_helpers.test_clock")
            clock = clocks.given(work, params["test_clock"], "test_clock")
            work = work.on_clock(clock["id"])
        plain: Record = {
            **dict.fromkeys(NULLS),
            "expires_at": work.now + LIFE_S,
            "metadata": {},
            "status": "draft",
            "status_transitions": dict.fromkeys(("accepted_at", "canceled_at", "finalized_at")),
            "test_clock": params.get("test_clock"),
            PRIVATE: {"discounts": [], "given": {}, "items": []},
        }
        if params.get("from_quote") is not None:
            plain, params = self._like(work, plain, params)
        quote = self.add(work, self._with(work, plain, metadata.merged(plain, params)))
        due.schedule(work, self.object, quote["id"], quote["expires_at"])
        return quote

    def _like(self, work: Work, plain: Record, params: Params) -> tuple[Record, Params]:
        """Return a new quote that comes of another one, and the parameters that make it so."""
        wanted = params["from_quote"]
        source = self.given(work, wanted["quote"], "from_quote[quote]")
        is_revision = bool(wanted.get("is_revision"))
        if is_revision and source["status"] == "draft":
            raise Refused(
                f"Only a quote that was finalized can be revised: {source['id']} is a draft, "
                f"which can be updated.",
                param="from_quote[is_revision]",
            )
        kept = private(source)
        same = {name: source[name] for name in ("customer", "metadata") if source[name]}
        items = [selling.as_given(item) for item in kept["items"]]
        fields = {**plain, "from_quote": {"is_revision": is_revision, "quote": source["id"]}}
        return fields, {**kept["given"], **same, "line_items": items, **params}

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a draft, or the end and the metadata of an open quote."""
        old = self.named(work, ids)
        fixed = sorted(params.keys() - OF_OPEN)
        if old["status"] == "open" and fixed:
            raise Refused(
                f"Only `expires_at` and `metadata` can be changed of a quote that is open; {fixed} "
                f"only while it is a draft.",
                param=fixed[0],
            )
        if old["status"] not in ("draft", "open"):
            self._check(old, "updated", ("draft", "open"))
        new = self._with(work, old, metadata.merged(old, params))
        self._drop_discounts(work, old, new)
        work = work.on_clock(new["test_clock"])
        due.schedule(work, self.object, new["id"], new["expires_at"])
        return self.save(work, old, new)

    def _with(self, work: Work, old: Record, params: Params) -> Record:
        """Return a quote as parameters leave it, with its amounts; raises `Refused`."""
        kept = private(old)
        given = {**kept["given"], **{n: v for n, v in params.items() if n in GIVEN}}
        new = {
            **old,
            **self._ends(work, params),
            **self._of_customer(work, old, params),
            **offered.fields(work, given),
            **offered.shared(work, given),
            **{name: params[name] for name in ("metadata",) if name in params},
        }
        items = kept["items"]
        if "line_items" in params:
            items = ITEMS.made(work, "quote", None, params["line_items"], items)
        new["currency"] = items[0]["currency"] if items else None
        found = kept["discounts"]
        if items and ("discounts" in params or "line_items" in params):
            found = self._discounts(work, new, given.get("discounts") or [], found)
        new["discounts"] = [one["id"] for one in found]
        parts = {
            "discounts": found,
            "given": given,
            "items": items,
        }
        return quoted.priced(work, {**new, PRIVATE: parts})

    def _ends(self, work: Work, params: Params) -> Record:
        at = params.get("expires_at")
        if at is None:
            return {}
        if at <= work.now:
            message = "expires_at must be in the future."
            raise Refused(message, param="expires_at")
        return {"expires_at": at}

    def _of_customer(self, work: Work, old: Record, params: Params) -> Record:
        """Return the fields that say whom a quote is for; raises `Refused` if that changes."""
        if params.get("customer") is None:
            return {}
        customer = registry.need("customer").given(work, params["customer"], "customer")
        if old["customer"] not in (None, customer["id"]):
            message = "The customer of a quote cannot be changed once it is specified."
            raise Refused(message, param="customer")
        if old["test_clock"] not in (None, customer["test_clock"]):
            raise Refused(
                f"The customer {customer['id']} does not go by this quote's test clock, "
                f"{old['test_clock']}.",
                param="customer",
            )
        return {"customer": customer["id"], "test_clock": customer["test_clock"]}

    def _discounts(
        self, work: Work, quote: Record, given: list[Params], old: list[Record]
    ) -> list[Record]:
        """Store the discounts of a quote, and return their terms; nothing is redeemed yet."""
        most = discounts.MAX
        made = cart.redeemable(work, given, quote["currency"], quote["customer"], most=most)
        same = {(one["coupon"], one["promotion_code"]): one["id"] for one in old}
        found = []
        for one in made:
            id = same.pop((one["coupon"], one["promotion_code"]), one["id"])
            record = discounts.discount_of(
                id,
                one["coupon"],
                work.now,
                customer=quote["customer"],
                promotion_code=one["promotion_code"],
            )
            coupons = registry.need("coupon")
            terms_of = coupons.terms(work.get(coupons.table, one["coupon"]))
            work.put(discounts.TABLE, {**record, PRIVATE: terms_of})
            found.append({**one, "id": id})
        return found

    def _drop_discounts(self, work: Work, old: Record, new: Record) -> None:
        for id in old["discounts"]:
            if id not in new["discounts"]:
                work.delete(discounts.TABLE, id)

    # --- Its way ---

    @operation("POST /v1/quotes/{quote}/finalize")
    def finalize(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an offer that the customer can accept, with a number."""
        quote = self._check(self.named(work, ids), "finalized", ("draft",))
        offered.check_whole(work, quote)
        new = {
            **quote,
            **self._ends(work, params),
            "number": self._number(work, quote),
            "status": "open",
            "status_transitions": {**quote["status_transitions"], "finalized_at": work.now},
        }
        due.schedule(work, self.object, new["id"], new["expires_at"])
        if quote["from_quote"] is not None and quote["from_quote"]["is_revision"]:
            revised = work.get(self.table, quote["from_quote"]["quote"])
            if revised is not None and revised["status"] == "open":
                self._canceled(work, revised)
        return self.move(work, new, "finalized")

    def _number(self, work: Work, quote: Record) -> str:
        """Return the number of a quote: of its customer's how manieth, and which revision."""
        customers = registry.need("customer")
        customer = customers.given(work, quote["customer"], "customer")
        work.touch(customers.table, customer["id"])  # of two at once, one tries again
        there = work.find_by(self.table, "customer", customer["id"])
        numbers = [one["number"].split("-") for one in there if one["number"]]
        revised = self._revised(work, quote)
        if revised is not None:
            *begin, which, _ = revised["number"].split("-")
            of_same = [int(one[-1]) for one in numbers if one[-2] == which]
            return "-".join([*begin, which, str(max(of_same) + 1)])
        which = max((int(one[-2]) for one in numbers), default=0) + 1
        return f"QT-{customer['invoice_prefix']}-{which:04d}-1"

    def _revised(self, work: Work, quote: Record) -> Record | None:
        """Return the quote that one is a revision of, if it is for the same customer."""
        if quote["from_quote"] is None or not quote["from_quote"]["is_revision"]:
            return None
        found = work.get(self.table, quote["from_quote"]["quote"])
        if found is None or found["customer"] != quote["customer"]:
            return None
        return found if found["number"] else None

    @operation("POST /v1/quotes/{quote}/accept")
    def accept(self, work: Work, ids: Ids, params: Params) -> Record:
        """Turn an open quote into an invoice, a subscription or the schedule of one."""
        quote = self._check(self.named(work, ids), "accepted", ("open",))
        new = {
            **quote,
            **quoted.converted(work, quote),
            "status": "accepted",
            "status_transitions": {**quote["status_transitions"], "accepted_at": work.now},
        }
        due.cancel(work, quote["id"])
        return self.move(work, new, "accepted")

    @operation("POST /v1/quotes/{quote}/cancel")
    def cancel(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take an offer back."""
        return self._canceled(
            work, self._check(self.named(work, ids), "canceled", ("draft", "open"))
        )

    def _canceled(self, work: Work, quote: Record) -> Record:
        due.cancel(work, quote["id"])
        times = {**quote["status_transitions"], "canceled_at": work.now}
        new = {**quote, "status": "canceled", "status_transitions": times}
        return self.move(work, new, "canceled")

    def happen(self, work: Work, id: str) -> None:
        """Cancel a quote that nobody has accepted in time."""
        quote = work.get(self.table, id)
        if quote is not None and quote["status"] in ("draft", "open"):
            self._canceled(work, quote)

    def _check(self, quote: Record, what: str, states: tuple[str, ...]) -> Record:
        """Return a quote that something can be done to; raises `Refused`."""
        if quote["status"] not in states:
            hint = ": finalize it first" if quote["status"] == "draft" else ""
            raise Refused(
                f"This quote cannot be {what}{hint}: it is {quote['status']}. Only one that is "
                f"{' or '.join(states)} can be."
            )
        return quote

    # --- Its items ---

    @operation("GET /v1/quotes/{quote}/line_items")
    def line_items(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the items of a quote."""
        items = ITEMS.view_of(work, self.named(work, ids))
        return listing.cut(items, params, "line item")

    @operation("GET /v1/quotes/{quote}/computed_upfront_line_items")
    def upfront_items(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the items that are due once a quote is accepted."""
        upfront = _with_items(self.named(work, ids), "upfront")
        return listing.cut(ITEMS.view_of(work, upfront), params, "line item")

    def _line_items(self, work: Work, record: Record, kept: Record) -> Record:
        page = listing.cut(ITEMS.view_of(work, {**record, PRIVATE: kept}), {}, "line item")
        return {**page, "url": f"/v1/quotes/{record['id']}/line_items"}

    def _upfront_items(self, work: Work, record: Record, kept: Record) -> Record:
        upfront = _with_items({**record, PRIVATE: kept}, "upfront")
        page = listing.cut(ITEMS.view_of(work, upfront), {}, "line item")
        return {**page, "url": f"/v1/quotes/{record['id']}/computed_upfront_line_items"}

    def _breakdown(self, work: Work, record: Record, kept: Record) -> Record:
        return cart.breakdown(work, {**record, PRIVATE: kept})

    def _upfront(self, work: Work, record: Record, kept: Record) -> Record:
        return cart.breakdown(work, _with_items({**record, PRIVATE: kept}, "upfront"))

    def _later(self, work: Work, record: Record, kept: Record) -> Record:
        return cart.breakdown(work, _with_items({**record, PRIVATE: kept}, "later"))

    included: Inclusions = {
        "computed.recurring.total_details.breakdown": _later,
        "computed.upfront.line_items": _upfront_items,
        "computed.upfront.total_details.breakdown": _upfront,
        "line_items": _line_items,
        "total_details.breakdown": _breakdown,
    }


def _with_items(quote: Record, name: str) -> Record:
    """Return a quote with the items of one of its parts."""
    kept = private(quote)
    return {**quote, PRIVATE: {**kept, "items": kept[name]}}


RESOURCE = Quotes()
