"""A reader that stops itself: `reader.py DIRECTORY HOW WHERE`.

HOW is `walk` (stopped in the middle of a list of all records, WHERE records from its beginning),
`snapshot` (stopped while it holds one), or `snapshot_walk` (both). After SIGCONT it tells what it
saw.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import tiger
from tiger.format.version import Version

seen = 0


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_in_walk(where: int) -> None:
    """Stop once, before the WHERE-th version is looked at."""
    make = Version.__init__

    def stopping(version: Version, *arguments: Any) -> None:
        global seen  # noqa: PLW0603
        seen += 1
        if seen == where:
            stop()
        make(version, *arguments)

    Version.__init__ = stopping  # type: ignore[method-assign]


def look(tables: Any, how: str) -> Any:
    if how == "snapshot":
        stop()
    return {
        "listed": [[record["id"], record["round"]] for record in tables.plans],
        "found": [[record["id"], record["round"]] for record in tables.plans.find_active()],
        "count": tables.plans.count(),
    }


def main() -> None:
    directory, how, where = sys.argv[1:]
    with tiger.connect(directory, autostart=False) as store:
        print(json.dumps("ready"), flush=True)
        if how != "snapshot":
            stop_in_walk(int(where))
        if how == "walk":
            listed = [[record["id"], record["round"]] for record in store.plans]
            print(json.dumps({"listed": listed}), flush=True)
            return
        with store.snapshot() as view:
            saw = look(view, how)
            print(json.dumps(saw), flush=True)
            assert look(view, "again") == saw


if __name__ == "__main__":
    main()
