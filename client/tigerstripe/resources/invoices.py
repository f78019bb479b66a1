"""Invoices: created, finalized, paid, voided; their amounts are calculated in `billing`.

draft -> open -> paid | void | uncollectible
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import by_hand, collecting, drafts, paying, pending, previews
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Filters, Ids, Inclusions, Resource, operation
from tigerstripe.payments.using import shown
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

DAY_S = 24 * 3600


class Invoices(Resource):
    """Invoices."""

    object = "invoice"
    table = "invoices"
    prefix = "in"
    param: str | None = "invoice"
    happens_together = True
    standard: frozenset[str] = Resource.standard | {"delete", "search"}
    not_yet: tuple[str, ...] = (
        "account_tax_ids", "customer_account", "customer_details[tax]",
        "customer_details[tax_ids]", "forgive", "from_invoice",
        "invoice_items[][quantity_decimal]", "issuer[account]", "mandate",
        "rendering[template]", "schedule", "schedule_details", "shipping_cost",
        "shipping_details", "subscription_details[billing_schedules]",
        "subscription_details[items][][billing_thresholds]",
        "subscription_details[items][][current_trial]", "subscription_details[pause]",
        "subscription_details[resume_at]",
    )  # fmt: skip
    listed_of: tuple[str, ...] = ("customer", "subscription")
    filters: Filters = {"subscription": "parent.subscription_details.subscription"}
    on_clocks: tuple[str, ...] = ("customer", "subscription")
    searchable: frozenset[str] = frozenset(
        ("created", "currency", "customer", "last_finalization_error_code",
         "last_finalization_error_type", "number", "receipt_number", "status", "total")
    )  # fmt: skip

    # --- Made ---

    def new(self, work: Work, params: Params) -> Record:
        """Return a draft, with its customer's waiting items if they are asked for."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        work = work.on_clock(customer["test_clock"])
        fields = by_hand.fields(work, customer, params)
        invoice = new_id(self.prefix, self.id_length)
        content: list[Record] = []
        rates: Record = {}
        if params.get("pending_invoice_items_behavior") == "include":
            content, rates = pending.taken(
                work, customer, invoice, fields["currency"], params.get("subscription")
            )
        currency = fields.pop("currency")
        made = drafts.drawn_up(
            work, customer, currency, "manual", content, rates, id=invoice, **fields
        )
        return by_hand.shared(work, made, params)

    def add(self, work: Work, fields: Record) -> Record:
        """Store a draft, tell of it, and let time finalize it if it advances by itself."""
        invoice = super().add(work, fields)
        at = invoice["automatically_finalizes_at"]
        if at is not None:
            due.schedule(work, self.object, invoice["id"], at)
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
        return by_hand.changed(work, old, params)

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
        """Remove a draft and the items that were put on it; those that waited before wait again."""
        pending.let_go(work, record)
        due.cancel(work, record["id"])
        super().drop(work, record)

    # --- Its way ---

    def _its(self, work: Work, ids: Ids) -> tuple[Work, Record]:
        """Return an invoice, and the work as it is by its customer's clock; raises `Refused`."""
        invoice = self.named(work, ids)
        return work.on_clock(invoice["test_clock"]), invoice

    def happen(self, work: Work, id: str) -> None:
        """Finalize a draft, or try again to be paid: it is time."""
        invoice = work.get(self.table, id)
        if invoice is None or work.get("customers", invoice["customer"]) is None:
            return  # an invoice of nobody stays as it is
        if invoice["status"] == "draft":
            invoice = collecting.finalized(work, invoice)
        collecting.advanced(work, invoice)

    def heard(self, work: Work, id: str, intent: Record) -> None:
        """Tell an invoice of the outcome of its payment."""
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
            due.schedule(work, self.object, invoice["id"], work.now + drafts.DRAFT_S)
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

    @operation("POST /v1/invoices/{invoice}/attach_payment")
    def attach_payment(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let an open invoice be paid by a payment intent that is there."""
        work, invoice = self._its(work, ids)
        if invoice["status"] != "open":
            raise _cannot(invoice, "paid by a payment intent", "open")
        if params.get("payment_intent") is None:
            raise errors.missing("payment_intent")
        intents = registry.need("payment_intent")
        intent = intents.given(work, params["payment_intent"], "payment_intent")
        if intent["customer"] != invoice["customer"] or intent["currency"] != invoice["currency"]:
            raise Refused(
                f"The payment intent {intent['id']} is of the customer {intent['customer']} in "
                f"{intent['currency']}; this invoice is of {invoice['customer']} in "
                f"{invoice['currency']}.",
                param="payment_intent",
            )
        paying.cancel(work, invoice)
        attached = self.save(work, invoice, paying.by(work, invoice, intent))
        if intent["status"] in ("processing", "succeeded"):
            collecting.heard(work, attached["id"], intent)
        return work.get(self.table, attached["id"]) or attached

    @operation("POST /v1/invoices/{invoice}/send")
    def send(self, work: Work, ids: Ids, params: Params) -> Record:
        """Send an invoice to its customer, finalized if it was not."""
        work, invoice = self._its(work, ids)
        if invoice["customer_email"] is None:
            raise Refused(by_hand.NO_EMAIL)
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

    def stop_all(self, work: Work, customer: str) -> None:
        """Stop the automatic steps of the invoices of a customer who is about to be deleted."""
        for found in work.find_by(self.table, "customer", customer):
            if found["status"] in ("draft", "open"):
                collecting.stopped(work, work.get(self.table, found["id"]) or found)

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

    included: Inclusions = {"confirmation_secret": _confirmation_secret, "payments": _payments}


def _cannot(invoice: Record, what: str, states: str) -> Refused:
    """Return the refusal of an operation that the state of an invoice does not allow."""
    return Refused(
        f"This invoice cannot be {what}: it is {invoice['status']}. Only an invoice that is "
        f"{states} can be {what}.",
        code="invoice_not_editable",
    )


RESOURCE = Invoices()
