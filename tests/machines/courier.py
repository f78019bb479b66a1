"""A sender of webhooks on a host whose clock is off: `courier.py DIRECTORY SECONDS NAMESPACE`.

It prints how many of an account's webhooks wait for it, sends these, and what comes until stdin
ends.
"""

from __future__ import annotations

import json
import sys

import tiger
import tigerstripe
from tiger import system
from tigerstripe.http.courier import Courier

right = system.time.time
system.time.time = lambda: right() + float(sys.argv[2])
with tiger.connect(sys.argv[1], namespace=sys.argv[3], everywhere=True) as store:
    print(json.dumps(len(tigerstripe.Account(store).deliver())), flush=True)
    courier = Courier(store, None)
    sys.stdin.read()
    courier.close()
