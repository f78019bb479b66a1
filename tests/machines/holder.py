"""A process of a host that holds a sandbox: `holder.py DIRECTORY`.

It prints the sandbox's namespace, and for each word on stdin what is in it, after it has written
that word there; an empty line only asks.
"""

from __future__ import annotations

import json
import sys

import tiger

with tiger.connect(sys.argv[1]) as store, store.sandbox() as test:
    test.plans.insert({"id": "first"})
    print(json.dumps(test.current_namespace), flush=True)
    for line in sys.stdin:
        if word := line.strip():
            test.plans.insert({"id": word})
        print(json.dumps([plan["id"] for plan in test.plans]), flush=True)
