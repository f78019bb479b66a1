"""Checkout sessions: pages on which a buyer pays, subscribes, or leaves a payment method.

`payment_pages` has the buyer's actions, `checkout.completion` their consequences.
"""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.billing import shares, terms
from tigerstripe.checkout import cart, completion, fields, rules, taxing
from tigerstripe.checkout.shipping import shipping
from tigerstripe.errors import Refused
from tigerstripe.objects import due, listing, metadata
from tigerstripe.objects.resource import Filters, Ids, Inclusions, Resource, operation, private
from tigerstripe.payments import connect, types
from tigerstripe.records import Params, Record
from tigerstripe.resources.checkout_items import RESOURCE as ITEMS
from tigerstripe.resources.customers import RESOURCE as CUSTOMERS
from tigerstripe.work.unit import PRIVATE, Work

LIFE_S = 24 * 60 * 60
TRIAL_LEAST_S = 48 * 60 * 60
RECOVERY_S = 30 * 24 * 60 * 60
ID_MAX = 66
KEPT = (
    "customer_update", "payment_intent_data", "payment_method_data", "setup_intent_data",
    "subscription_data",
)  # fmt: skip
"""Parameters that no answer shows, because the completion uses them."""


class CheckoutSessions(Resource):
    """Checkout sessions."""

    object = "checkout.session"
    table = "checkout_sessions"
    prefix = "cs"
    param: str | None = None
    event: str | None = None  # nothing is told of a session that is made or changed
    not_yet: tuple[str, ...] = (
        "automatic_tax[liability][account]",
        "branding_settings[icon]",
        "branding_settings[logo]",
        "customer_account",
        "invoice_creation[invoice_data][account_tax_ids]",
        "invoice_creation[invoice_data][issuer][account]",
        "invoice_creation[invoice_data][rendering_options][template]",
        "line_items[][dynamic_tax_rates]",
        "managed_payments[enabled]",
        "payment_method_configuration",
        "setup_intent_data[on_behalf_of]",
        "subscription_data[invoice_settings][issuer][account]",
    )  # these need parts that are not built: connected accounts that owe taxes, files
    filters: Filters = {
        "customer_details": "customer_details",
        "status": lambda record, wanted: _status(record, wanted["at"]) == wanted["is"],
    }

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new session; prices, products and rates are made beside it."""
        mode = rules.check(work, params)
        customer = params.get("customer")
        known = CUSTOMERS.given(work, customer, "customer") if customer is not None else None
        taxing.check(params, known)
        currency = params.get("currency")
        currency = money.currency(currency) if currency is not None else None
        given = params.get("line_items") or []
        items = ITEMS.made(work, mode, currency, given, []) if mode != "setup" else []
        currency = currency or (items[0]["currency"] if items else None)
        id = fields.new_id(mode)
        optional = ITEMS.optional(work, currency or "", params.get("optional_items") or [])
        discounts = cart.redeemable(work, params.get("discounts") or [], currency or "", customer)
        session = cart.priced(work, {
            **_nothing_yet(mode),
            **fields.page(params, mode, work.version),
            **fields.where(params, id),
            **_buyer(params, known, mode),
            **({"optional_items": optional} if optional else {}),
            **shipping(work, params.get("shipping_options"), currency or ""),
            "id": id,
            "created": work.now,
            "currency": currency,
            "customer": customer,
            "discounts": None if mode == "setup" else _named(params.get("discounts") or []),
            "expires_at": params.get("expires_at") or work.now + LIFE_S,
            "metadata": params.get("metadata"),
            "mode": mode,
            PRIVATE: {
                "items": items,
                "discounts": discounts,
                **_subscription(work, params.get("subscription_data") or {}),
                **{name: params[name] for name in KEPT if name in params},
            },
        })  # fmt: skip
        _check_intent_data(work, session)
        if currency is not None and mode != "setup":
            types.check_currency(session["payment_method_types"], currency)
        return completion.begun(work, session)

    def add(self, work: Work, fields: Record) -> Record:
        """Store a new session, and let it expire in time."""
        record = super().add(work, fields)
        due.schedule(work, self.object, record["id"], record["expires_at"])
        return record

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change a session; of one that is not open only the metadata."""
        old = self._there(work, ids["session"])
        status = _status(old, work.now)
        if params.keys() - {"metadata"} and status != "open":
            raise Refused(
                f'Only the metadata of a Checkout Session with a status other than ["open"] can '
                f"be updated. This Checkout Session has a status of `{status}`."
            )
        rules.check_mode(old["mode"], params)
        new = self.change(work, old, metadata.merged(old, params))
        return self.view(work, self.save(work, old, new))

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a session with other items, shipping, or collected details of the buyer."""
        new, kept = {**old}, private(old)
        if "metadata" in params:
            new["metadata"] = params["metadata"]
        if not params.keys() - {"metadata"}:
            return new
        if "line_items" in params:
            items = ITEMS.made(
                work, old["mode"], old["currency"], params["line_items"], kept["items"]
            )
            new[PRIVATE] = {**kept, "items": items}
        if "shipping_options" in params:
            new |= shipping(work, params["shipping_options"], old["currency"])
        if "collected_information" in params:
            there = old["collected_information"] or fields.COLLECTED
            new["collected_information"] = {**there, **params["collected_information"]}
        if "payment_intent_data" in params:
            data = {**kept.get("payment_intent_data", {}), **params["payment_intent_data"]}
            new[PRIVATE] = {**private(new), "payment_intent_data": data}
        return cart.priced(work, new)

    @operation("POST /v1/checkout/sessions/{session}/expire")
    def expire(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let an open session expire now."""
        session = self.named(work, ids)
        if session["status"] != "open":
            raise Refused(
                f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of `{session['status']}`."
            )
        due.cancel(work, session["id"])
        return self._expired(work, session)

    def happen(self, work: Work, id: str) -> None:
        """Let a session expire at its time."""
        session = work.get(self.table, id)
        if session is not None and session["status"] == "open":
            self._expired(work, session)

    def heard(self, work: Work, id: str, intent: Record) -> None:
        """Go on with the session that an intent is of."""
        session = work.get(self.table, id)
        if session is not None:
            completion.heard(work, self.view(work, session), intent)

    def recovered(self, work: Work, session: Record) -> Record:
        """Make a session like one that has expired, for a buyer who comes back to it."""
        apart = ("id", "object", "created", "livemode")
        kept = {name: value for name, value in private(session).items() if name != "intent"}
        id = fields.new_id(session["mode"])
        like = {
            **{name: value for name, value in session.items() if name not in apart},
            "id": id,
            "after_expiration": None,
            "expires_at": work.now + LIFE_S,
            "recovered_from": session["id"],
            "status": "open",
            "url": fields.url(id),
            PRIVATE: kept,
        }
        return self.add(work, completion.begun(work, like))

    @operation("GET /v1/checkout/sessions/{session}/line_items")
    def line_items(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a session's items, in the order in which they were given."""
        items = ITEMS.view_of(work, self.named(work, ids))
        return listing.cut(items, params, "line item")

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the sessions; those of a customer that is not there are refused."""
        if params.get("customer") is not None:
            CUSTOMERS.given(work, params["customer"], "customer")
        if params.get("status") is not None:  # as it is now, and not as it was written
            params = {**params, "status": {"is": params["status"], "at": work.now}}
        return super().list(work, ids, params)

    def named(self, work: Work, ids: Ids) -> Record:
        """Return the session that the path names, as it is now."""
        return self.view(work, self._there(work, ids["session"]))

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a session."""
        return self.view(work, self._there(work, next(iter(ids.values()))))

    def missing(self, id: str, param: str | None, *, in_path: bool = False) -> errors.Refused:
        """Return the refusal of an id; of sessions it stands there without quotes."""
        return Refused(
            f"No such checkout.session: {id}", status=404, code="resource_missing", param=param
        )

    def view(self, work: Work, record: Record) -> Record:
        """Return a session as it is now: over, if its time is."""
        return record if record["status"] == _status(record, work.now) else _over(record)

    def _there(self, work: Work, id: str) -> Record:
        if len(id) > ID_MAX:
            raise Refused(
                f"Invalid string: {id[:4]}...{id[-4:]}; must be at most {ID_MAX} characters",
                status=404,
                param="session",
            )
        record = work.get(self.table, id)
        if record is None:
            raise self.missing(id, None, in_path=True)
        return record

    def _expired(self, work: Work, session: Record) -> Record:
        """Store a session as expired, cancel its intent, and create the event."""
        completion.given_up(work, session)
        expired = _over(session)
        work.put(self.table, expired)
        work.tell("checkout.session.expired", expired)
        return expired

    # --- What is only there when it is expanded ---

    def _line_items(self, work: Work, record: Record, kept: Record) -> Record:
        page = listing.cut(ITEMS.view_of(work, record), {}, "line item")
        return {**page, "url": f"/v1/checkout/sessions/{record['id']}/line_items"}

    included: Inclusions = {
        "line_items": _line_items,
        "shipping_cost.taxes": lambda resource, work, record, kept: [],
        "total_details.breakdown": lambda resource, work, record, kept: cart.breakdown(
            work, record
        ),
    }


def _nothing_yet(mode: str) -> Record:
    """Return the fields of a session in which nothing has happened yet."""
    is_setup = mode == "setup"
    names = (
        "amount_subtotal", "amount_total", "invoice", "payment_intent", "payment_link",
        "recovered_from", "setup_intent", "subscription", "total_details",
    )  # fmt: skip
    return {
        **dict.fromkeys(names),
        "payment_status": "no_payment_required" if is_setup else "unpaid",
        "status": "open",
    }


def _named(discounts: list[Params]) -> list[Record]:
    """Return discounts as they were asked for: by a coupon or a promotion code."""
    return [{name: one.get(name) for name in ("coupon", "promotion_code")} for one in discounts]


def _buyer(params: Params, customer: Record | None, mode: str) -> Record:
    """Return the known details of the buyer; without an e-mail address there are none."""
    creation = None
    if customer is None:
        default = "always" if mode == "subscription" else "if_required"
        creation = params.get("customer_creation") or default
    email = customer["email"] if customer else params.get("customer_email")
    found: Record = {"customer_creation": creation}
    if email is None:
        return {**found, "collected_information": None, "customer_details": None}
    exempt = customer["tax_exempt"] if customer else "none"
    return {
        **found,
        "collected_information": fields.COLLECTED,
        "customer_details": {
            **fields.DETAILS,
            "email": email,
            "tax_exempt": None if mode == "setup" else exempt,
        },
    }


def _subscription(work: Work, data: Params) -> Record:
    """Return the data of a subscription that decides the amount due now; raises `Refused`."""
    days, end = data.get("trial_period_days"), data.get("trial_end")
    if days is not None and end is not None:
        raise errors.one_may_be_given(
            "subscription_data[trial_period_days]", "subscription_data[trial_end]"
        )
    if days is not None and days < 1:
        raise errors.too_small("subscription_data[trial_period_days]", 1)
    if end is not None and end < work.now + TRIAL_LEAST_S:
        message = "A trial's end has to be at least 48 hours in the future."
        raise Refused(message, param="subscription_data[trial_end]")
    if data.get("proration_behavior") is not None and data.get("billing_cycle_anchor") is None:
        raise Refused(
            "`proration_behavior` is for a subscription with a `billing_cycle_anchor`.",
            param="subscription_data[proration_behavior]",
        )
    try:
        shares.of_subscription(work, data)
        mode = terms.mode(work, data.get("billing_mode"))["type"]
    except Refused as refused:
        raise errors.under(refused, "subscription_data") from None
    rates = taxing.named_rates(
        work, data.get("default_tax_rates"), "subscription_data[default_tax_rates]"
    )
    return {
        "billing_mode": {"type": mode},
        "default_tax_rates": rates,
        "is_trial": bool(days or end),
    }


def _check_intent_data(work: Work, session: Record) -> None:
    """Raise `Refused` where the money of a session could not go."""
    data = private(session).get("payment_intent_data") or {}
    try:
        connect.fields(work, {**data, "amount": session["amount_total"]})
    except Refused as refused:
        raise errors.under(refused, "payment_intent_data") from None


def _status(session: Record, now: int) -> str:
    is_over = session["status"] == "open" and session["expires_at"] <= now
    return "expired" if is_over else str(session["status"])


def _over(session: Record) -> Record:
    """Return a session as it is when it has expired."""
    expired = {**session, "status": "expired", "url": None}
    after = session["after_expiration"]
    if after is not None and after["recovery"]["enabled"]:
        recovery = {
            **after["recovery"],
            "expires_at": session["expires_at"] + RECOVERY_S,
            "url": f"https://buy.stripe.com/r/{session['id']}",
        }
        expired["after_expiration"] = {"recovery": recovery}
    return expired


RESOURCE = CheckoutSessions()
