"""The shop's own data: stock and orders, in the SQLite file that `SHOP_DATABASE` names."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

Lines = Mapping[str, int]
"""How many of each price, by lookup key."""

SCHEMA = """
create table if not exists stock (price text primary key, available integer not null);
create table if not exists orders (id text primary key, lines text not null, status text not null);
"""


class OutOfStock(Exception):
    """There is not enough of something."""


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Give the database within an exclusive transaction."""
    path = os.environ["SHOP_DATABASE"]
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        connection.execute("begin immediate")
        with connection:
            yield connection


def fill(stock: Lines) -> None:
    """Put items into the stock."""
    with database() as connection:
        connection.executemany("replace into stock values (?, ?)", stock.items())


def available(price: str) -> int:
    """Return how many of a price are in stock."""
    with database() as connection:
        row = connection.execute("select available from stock where price = ?", [price]).fetchone()
    return row[0] if row else 0


def place(order: str, lines: Lines) -> None:
    """Reserve the items of an order, or raise `OutOfStock`; may be repeated."""
    with database() as connection:
        placed = (order, json.dumps(dict(lines)), "placed")
        if not connection.execute("insert or ignore into orders values (?, ?, ?)", placed).rowcount:
            return
        for price, quantity in lines.items():
            taken = connection.execute(
                "update stock set available = available - ? where price = ? and available >= ?",
                (quantity, price, quantity),
            )
            if not taken.rowcount:
                raise OutOfStock(f"there are not {quantity} of {price}")


def cancel(order: str) -> None:
    """Release the items reserved for an order; may be repeated."""
    with database() as connection:
        found = connection.execute("select lines, status from orders where id = ?", [order])
        row = found.fetchone()
        if row is None or row[1] == "cancelled":
            return
        for price, quantity in json.loads(row[0]).items():
            connection.execute(
                "update stock set available = available + ? where price = ?", (quantity, price)
            )
        connection.execute("update orders set status = 'cancelled' where id = ?", [order])


def status(order: str) -> str | None:
    """Return the status of an order, `placed` or `cancelled`; None if there is none."""
    with database() as connection:
        row = connection.execute("select status from orders where id = ?", [order]).fetchone()
    return row[0] if row else None
