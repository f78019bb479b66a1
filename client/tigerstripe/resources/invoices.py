"""Invoices: drawn up, finalized, paid, voided; what they come to is in `billing`.

draft -> open -> paid | void | uncollectible
"""

from __future__ import annotations

from tigerstripe import discounts, due, errors, metadata, money, registry
from tigerstripe.billing import amounts, collecting, drafts, paying, pending, previews
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.payments.using import shown
from tigerstripe.resource import Ids, Params, Record, Resource, operation
from tigerstripe.work import Work

DAY_S = 24 * 3600
NO_EMAIL = (
    "Missing email. In order to create invoices that are sent to the customer, the customer must "
    "have a valid email."
)
OWN = (
    "auto_advance", "custom_fields", "description", "effective_at", "footer", "metadata", "number",
    "statement_descriptor",
)  # fmt: skip
"""Parameters that are fields."""
OF_OPEN = (
    "auto_advance", "default_payment_method", "default_source", "description", "footer",
    "metadata", "payment_settings", "statement_descriptor",
)  # fmt: skip
"""Parameters that an invoice takes once it is finalized."""


class Invoices(Resource):
    """Invoices."""

    object = "invoice"
    table = "invoices"
    paths = ("/v1/invoices",)
    prefix = "in"
    param = "invoice"
    happens_together = True
    standard = Resource.standard | {"delete", "search"}
    not_yet = (
        "account_tax_ids", "application_fee_amount", "customer_account", "from_invoice",
        "issuer[account]", "on_behalf_of", "rendering[template]", "shipping_cost",
        "shipping_details", "transfer_data",
    )  # fmt: skip
    listed_of = ("customer", "subscription")
    filters = {"subscription": "parent.subscription_details.subscription"}
    on_clocks = ("customer", "subscription")
    searchable = frozenset(
        ("created", "currency", "customer", "last_finalization_error_code",
         "last_finalization_error_type", "number", "receipt_number", "status", "total")
    )  # fmt: skip

    no_email = NO_EMAIL

    # --- Made ---

    def new(self, work: Work, params: Params) -> Record:
        """Return a draft; what waits for its customer's next invoice is put on it if asked."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        work = work.on_clock(customer["test_clock"])
        fields = self._fields(work, customer, params)
        subscription = self._subscription(work, customer, params)
        if subscription is not None:
            fields.update(subscription)
        invoice = new_id(self.prefix, self.id_length)
        content: list[Record] = []
        rates: Record = {}
        if params.get("pending_invoice_items_behavior") == "include":
            content, rates = pending.taken(
                work, customer, invoice, fields["currency"], params.get("subscription")
            )
        currency = fields.pop("currency")
        return drafts.drawn_up(
            work, customer, currency, "manual", content, rates, id=invoice, **fields
        )

    def _fields(self, work: Work, customer: Record, params: Params) -> Record:
        method = params.get("collection_method") or "charge_automatically"
        currency = params.get("currency") or registry.need("customer").currency_of(work, customer)
        fields: Record = {
            **{name: params[name] for name in OWN if name in params},
            "auto_advance": params.get("auto_advance") or False,
            "collection_method": method,
            "currency": money.currency(currency),
            "default_tax_rates": self.tax_rates(work, params.get("default_tax_rates")),
            "metadata": metadata.new(params.get("metadata")),
            "rendering": self._rendering(params.get("rendering") or {}),
        }
        if method == "send_invoice":
            fields.update(self._sent(work, customer, params))
        elif params.get("days_until_due") is not None or params.get("due_date") is not None:
            raise Refused(
                "You can only specify due_date or days_until_due if collection_method is "
                "send_invoice.",
                param="due_date" if params.get("due_date") is not None else "days_until_due",
            )
        if fields["auto_advance"]:
            fields.update(drafts.advancing(work, is_draft=True))
        if params.get("automatically_finalizes_at") is not None:
            fields["automatically_finalizes_at"] = params["automatically_finalizes_at"]
        if params.get("automatic_tax"):
            fields["automatic_tax"] = drafts.automatic_tax(params["automatic_tax"])
        fields.update(self._paying(work, customer, params))
        fields["discounts"] = self._discounts(work, customer, fields["currency"], params)
        return fields

    def _discounts(self, work: Work, customer: Record, currency: str, params: Params) -> list[str]:
        """Return the ids of an invoice's discounts: those given, else its customer's."""
        if params.get("discounts") is not None:
            return discounts.all_redeemed(
                work, params["discounts"], "discounts", customer["id"], currency,
            )  # fmt: skip
        if "discounts" in params or customer["discount"] is None:
            return []
        return discounts.current(work, [customer["discount"]["id"]], work.now)

    def _sent(self, work: Work, customer: Record, params: Params) -> Record:
        """Return the fields of an invoice that its customer is sent; raises `Refused`."""
        if customer["email"] is None:
            raise Refused(NO_EMAIL)
        days, date = params.get("days_until_due"), params.get("due_date")
        if days is None and date is None:
            raise Refused(
                "You must specify a value for either `days_until_due` or `due_date` when "
                "`collection_method` is `send_invoice`."
            )
        if date is not None and date < work.now:
            raise Refused("`due_date` must be in the future.", param="due_date")
        return {"due_date": date if date is not None else work.now + (days or 0) * DAY_S}

    def _paying(self, work: Work, customer: Record, params: Params) -> Record:
        """Return what an invoice is paid with, as far as a request says so; raises `Refused`."""
        fields: Record = {}
        for name in ("default_payment_method", "default_source"):
            if name in params:
                fields[name] = params[name]
        method = params.get("default_payment_method")
        if method is not None:
            fields["default_payment_method"] = paying.given(work, customer["id"], method)
        settings = params.get("payment_settings")
        if settings is not None:
            fields["payment_settings"] = {
                "default_mandate": settings.get("default_mandate"),
                "payment_method_options": settings.get("payment_method_options"),
                "payment_method_types": settings.get("payment_method_types") or None,
            }
        return fields

    def _rendering(self, given: Params) -> Record:
        return {
            "amount_tax_display": given.get("amount_tax_display"),
            "pdf": {"page_size": (given.get("pdf") or {}).get("page_size") or "auto"},
            "template": None,
            "template_version": None,
        }

    def _subscription(self, work: Work, customer: Record, params: Params) -> Record | None:
        """Return the fields of an invoice that is made for a subscription by hand."""
        id = params.get("subscription")
        if id is None:
            return None
        subscription = registry.need("subscription").given(work, id, "subscription")
        if subscription["customer"] != customer["id"]:
            raise Refused(
                f"The subscription {id} does not belong to the customer {customer['id']}.",
                param="subscription",
            )
        start = min(item["current_period_start"] for item in subscription["items"]["data"])
        return {
            "currency": subscription["currency"],
            "parent": drafts.of_subscription(subscription),
            "period_start": start,
        }

    def tax_rates(self, work: Work, ids: list[str] | None) -> list[Record]:
        """Return the tax rates that a parameter names, whole; raises `Refused`."""
        rates = registry.need("tax_rate")
        return [
            rates.given(work, id, f"default_tax_rates[{place}]")
            for place, id in enumerate(ids or ())
        ]

    def add(self, work: Work, fields: Record) -> Record:
        """Store a draft, tell of it, and let time finalize it if it advances by itself."""
        invoice = super().add(work, fields)
        at = invoice["automatically_finalizes_at"]
        if at is not None:
            due.put(work, self.object, invoice["id"], at)
        return invoice

    @operation("POST /v1/invoices/create_preview")
    def preview(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the invoice that would come, and make nothing."""
        return previews.of(work, params)

    # --- Found ---

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of invoices; those of a subscription are among its customer's."""
        subscription = work.get("subscriptions", params.get("subscription") or "")
        if subscription is not None and params.get("customer") is None:
            params = {**params, "customer": subscription["customer"]}
        return super().list(work, ids, params)

    # --- Changed ---

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an invoice with other fields; once it is finalized few can be changed."""
        if old["status"] != "draft":
            fixed = [name for name in params if name not in OF_OPEN]
            if fixed or old["status"] in ("paid", "void"):
                name = fixed[0] if fixed else next(iter(params), "")
                if set(params) - {"metadata"}:
                    raise Refused(
                        f"Finalized invoices can't be updated in this way: {name} of an invoice "
                        f"that is {old['status']}.",
                        code="invoice_not_editable",
                        param=name,
                    )
        customer = registry.need("customer").given(work, old["customer"], "customer")
        new = {**old, **{name: params[name] for name in OWN if name in params}}
        new.update(self._paying(work, customer, params))
        if "default_tax_rates" in params:
            new["default_tax_rates"] = self.tax_rates(work, params["default_tax_rates"])
        if "discounts" in params:
            new["discounts"] = self._discounts(work, customer, old["currency"], params)
        is_sent = params.get("collection_method", old["collection_method"]) == "send_invoice"
        if is_sent and any(params.get(n) is not None for n in ("days_until_due", "due_date")):
            new.update(self._sent(work, customer, params))
        if "collection_method" in params:
            new["collection_method"] = params["collection_method"]
        if params.get("automatic_tax"):
            new["automatic_tax"] = drafts.automatic_tax(params["automatic_tax"])
        new["number"] = new["number"] or None
        self._plan(work, old, new, params)
        return amounts.priced(work, new) if old["status"] == "draft" else new

    def _plan(self, work: Work, old: Record, new: Record, params: Params) -> None:
        """Let time go on with an invoice as its changed fields say."""
        if old["status"] != "draft":
            return
        at = params.get("automatically_finalizes_at", old["automatically_finalizes_at"])
        if new["auto_advance"] and not old["auto_advance"] and at is None:
            at = work.now + drafts.DRAFT_S
        if not new["auto_advance"] and old["auto_advance"]:
            at = None
        new["automatically_finalizes_at"] = at
        if at is None:
            due.drop(work, old["id"])
        else:
            due.put(work, self.object, old["id"], at)

    def check_delete(self, work: Work, record: Record) -> None:
        """Raise `Refused` for all but a draft that no subscription made."""
        if record["status"] != "draft" or record["billing_reason"] != "manual":
            raise Refused(
                "You can only delete one-off invoice drafts: this one is "
                f"{record['status']}, for {record['billing_reason']}. Void it instead, once it is "
                f"finalized.",
                code="invoice_not_editable",
            )

    def drop(self, work: Work, record: Record) -> None:
        """Remove a draft; what was put on it by hand is gone with it, what waited waits again."""
        pending.let_go(work, record)
        due.drop(work, record["id"])
        super().drop(work, record)

    # --- Its way ---

    def _its(self, work: Work, ids: Ids) -> tuple[Work, Record]:
        """Return an invoice, and the work as it is by its customer's clock; raises `Refused`."""
        invoice = self.named(work, ids)
        return work.on_clock(invoice["test_clock"]), invoice

    def happen(self, work: Work, id: str) -> None:
        """Finalize a draft, or try again to be paid: it is time."""
        invoice = work.get(self.table, id)
        if invoice is None:
            return
        if invoice["status"] == "draft":
            invoice = collecting.finalized(work, invoice)
        collecting.advanced(work, invoice)

    def heard(self, work: Work, id: str, intent: Record) -> None:
        """Let an invoice hear what has become of its payment."""
        collecting.heard(work, id, intent)

    @operation("POST /v1/invoices/{invoice}/finalize")
    def finalize(self, work: Work, ids: Ids, params: Params) -> Record:
        """Fix the amounts of a draft."""
        work, invoice = self._its(work, ids)
        if invoice["status"] != "draft":
            raise Refused("This invoice is already finalized, you can't re-finalize a non-draft "
                          "invoice.", code="invoice_not_editable")  # fmt: skip
        if params.get("auto_advance") is not None:
            invoice = {**invoice, "auto_advance": params["auto_advance"]}
        invoice = collecting.finalized(work, invoice)
        if invoice["status"] == "open" and invoice["auto_advance"]:
            due.put(work, self.object, invoice["id"], work.now + drafts.DRAFT_S)
        return invoice

    @operation("POST /v1/invoices/{invoice}/pay")
    def pay(self, work: Work, ids: Ids, params: Params) -> Record:
        """Ask for the money now, or note that it came without Stripe."""
        work, invoice = self._its(work, ids)
        if invoice["status"] == "paid":
            raise Refused("Invoice is already paid", code="invoice_already_paid")
        if invoice["status"] == "void":
            raise Refused("This invoice can no longer be paid.")
        method = None
        if params.get("payment_method") is not None:
            id = paying.given(work, invoice["customer"], params["payment_method"])
            method = work.get("payment_methods", id)
        if params.get("source") is not None:
            method = registry.need("card").as_method(work, params["source"])
        if invoice["status"] == "draft":
            invoice = collecting.finalized(work, invoice)
        if invoice["status"] == "paid":
            return invoice
        if params.get("paid_out_of_band"):
            return collecting.paid_elsewhere(work, invoice)
        off_session = params.get("off_session") is not False
        paid, declined = collecting.collected(work, invoice, method, off_session=off_session)
        if declined is not None:
            raise declined
        return paid

    @operation("POST /v1/invoices/{invoice}/send")
    def send(self, work: Work, ids: Ids, params: Params) -> Record:
        """Send an invoice to its customer, finalized if it was not."""
        work, invoice = self._its(work, ids)
        if invoice["customer_email"] is None:
            raise Refused(NO_EMAIL)
        if invoice["collection_method"] != "send_invoice":
            raise Refused(
                "You can only send an invoice whose collection_method is send_invoice; this one's "
                "is charge_automatically."
            )
        if invoice["status"] == "draft":
            invoice = collecting.finalized(work, invoice)
        work.tell("invoice.sent", invoice)
        return invoice

    @operation("POST /v1/invoices/{invoice}/void")
    def void(self, work: Work, ids: Ids, params: Params) -> Record:
        """Declare that an invoice is not owed."""
        work, invoice = self._its(work, ids)
        if invoice["status"] not in ("open", "uncollectible"):
            raise _cannot(invoice, "voided", "open or uncollectible")
        return collecting.voided(work, invoice)

    @operation("POST /v1/invoices/{invoice}/mark_uncollectible")
    def mark_uncollectible(self, work: Work, ids: Ids, params: Params) -> Record:
        """Give up hope of an invoice."""
        work, invoice = self._its(work, ids)
        if invoice["status"] != "open":
            raise _cannot(invoice, "marked uncollectible", "open")
        return collecting.uncollectible(work, invoice)

    # --- What is only there when it is expanded ---

    def _payments(self, work: Work, record: Record, kept: Record) -> Record:
        found = work.find_by("invoice_payments", "invoice", record["id"])
        return {
            "object": "list",
            "data": [shown(one) for one in found],
            "has_more": False,
            "url": "/v1/invoices/payments",
        }

    def _confirmation_secret(self, work: Work, record: Record, kept: Record) -> Record | None:
        intent = work.get("payment_intents", kept.get("intent") or "")
        if intent is None:
            return None
        return {"client_secret": intent["client_secret"], "type": "payment_intent"}

    included = {"confirmation_secret": _confirmation_secret, "payments": _payments}


def _cannot(invoice: Record, what: str, states: str) -> Refused:
    """Return the refusal of what cannot be done to an invoice in its state."""
    return Refused(
        f"This invoice cannot be {what}: it is {invoice['status']}. Only an invoice that is "
        f"{states} can be {what}.",
        code="invoice_not_editable",
    )


RESOURCE = Invoices()
