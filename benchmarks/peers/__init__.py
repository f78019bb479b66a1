"""The stores that are measured, by name: tigerd and its peers behind one tiny interface.

Libraries are imported when a peer is used, so that a measuring process holds only what it measures.
"""

from benchmarks.peers.base import Peer
from benchmarks.peers.embedded import DiskCache, Lmdb, LmdbIndexed, Sqlite
from benchmarks.peers.machines import EngineAlone, Everywhere, TwoHosts
from benchmarks.peers.private import Floor, Interpreter
from benchmarks.peers.servers import Manager, Redis, RedisIndexed
from benchmarks.peers.stripe_api import (
    Batches,
    Localstripe,
    SdkFloor,
    Tigerstripe,
    TigerstripeServe,
)
from benchmarks.peers.tigerd import Tigerd

__all__ = ["PEERS", "Peer"]

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        Tigerd,
        TwoHosts,
        Everywhere,
        EngineAlone,
        Floor,
        Lmdb,
        LmdbIndexed,
        Redis,
        RedisIndexed,
        Sqlite,
        Manager,
        DiskCache,
        Interpreter,
        Tigerstripe,
        SdkFloor,
        Batches,
        TigerstripeServe,
        Localstripe,
    )
}
