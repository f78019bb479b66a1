"""The same store for asyncio: reads are plain calls, writes are awaited.

    async with tiger.aio.connect() as store:
        await store.coupons.insert({"id": "summer", "percent_off": 20})
        store.coupons.get("summer")

Tasks may share a store; their writes are sent one at a time. A cancelled write may have been
applied.
"""

from tiger.aio.connecting import Connecting, connect
from tiger.aio.connection import AsyncConnection
from tiger.aio.store import AsyncStore
from tiger.aio.table import AsyncTable

__all__ = [
    "AsyncConnection",
    "AsyncStore",
    "AsyncTable",
    "Connecting",
    "connect",
]
