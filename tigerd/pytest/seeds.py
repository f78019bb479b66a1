"""Seeds: records that accounts begin with; written once in a run, and forked for each account."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiger import AlreadyExists, Sealed, Store
from tiger.format import record
from tiger.namespaces import unique
from tiger.place.leases import Lease
from tiger.place.owners import Process
from tiger.system import os, threading
from tigerd.tools.documents import (
    InvalidDocument,
    Records,
    check_shape,
    check_tables,
    parse_tables,
    read_document,
)

if TYPE_CHECKING:
    from tigerstripe import Account

Maker = Callable[["Account"], object]
Seed = Mapping[str, Iterable[Mapping[str, Any]]] | str | os.PathLike[str] | Maker | None
"""Nothing, records by table, or the path to a JSON file of such, or of `stripe fixtures`; or a
function that makes the objects in a Stripe account.
"""


class Seeds:
    """The seeds that a process has loaded."""

    def __init__(self, store: Store, controller: int, root: Path) -> None:
        """Load into the store's instance, for one controller's run; paths are seen from `root`."""
        self._store = store
        self._controller = Process.of(controller)
        self._root = root
        self._loaded: dict[object, tuple[Any, Store | None]] = {}
        self._leases: list[Lease] = []
        self._turn = threading.Lock()

    def store_of(self, seed: Any) -> Store | None:
        """Return the store to fork for a seed; None for an empty one.

        Records are loaded once a run; what requests make is made once in each worker, for it has
        ids of its own.
        """
        if seed is None:
            return None
        if not isinstance(seed, (Mapping, str, os.PathLike)) and not callable(seed):
            raise InvalidDocument(
                f"the seed {seed!r:.80}: use a dict of lists of records, a path, or a function of "
                f"a Stripe account"
            )
        key: object = seed if isinstance(seed, (str, os.PathLike)) else id(seed)
        with self._turn:
            if key not in self._loaded:
                maker = seed if callable(seed) else _requests_of(seed, self._root)
                if maker is not None:
                    self._loaded[key] = (seed, self._make(maker))
                    return self._loaded[key][1]
                name, tables = _read(seed, self._root)
                check_tables(self._store, tables, name)
                store = self._load(tables) if any(tables.values()) else None
                self._loaded[key] = (seed, store)  # with the seed, so that its id stays its own
            return self._loaded[key][1]

    def _load(self, tables: dict[str, Records]) -> Store:
        """Write a seed, unless another worker has: it is written whole, or not at all."""
        digest = hashlib.sha256(repr(tables).encode()).hexdigest()
        run = self._controller
        store = self._store.namespace(f"seed-{run.pid}-{run.started}-{digest[:16]}")
        # Held by each worker that forks it: the daemon clears it after the last one.
        self._leases.append(Lease(store.directory, store.current_namespace))
        tables = {table: _with_ids(records, table, digest) for table, records in tables.items()}
        with contextlib.suppress(AlreadyExists, Sealed), store.batch() as batch:
            for table, records in tables.items():
                for item in reversed(records):  # so that they are listed in the file's order
                    batch.table(table).create(item)
        return store

    def _make(self, maker: Maker) -> Store:
        """Let a function make a seed in a Stripe account; if it raises, nothing is left behind."""
        from tigerstripe import Account  # noqa: PLC0415 - only where it is used

        store = self._store.namespace(unique("seed"))
        lease = Lease(store.directory, store.current_namespace)
        account = Account(store)
        try:
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(ImportError):  # a file of requests needs no SDK
                    stack.enter_context(account.installed())
                maker(account)
        except BaseException:
            store.clear_namespace()
            lease.release()
            raise
        self._leases.append(lease)
        return store

    def close(self) -> None:
        """Leave it to the daemon to clear them, after the last process that needs them."""
        for lease in self._leases:
            lease.abandon()


def _read(
    seed: Mapping[str, Any] | str | os.PathLike[str], root: Path
) -> tuple[str, dict[str, Records]]:
    """Return what to call a seed, and its records."""
    if isinstance(seed, Mapping):
        return "the seed", check_shape({k: _as_list(v) for k, v in seed.items()}, "the seed")
    path = root / seed
    try:
        with path.open("rb") as file:
            data = read_document(file, str(path))
    except OSError as error:
        raise InvalidDocument(f"the seed's file {path}: {error.strerror}") from None
    return str(path), parse_tables(data, str(path))


def _requests_of(seed: Mapping[str, Any] | str | os.PathLike[str], root: Path) -> Maker | None:
    """Return what makes the requests of `stripe fixtures`; None if the seed is something else."""
    document: Any = seed
    name = "the seed"
    if not isinstance(seed, Mapping):
        name = str(root / seed)
        try:
            document = json.loads((root / seed).read_bytes())
        except (OSError, ValueError):
            return None  # it is told where records are read
    if not isinstance(document, Mapping) or "fixtures" not in document:
        return None
    from tigerstripe.triggers import fixtures  # noqa: PLC0415 - only where it is used

    return lambda account: fixtures.run(account, document, name)


def _as_list(records: Any) -> Any:
    """Return a list of dicts for a series of mappings; other values are refused later."""
    if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
        return records
    return [dict(item) if isinstance(item, Mapping) else item for item in records]


def _with_ids(records: Records, table: str, digest: str) -> Records:
    """Give records without an id one, the same in all workers."""
    return [
        item if "id" in item else {"id": _made_id(f"{digest} {table} {place}"), **item}
        for place, item in enumerate(records)
    ]


def _made_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: record.ID_LENGTH]
