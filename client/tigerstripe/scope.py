"""Where an account's objects are: the tables of one namespace of a store."""

from __future__ import annotations

from tiger import Batch, Store, Table, UnknownTable
from tiger.batch import BatchTable

OWN_TABLES: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {
    "account_settings": (None, None, ()),
    "claims": (None, None, ()),
    "deleted_objects": (None, None, ()),
    "due": (None, None, ()),
    "idempotency_keys": (None, None, ()),
    "request_log": (None, None, ()),
    "shipping_rates": ("shr", "/v1/shipping_rates", ("active",)),
    "tax_ids": ("txi", "/v1/tax_ids", ("customer",)),
}
"""The tables that a store does not have from the start: prefix, path, and indexed fields."""


class Scope:
    """One account's tables; those that the store lacks are defined when they are first used."""

    def __init__(self, store: Store) -> None:
        """Use the namespace of a store."""
        self.store = store
        self._tables: dict[str, Table] = {}
        self.has_clock = True
        """Whether the account's clock was a record when it was looked at last."""

    def __repr__(self) -> str:
        return f"<Scope {self.store.current_namespace!r}>"

    def table(self, name: str) -> Table:
        """Return a table."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = self._opened(name)
        return table

    def in_batch(self, batch: Batch, name: str) -> BatchTable:
        """Return a table that takes a batch's writes."""
        self.table(name)  # so that it is defined
        return batch.table(name)

    def _opened(self, name: str) -> Table:
        try:
            return self.store.table(name)
        except UnknownTable:
            if name not in OWN_TABLES:
                raise
            prefix, url, indexes = OWN_TABLES[name]
            return self.store.define(name, prefix=prefix, url=url, indexes=indexes)
