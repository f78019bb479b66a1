"""Writes a record, and counts it when the daemon has looked around twice."""

import time

import tiger
from tiger.format import layout

with tiger.connect() as store:
    store.coupons.insert({"id": "A"})
    words = store._reader.words
    begun = words[layout.HEARTBEAT]
    while words[layout.HEARTBEAT] < begun + 1_200_000_000:
        time.sleep(0.01)
    print(store.coupons.count())
