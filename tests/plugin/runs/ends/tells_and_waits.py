"""Says where its instance is, and waits, or writes for ever: `tells_and_waits.py [write]`."""

import os
import sys
import time
from contextlib import suppress

import tiger

with tiger.connect() as store:
    print(store.directory, store.ping()["pid"], os.getpid(), flush=True)
if sys.argv[1:] != ["write"]:
    time.sleep(60)
while True:
    with suppress(tiger.TigerError), tiger.connect() as store:
        store.coupons.create({})
