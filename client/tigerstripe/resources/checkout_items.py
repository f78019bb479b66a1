"""The line items of checkout sessions; a session keeps them in its own record."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing import totals
from tigerstripe.checkout import cart, taxing
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import metadata, registry
from tigerstripe.objects.resource import Inclusions, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

ITEMS_MAX = 100
MOST = 99
"""The default of the largest quantity that a buyer can choose."""
PRICE_DATA = ("currency", "recurring", "tax_behavior", "unit_amount", "unit_amount_decimal")

WRONG_MODE = (
    "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
    "mode or use only one-time prices."
)
NOTHING_RECURRING = (
    "You must provide at least one recurring price in `subscription` mode when using prices."
)


class CheckoutItems(Resource):
    """Line items; a session makes them, and answers for their operations."""

    object = "item"
    table = ""
    prefix = "li"
    standard: frozenset[str] = frozenset()

    def made(
        self, work: Work, mode: str, currency: str | None, given: list[Params], old: list[Record]
    ) -> list[Record]:
        """Return the items that parameters ask for; `old` are those that they may name by id.

        Without a currency it is that of the first. Raises `Refused`.
        """
        if len(given) > ITEMS_MAX:
            raise errors.too_many("line_items", ITEMS_MAX)
        there = {item["id"]: item for item in old}
        items = []
        for place, wanted in enumerate(given):
            item = self._one(work, mode, currency, wanted, f"line_items[{place}]", there)
            currency = item["currency"]
            items.append(item)
        if mode == "subscription" and not any(private(item)["is_recurring"] for item in items):
            raise Refused(NOTHING_RECURRING, param="line_items")
        return items

    def _one(
        self,
        work: Work,
        mode: str,
        currency: str | None,
        wanted: Params,
        at: str,
        there: dict[str, Record],
    ) -> Record:
        id, old = wanted.get("id"), None
        if id is not None:
            if id not in there:
                raise errors.no_such("line item", id, f"{at}[id]")
            old = there[id]
        price = _price(work, wanted, at, old)
        if mode == "payment" and price["recurring"]:
            raise Refused(WRONG_MODE, param=at)
        currency = currency or price["currency"]
        quantity = _quantity(price, wanted, at, old)
        product = work.get("products", price["product"])
        adjustable = wanted.get("adjustable_quantity", old and old["adjustable_quantity"])
        return {
            "id": id or new_id(self.prefix, self.id_length),
            "object": self.object,
            "adjustable_quantity": _adjustable(adjustable, quantity, at),
            "amount_discount": 0,
            "amount_subtotal": 0,
            "amount_tax": 0,
            "amount_total": 0,
            "currency": currency,
            "description": product["name"] if product else None,
            "metadata": metadata.new(wanted.get("metadata", old and old["metadata"])),
            "price": price["id"],
            "quantity": quantity,
            PRIVATE: {
                "is_recurring": price["recurring"] is not None,
                "product": price["product"],
                "subtotal": _subtotal(price, currency, quantity, at),
                "tax_rates": _tax_rates(work, wanted, at, old),
            },
        }

    def optional(self, work: Work, currency: str, given: list[Params]) -> list[Record]:
        """Return the items that a buyer may add; raises `Refused`."""
        found = []
        for place, wanted in enumerate(given):
            at = f"optional_items[{place}]"
            price = _price(work, wanted, at, None)
            quantity = _quantity(price, wanted, at, None)
            _subtotal(price, currency, quantity, at)  # it has one in this currency
            found.append({
                "adjustable_quantity": _adjustable(wanted.get("adjustable_quantity"), quantity, at),
                "price": price["id"],
                "quantity": quantity,
            })  # fmt: skip
        return found

    def view_of(self, work: Work, session: Record) -> list[Record]:
        """Return a session's items as they are shown: with their prices."""
        return [
            {**item, "price": _shown(work, item["price"]), PRIVATE: {"of": session, "item": item}}
            for item in private(session)["items"]
        ]

    def _discounts(self, work: Work, record: Record, kept: Record) -> Any:
        return [
            {**one, "discount": cart.discount_object(kept["of"], one["discount"])}
            for one in private(kept["item"])["discounts"]
        ]

    def _taxes(self, work: Work, record: Record, kept: Record) -> Any:
        return [
            cart.tax_amount(work, one["rate"], one["amount"], one["taxable_amount"])
            for one in private(kept["item"])["taxes"]
        ]

    included: Inclusions = {"discounts": _discounts, "taxes": _taxes}


def _tax_rates(work: Work, wanted: Params, at: str, old: Record | None) -> list[str]:
    if "tax_rates" not in wanted and old is not None:
        kept: list[str] = private(old)["tax_rates"]
        return kept
    return taxing.named_rates(work, wanted.get("tax_rates"), f"{at}[tax_rates]")


def _shown(work: Work, id: str) -> Record | None:
    price = work.get("prices", id)
    return {k: v for k, v in price.items() if k != PRIVATE} if price else None


def _price(work: Work, wanted: Params, at: str, old: Record | None) -> Record:
    """Return the price that an item names, or makes; raises `Refused`."""
    id, data = wanted.get("price"), wanted.get("price_data")
    if id is not None and data is not None:
        raise errors.one_may_be_given(f"{at}[price]", f"{at}[price_data]")
    prices = registry.need("price")
    if data is not None:
        return _inline(work, data, f"{at}[price_data]")
    if id is None and old is None:
        raise errors.missing(f"{at}[price]")
    price: Record = prices.given(work, id or (old or {})["price"], f"{at}[price]")
    if id is not None and not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise Refused(message, param=f"{at}[price]")
    return price


def _inline(work: Work, data: Params, at: str) -> Record:
    """Make the price that is for this session alone, and its product: both are not active."""
    wanted = {name: data[name] for name in PRICE_DATA if name in data}
    if data.get("product_data") is not None:
        wanted["product_data"] = {**data["product_data"], "active": False}
    if data.get("product") is not None:
        wanted["product"] = data["product"]
    try:
        made: Record = registry.need("price").create(work, {}, {**wanted, "active": False})
    except Refused as refused:
        raise errors.under(refused, at) from None
    return made


def _quantity(price: Record, wanted: Params, at: str, old: Record | None) -> int | None:
    quantity: int | None = wanted.get("quantity", old and old["quantity"])
    if price["recurring"] and price["recurring"]["usage_type"] == "metered":
        if "quantity" in wanted:
            raise Refused(
                f"Quantity should not be specified where usage_type is `metered`. Remove "
                f"`quantity` from `{at}`",
                param=at,
            )
        return None
    if quantity is None:
        raise Refused(f"Quantity is required. Add `quantity` to `{at}`", param=at)
    if quantity < 1:
        raise errors.too_small(f"{at}[quantity]", 1)
    return quantity


def _adjustable(given: Params | None, quantity: int | None, at: str) -> Record | None:
    """Return the range in which the buyer may change a quantity; raises `Refused` outside of it."""
    if given is None:
        return None
    least, most = given.get("minimum"), given.get("maximum")
    is_outside = quantity is not None and not (least or 0) <= quantity <= (most or MOST)
    if given["enabled"] and is_outside:
        raise Refused(
            f"The quantity {quantity} is not within the limits of `adjustable_quantity`: "
            f"{least or 0} to {most or MOST}.",
            param=f"{at}[quantity]",
        )
    return {"enabled": given["enabled"], "maximum": most, "minimum": least}


def _subtotal(price: Record, currency: str, quantity: int | None, at: str) -> int:
    """Return the cost of a quantity in a currency; a metered price costs nothing yet."""
    amounts = registry.need("price").in_currency(price, currency, f"{at}[price]")
    return 0 if quantity is None else totals.cost(amounts, price, quantity)


RESOURCE = CheckoutItems()
