"""A fake of the warehouse, in tables of its own (fakes.define_tables)."""

from __future__ import annotations

from fakes.races import read, retried
from shop.billing import Lines, Object
from shop.warehouse import OutOfStock
from tiger import Store


class FakeWarehouse:
    """The stock and the orders, in an account of the store."""

    def __init__(self, store: Store) -> None:
        """Keep everything in an account of the store."""
        self.store = store

    def place(self, order: str, customer: str, lines: Lines) -> Object:
        return retried(lambda: self._place(order, customer, lines))

    def _place(self, order: str, customer: str, lines: Lines) -> Object:
        if order in self.store.orders:
            return self.store.orders.get(order)
        with self.store.batch() as batch:
            for price, quantity in lines.items():
                if price not in self.store.stock:
                    raise OutOfStock(f"there is no {price}")
                stock, version = read(self.store.stock, price)
                if stock["available"] < quantity:
                    raise OutOfStock(f"{stock['available']} of {price} are left, not {quantity}")
                stock["available"] -= quantity
                batch.stock.update(stock, if_version=version)
            placed = {"id": order, "customer": customer, "lines": dict(lines), "status": "placed"}
            return batch.orders.create(placed)

    def order(self, order: str) -> Object:
        return self.store.orders.get(order)

    def set_status(self, order: str, status: str) -> Object:
        return self.store.orders.patch(order, {"status": status})

    def cancel(self, order: str) -> Object:
        return retried(lambda: self._cancel(order))

    def _cancel(self, id: str) -> Object:
        order, version = read(self.store.orders, id)
        if order["status"] == "cancelled":
            return order
        with self.store.batch() as batch:
            for price, quantity in order["lines"].items():
                stock, stock_version = read(self.store.stock, price)
                stock["available"] += quantity
                batch.stock.update(stock, if_version=stock_version)
            return batch.orders.update({**order, "status": "cancelled"}, if_version=version)
