"""Invoice items: amounts for a customer's next invoice, or for a draft."""

from __future__ import annotations

from decimal import Decimal

from tigerstripe import errors, money
from tigerstripe.billing import amounts, discounts, items, lines, pending
from tigerstripe.billing.totals import cost
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

HIDDEN = "invoice_item.price"
"""The kind of claim that finds the price made for an amount and a description again."""
IN_DRAFT = "You can only change an invoice item of an invoice that is a draft."


class InvoiceItems(Resource):
    """Invoice items."""

    object = "invoiceitem"
    table = "invoice_items"
    prefix = "ii"
    param: str | None = "invoiceitem"
    has_created = False
    standard: frozenset[str] = Resource.standard | {"delete"}
    told: frozenset[str] = frozenset(("created", "deleted"))
    not_yet: tuple[str, ...] = ("customer_account", "quantity_decimal", "tax_code")
    listed_of: tuple[str, ...] = ("customer", "invoice")
    filters: Filters = {"pending": lambda record, wanted: (record["invoice"] is None) == wanted}
    on_clocks: tuple[str, ...] = ("customer", "invoice")

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of an item, of a price or an amount; raises `Refused`."""
        invoice = self._invoice(work, params)
        id = params.get("customer") or (invoice and invoice["customer"])
        if id is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, id, "customer")
        work = work.on_clock(customer["test_clock"])
        if params.get("tax_behavior") == "inclusive":
            raise errors.not_built_parameter("tax_behavior")
        priced = self._priced(work, customer, params)
        if invoice is not None and priced["currency"] != invoice["currency"]:
            raise Refused(
                f"The invoice {invoice['id']} is in {invoice['currency']}: an item of it cannot be "
                f"in {priced['currency']}.",
                param="currency",
            )
        registry.need("customer").bill_in(work, customer, priced["currency"])
        period = params.get("period") or {"end": work.now, "start": work.now}
        if period["end"] < period["start"]:
            raise Refused("The period's end is before its start.", param="period[end]")
        fields = {
            "id": new_id(self.prefix, self.id_length),
            "customer": customer["id"],
            "customer_account": None,
            "date": work.now,
            "discountable": params.get("discountable", priced["amount"] >= 0),
            "invoice": params.get("invoice"),
            "metadata": params.get("metadata"),
            "parent": self._parent(work, customer, params),
            "period": {"end": period["end"], "start": period["start"]},
            "proration": False,
            "tax_rates": _tax_rates(work, params.get("tax_rates")),
            "test_clock": customer["test_clock"],
            **priced,
        }
        fields["discounts"] = discounts.all_redeemed(
            work, params.get("discounts"), "discounts", customer["id"], fields["currency"],
            invoice_item=fields["id"],
        )  # fmt: skip
        if invoice is not None:
            fields[PRIVATE] = {"is_of_invoice": True}
        return fields

    def add(self, work: Work, fields: Record) -> Record:
        """Store an item; a draft that it is put on has its line."""
        item = super().add(work, fields)
        if item["invoice"] is not None:
            self._put_on(work, item)
        return item

    def put_on(self, work: Work, item: Record, invoice: str) -> None:
        """Put an item that waits on a draft."""
        taken = {**item, "invoice": invoice}
        work.put(self.table, taken)
        self._put_on(work, taken)

    def _put_on(self, work: Work, item: Record) -> None:
        invoices = registry.need("invoice")
        invoice = invoices.given(work, item["invoice"], "invoice")
        line = pending.line_of(item, invoice["id"])
        all_lines = lines.all_of(invoice)
        place = next(
            (n for n, one in enumerate(all_lines) if pending.item_of(one) == item["id"]), None
        )
        if place is None:
            all_lines.append(line)
        else:  # the line stays the one it was
            line = {**line, "id": all_lines[place]["id"]}
            all_lines[place] = line
        rates = {**lines.rates_of(invoice), line["id"]: [rate["id"] for rate in item["tax_rates"]]}
        new = lines.with_lines(invoice, all_lines, rates)
        invoices.save(work, invoice, amounts.priced(work, new))

    def _invoice(self, work: Work, params: Params) -> Record | None:
        """Return the draft that an item is put on, if it is; raises `Refused`."""
        if params.get("invoice") is None:
            return None
        found: Record = registry.need("invoice").given(work, params["invoice"], "invoice")
        if found["status"] != "draft":
            raise Refused(IN_DRAFT, code="invoice_not_editable", param="invoice")
        if params.get("customer") not in (None, found["customer"]):
            raise Refused(
                f"The invoice {found['id']} is of the customer {found['customer']}.",
                param="customer",
            )
        return found

    def _parent(self, work: Work, customer: Record, params: Params) -> Record | None:
        id = params.get("subscription")
        if id is None:
            return None
        subscription = registry.need("subscription").given(work, id, "subscription")
        if subscription["customer"] != customer["id"]:
            message = f"The subscription {id} is of the customer {subscription['customer']}."
            raise Refused(message, param="subscription")
        return {
            "subscription_details": {"subscription": id, "subscription_item": None},
            "type": "subscription_details",
        }

    def of_subscription(
        self, work: Work, subscription: Record, wanted: Params, at: str, invoice: str
    ) -> Record:
        """Return an item that an invoice of a subscription has once, stored; raises `Refused`."""
        customer = registry.need("customer").given(work, subscription["customer"], "customer")
        params = {**wanted, "currency": subscription["currency"]}
        params["subscription"] = subscription["id"]
        try:
            params["period"] = _period(work, subscription, wanted.get("period") or {})
        except Refused as refused:
            raise errors.under(refused, at) from None
        return self.of_invoice(work, customer, params, at, invoice)

    def of_invoice(
        self, work: Work, customer: Record, wanted: Params, at: str, invoice: str
    ) -> Record:
        """Return an item of an invoice that is about to be made, stored; raises `Refused`."""
        try:
            fields = self.new(work, {**wanted, "customer": customer["id"]})
        except Refused as refused:
            raise errors.under(refused, at) from None
        made: Record = super().add(work, {**fields, "invoice": invoice})
        return made

    # --- What it costs ---

    def _priced(self, work: Work, customer: Record, params: Params) -> Record:
        """Return the fields about the cost of an item; raises `Refused`."""
        id = (params.get("pricing") or {}).get("price") or params.get("price")
        data = params.get("price_data")
        if id is not None and params.get("amount") is not None:
            raise errors.only_one_of("amount", "price")
        if data is not None:
            price = self._made_price(work, data)
            return self._of_price(work, price, params, price["currency"])
        if id is not None:
            param = "pricing[price]" if params.get("pricing") else "price"
            price = registry.need("price").given(work, id, param)
            if price["type"] == "recurring":
                raise Refused(items.RECURRING, param=param)
            return self._of_price(work, price, params, params.get("currency"))
        return self._of_amount(work, customer, params)

    def _of_price(self, work: Work, price: Record, params: Params, currency: str | None) -> Record:
        quantity = params.get("quantity", 1)
        currency = money.currency(currency or price["currency"])
        parts = registry.need("price").in_currency(price, currency)
        return {
            "amount": cost(parts, price, quantity),
            "currency": currency,
            "description": params.get("description") or lines.product_name(work, price),
            "pricing": lines.pricing(price, parts["unit_amount_decimal"]),
            "quantity": quantity,
            "quantity_decimal": str(quantity),
        }

    def _of_amount(self, work: Work, customer: Record, params: Params) -> Record:
        amount, exact = params.get("amount"), params.get("unit_amount_decimal")
        if exact is None and params.get("unit_amount") is not None:
            exact = str(params["unit_amount"])
        quantity = params.get("quantity", 1)
        if amount is None and exact is None:
            raise errors.missing("amount")
        if amount is not None and exact is not None:
            raise errors.only_one_of("amount", "unit_amount_decimal")
        if amount is not None and params.get("quantity") is not None:
            raise errors.only_one_of("amount", "quantity")
        unit = money.decimal(exact, "unit_amount_decimal") if exact else Decimal(amount or 0)
        if amount is None:
            amount = money.whole(unit * quantity)
        currency = params.get("currency") or registry.need("customer").currency_of(work, customer)
        currency = money.currency(currency)
        description = params.get("description")
        price = self._hidden_price(work, money.text(unit), currency, description)
        return {
            "amount": amount,
            "currency": currency,
            "description": description,
            "pricing": lines.pricing(price, money.text(unit)),
            "quantity": quantity,
            "quantity_decimal": str(quantity),
        }

    def _hidden_price(
        self, work: Work, unit: str, currency: str, description: str | None
    ) -> Record:
        """Return the price that stands for an amount; the same words and amount get the same.

        As recorded, even years later.
        """
        value = f"{currency}:{unit}:{description or ''}"
        holder = work.holder(HIDDEN, value)
        if holder is not None:
            id, product = holder.split("/")
        else:
            id, product = new_id("price", 24), new_id("prod", 14)
            work.claim(HIDDEN, value, f"{id}/{product}")
        return {"id": id, "product": product}

    def _made_price(self, work: Work, data: Params) -> Record:
        """Return the price that a request makes for an item; it is active for it alone."""
        prices = registry.need("price")
        made: Record = prices.add(work, prices.new(work, {**data, "active": False}))
        return made

    # --- Changed ---

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an item with other fields; raises `Refused` if its invoice is finalized."""
        self._check_open(work, old)
        own = ("description", "discountable", "metadata", "period")
        new = {**old, **{name: params[name] for name in own if name in params}}
        if "tax_rates" in params:
            new["tax_rates"] = _tax_rates(work, params["tax_rates"])
        if "discounts" in params:
            new["discounts"] = discounts.all_redeemed(
                work, params["discounts"], "discounts", old["customer"], old["currency"],
                invoice_item=old["id"],
            )  # fmt: skip
        names = ("amount", "price", "price_data", "pricing", "quantity", "unit_amount_decimal")
        given = {name: params[name] for name in names if params.get(name) is not None}
        if given:
            customer = registry.need("customer").given(work, old["customer"], "customer")
            of = self._terms(new, given)
            new.update(self._priced(work, customer, of))
            new["currency"] = old["currency"]
        return new

    def _terms(self, old: Record, given: Params) -> Params:
        """Return the parameters of an item's cost after a change."""
        base = {"currency": old["currency"], "description": old["description"]}
        if set(given) == {"quantity"}:
            unit = old["pricing"]["unit_amount_decimal"]
            return {**base, "quantity": given["quantity"], "unit_amount_decimal": unit}
        if "amount" not in given and "quantity" not in given:
            base["quantity"] = old["quantity"]
        return {**base, **given}

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed item; of its draft the line is drawn again."""
        saved = super().save(work, old, new, event)
        if old["invoice"] is not None and saved["invoice"] is not None and saved != old:
            self._put_on(work, saved)
        return saved

    def _check_open(self, work: Work, item: Record) -> None:
        invoice = work.get("invoices", item["invoice"] or "")
        if invoice is not None and invoice["status"] != "draft":
            raise Refused(IN_DRAFT, code="invoice_not_editable")

    def check_delete(self, work: Work, record: Record) -> None:
        """Raise `Refused` if an item's invoice is finalized."""
        self._check_open(work, record)

    def drop(self, work: Work, record: Record) -> None:
        """Remove an item, and its line."""
        super().drop(work, record)
        if record["invoice"] is None:
            return
        invoices = registry.need("invoice")
        invoice = invoices.given(work, record["invoice"], "invoice")
        kept = [one for one in lines.all_of(invoice) if pending.item_of(one) != record["id"]]
        new = lines.with_lines(invoice, kept, lines.rates_of(invoice))
        invoices.save(work, invoice, amounts.priced(work, new))


def _tax_rates(work: Work, ids: list[str] | None) -> list[Record]:
    found: list[Record] = registry.need("tax_rate").all_given(work, ids, "tax_rates")
    return found


def _period(work: Work, subscription: Record, given: Params) -> Params:
    """Return the times that a request names by the periods of a subscription's items.

    Raises `Refused` for a time that is not given.
    """
    data = subscription["items"]["data"]
    named = {
        "max_item_period_start": max(item["current_period_start"] for item in data),
        "min_item_period_end": min(item["current_period_end"] for item in data),
        "now": work.now,
    }
    usual = {"end": "min_item_period_end", "start": "max_item_period_start"}
    times = {}
    for side, default in usual.items():
        one = given.get(side) or {"type": default}
        if one["type"] == "timestamp" and one.get("timestamp") is None:
            raise errors.missing(f"period[{side}][timestamp]")
        times[side] = one["timestamp"] if one["type"] == "timestamp" else named[one["type"]]
    return times


RESOURCE = InvoiceItems()
