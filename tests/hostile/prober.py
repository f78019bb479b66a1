"""Reads damaged instances by every call there is: `prober.py DIRECTORY SEED`.

For each line from stdin, the number of a trial, prints a JSON object of what happened in it; in
those below 0 a list runs in a circle. It is a process of its own because damage might end it. A
trial's `fault` is what no damage may cause.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import tiger
from tests.hostile.damage import COUPONS, INVOICES, PLANS, Damage, make_instance
from tests.support.daemon import Daemon
from tests.support.model import Model
from tiger.format.resources import RESOURCES
from tigerd.tools.audit import audit

LONGEST_S = 5.0
"""That a call may take; what is right takes milliseconds."""

NAMESPACES = ("a", "b", "nobody")


class TooLong(BaseException):
    """A call has not come back."""


class Wrong(Exception):
    """A call returned what was never there."""


class Prober:
    """Damages copies of one instance and reads them."""

    def __init__(self, place: Path, seed: str) -> None:
        self.seed = seed
        self.base, self.directory = place / "base", place / "copy"
        model, self.ever, self.heads = make_instance(self.base)
        self.check_base(model)
        signal.signal(signal.SIGALRM, self.on_alarm)

    def on_alarm(self, _: int, __: FrameType | None) -> None:
        raise TooLong

    def check_base(self, model: Model) -> None:
        with tiger.connect(self.base, autostart=False) as store:
            for (number, namespace), rows in model.spaces.items():
                if number:
                    table = store.namespace(namespace).table(RESOURCES[number - 1].table)
                    assert {r["id"] for r in table} == set(rows)

    def trial(self, number: int) -> dict[str, Any]:
        random = Random(f"{self.seed}/{number}")
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(self.base, self.directory)
        damage = Damage(random, self.directory, self.heads)
        self.done: Counter[str] = Counter()
        how = ["live"] if random.random() < 0.5 else []
        fault = None
        try:
            if number < 0:
                how.append(damage.circle())
                self.read_anew()
            elif how:
                with tiger.connect(self.directory, autostart=False) as store:
                    self.read_all(store)
                    self.read_all(store)
                    how.append(damage.in_place())
                    self.read_all(store)
            else:
                how += [
                    random.choice((damage.in_place, damage.in_place, damage.of_files))()
                    for _ in range(random.choice((1, 1, 2, 5)))
                ]
                self.read_anew()
            self.call("audit", lambda: audit(self.directory))
            self.call("recover", lambda: Daemon(self.directory))
        except BaseException as error:
            fault = f"{error!r}\n{''.join(traceback.format_exception(error)[-8:])}"
        return {
            "trial": number,
            "how": how,
            "bytes": damage.count,
            "calls": self.done["calls"],
            "errors": self.done["errors"],
            "fault": fault,
        }

    def read_anew(self) -> None:
        store = self.call("connect", lambda: tiger.connect(self.directory, autostart=False))
        if store is not None:
            with store:
                self.read_all(store)

    def call(self, what: str, call: Callable[[], Any]) -> Any:
        """Call; return None where that ends in a `TigerError`."""
        self.done["calls"] += 1
        signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
        start = time.monotonic()
        try:
            return call()
        except tiger.TigerError:
            self.done["errors"] += 1
            return None
        except TooLong:
            raise TooLong(f"{what}: no end after {time.monotonic() - start:.1f} s") from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    # --- Reading ---

    def read_all(self, store: tiger.Store) -> None:
        self.call("namespaces", store.namespaces)
        self.call("tables", store.tables)
        self.call("gadgets", lambda: list(store.gadgets))
        for name in NAMESPACES:
            self.read_namespace(store.namespace(name), name)

            with store.namespace(name).snapshot() as view:
                self.read_namespace(view, name)
                self.call("namespaces", view.namespaces)

    def read_namespace(self, tables: Any, namespace: str) -> None:
        for number in (PLANS, INVOICES, COUPONS):
            table = self.call("table", lambda n=number: tables.table(RESOURCES[n - 1].table))
            if table is None:
                continue
            for found in self.records(table, number):
                self.check(found, number, namespace)

    def records(self, table: Any, number: int) -> Iterator[Any]:
        """Yield what each kind of read returns."""
        prefix = {PLANS: "p", INVOICES: "i", COUPONS: "w"}[number]
        field, value = {
            PLANS: ("product", "q0"),
            INVOICES: ("customer", "d"),
            COUPONS: ("valid", True),
        }[number]
        for n in (0, 1, 3, 4, 5, 7, 8):
            name = f"{prefix}{n}"
            for what in ("get", "peek"):
                found = self.call(what, lambda w=what, i=name: getattr(table, w)(i))
                if found is not None and found["id"] != name:
                    raise Wrong(f"{what} of {name} is {found}")
                yield found
            self.call("in", lambda i=name: i in table)
            self.call("version", lambda i=name: table.version(i))
        self.call("count", table.count)
        for options in (
            {"limit": 100},
            {"limit": 3, "starting_after": f"{prefix}3"},
            {"limit": 3, "ending_before": f"{prefix}3"},
            {"limit": 5, field: value},
            {"limit": 5, field: value, "ending_before": f"{prefix}0"},
        ):
            page = self.call(f"list {options}", lambda o=options: table.list(**o))
            yield from page.data if page is not None else ()
        yield from self.call("all", lambda: list(table)) or ()
        yield from self.call("find_by", lambda: table.find_by(field, value)) or ()
        yield from self.call("pages", lambda: pages(table)) or ()
        yield from self.call("pages back", lambda: pages(table, ending_before=f"{prefix}0")) or ()

    def check(self, found: Any, number: int, namespace: str) -> None:
        if found is None:
            return
        if found not in self.ever.get((number, namespace, str(found.get("id"))), ()):
            raise Wrong(f"{RESOURCES[number - 1].table} of {namespace!r}: {found}")


def pages(table: Any, **options: Any) -> list[Any]:
    """Return what the pages hold, of which there may be no end when lists run in circles."""
    found = []
    for content in table.list(limit=7, **options).auto_paging_iter():
        found.append(content)
        if len(found) > 2000:
            break
    return found


def main() -> None:
    place, seed = sys.argv[1:]
    prober = Prober(Path(place), seed)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(prober.trial(int(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
