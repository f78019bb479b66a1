"""Scopes: the tables of an account, which are those of a namespace or a part of them."""

from __future__ import annotations

from tiger import Batch, Store, Table
from tiger.batch import BatchTable
from tigerstripe.work import connected
from tigerstripe.work.connected import ConnectedBatch, ConnectedTable, Place

IDEMPOTENCY_KEYS = "idempotency_keys"
"""The table of the requests that wrote and of their answers, by key."""

OWN_TABLES: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {
    "account_settings": (None, None, ()),
    "cash_balance_transactions": ("ccsbtxn", None, ("customer",)),
    "claims": (None, None, ()),
    "confirmation_tokens": ("ctoken", None, ()),
    connected.TABLE: (None, None, (connected.ACCOUNT, connected.PART)),
    "credit_grants": ("credgr", "/v1/billing/credit_grants", ("customer",)),
    "credit_transactions": (
        "cbtxn",
        "/v1/billing/credit_balance_transactions",
        ("credit_grant",),
    ),
    "deleted_objects": (None, None, ()),
    "discounts": ("di", None, ("customer", "subscription")),
    "due": (None, None, ("clock",)),
    "early_fraud_warnings": ("issfr", "/v1/radar/early_fraud_warnings", ("charge",)),
    "ephemeral_keys": ("ephkey", None, ()),
    IDEMPOTENCY_KEYS: (None, None, ()),
    "meter_events": (None, None, ("of",)),
    "meters": ("mtr", "/v1/billing/meters", ("status",)),
    "payment_links": ("plink", "/v1/payment_links", ("active",)),
    "persons": ("person", None, ("account",)),
    "portal_configurations": ("bpc", "/v1/billing_portal/configurations", ("active", "is_default")),
    "portal_sessions": ("bps", None, ("customer",)),
    "quotes": ("qt", "/v1/quotes", ("customer", "status")),
    "request_log": (None, None, ()),
    "shipping_rates": ("shr", "/v1/shipping_rates", ("active",)),
    "test_clocks": ("clock", "/v1/test_helpers/test_clocks", ()),
    "tax_ids": ("txi", "/v1/tax_ids", ("customer",)),
    "application_fees": ("fee", "/v1/application_fees", ("charge",)),
    "fee_refunds": ("fr", None, ("fee",)),
    "invoice_payments": ("inpay", None, ("invoice",)),
    "transfer_reversals": ("trr", None, ("transfer",)),
    "transfers": ("tr", "/v1/transfers", ("destination", "source_transaction")),
}
"""The tables that a store does not have from the start: prefix, path, and indexed fields."""

SHARED = frozenset(("account_settings", "due", IDEMPOTENCY_KEYS, "request_log"))
"""The tables that connected accounts share with their platform."""

KEPT = SHARED | {"claims", "deleted_objects"}
"""The tables without objects of the API: `changes` of the store leaves them out."""

AnyTable = Table | ConnectedTable


class Scope:
    """One account's tables; those that the store lacks are defined when they are first used."""

    def __init__(self, store: Store) -> None:
        """Use the namespace of a store; `inside` gives a connected account's part of it."""
        self.store = store
        self.account: str | None = None
        """The connected account whose tables these are; None for the platform's."""
        self.platform: Scope = self
        """The account that this one is connected to; itself for a platform."""
        self._tables: dict[str, AnyTable] = {}
        self._connected: dict[str, Scope] = {}
        self.prune_at = 0
        """The time of the account's clock of the next look for expired idempotency records."""
        self.looked_at: int | None = None
        """The second of the account's clock in which this process last looked for due entries."""
        self.has_state = True
        """Whether the account's state was a record when it was last read."""
        self.claims_seen: dict[tuple[str, float], float] = {}
        """When this process saw the claims of other hosts first: deliveries, and when they end."""

    def __repr__(self) -> str:
        return f"<Scope {self.store.current_namespace!r} {self.account or ''}>"

    @property
    def host(self) -> int:
        """A number that the processes of this host have in common: they have one clock."""
        return self.store.instance

    def inside(self, account: str | None) -> Scope:
        """Return the tables of an account connected to the platform; None: of the platform."""
        platform = self.platform
        if account is None:
            return platform
        inner = platform._connected.get(account)
        if inner is None:
            inner = Scope(self.store)
            inner.account, inner.platform = account, platform
            inner = platform._connected.setdefault(account, inner)
        return inner

    def owner_of(self, table: str, id: str) -> Scope:
        """Return the tables of the account that has an object: the platform or one inside it.

        Where no account has it, the platform's. Cost: a look into each connected account.
        """
        if id in self.table(table):
            return self
        inner = (self.inside(account["id"]) for account in self.table("accounts"))
        return next((one for one in inner if id in one.table(table)), self)

    def table(self, name: str) -> AnyTable:
        """Return a table."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = self._opened(name)
        return table

    def in_batch(self, batch: Batch, name: str) -> BatchTable | ConnectedBatch:
        """Return a table that takes a batch's writes."""
        table = self.table(name)  # so that it is defined
        if isinstance(table, ConnectedTable):
            return ConnectedBatch(batch.table(connected.TABLE), table.place)
        return batch.table(name)

    def _opened(self, name: str) -> AnyTable:
        if self.account is not None:
            if name in SHARED:
                return self.platform.table(name)
            return ConnectedTable(self.own(connected.TABLE), Place(self.account, name))
        if name in OWN_TABLES and name not in self.store.tables():
            prefix, url, indexes = OWN_TABLES[name]
            return self.store.define(name, prefix=prefix, url=url, indexes=indexes)
        return self.store.table(name)

    def own(self, name: str) -> Table:
        """Return a table of the store itself: the platform's, or a shared one."""
        table = self.platform.table(name)
        assert isinstance(table, Table)
        return table
