"""What a process comes upon where memory, files or address space end."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import tiger
from tiger.format.resources import RESOURCES


@contextmanager
def connected(directory: str) -> Iterator[tiger.Store]:
    """Give a store whose daemon ends with the block: nobody outside can reach it."""
    with tiger.connect(directory) as store:
        pid = store.ping()["pid"]
        try:
            yield store
        finally:
            os.kill(pid, signal.SIGTERM)


def fills_and_empties(directory: str, size: int) -> dict[str, object]:
    with connected(directory) as store:
        return dict(_filled(store, "x" * size))


def _filled(store: tiger.Store, text: str) -> Iterator[tuple[str, object]]:
    plans, coupons = store.plans, store.coupons
    coupons.insert({"id": "kept", "valid": True})
    before, written, error = store.ping()["commit"], 0, None
    while error is None and written < 1_000_000:
        try:
            plans.insert({"id": f"p{written}", "product": "p", "text": text})
            written += 1
        except tiger.StoreFull as full:
            error = str(full)
    yield "error", error
    yield "nothing changed", store.ping()["commit"] == before + written
    yield "nothing was added", f"p{written}" not in plans
    yield "all are there", plans.count() == written == len(plans.find_by_product("p"))
    yield "all are whole", all(record["text"] == text for record in plans)
    yield "one is deleted", plans.delete("p0") and plans.count() == written - 1
    yield "others are there", coupons.find_active() == [{"id": "kept", "valid": True}]
    store.clear_namespace()
    yield "all are cleared", plans.count() == 0
    deadline = time.monotonic() + 20
    while plans.count() < 20 and time.monotonic() < deadline:
        with suppress(tiger.StoreFull):
            plans.insert({"id": f"again{plans.count()}", "text": text})
    yield "the space is used again", plans.count() == 20


def writes_after_snapshot(directory: str) -> list[int]:
    with connected(directory) as store:
        coupon = {"id": "A", "text": "x" * 50_000}
        store.coupons.insert(coupon)
        with store.snapshot():
            with suppress(tiger.StoreFull):
                while True:
                    store.coupons.insert(coupon)
            written = store.ping()["commit"]
            time.sleep(0.05)  # the daemon cleans no more until a command comes
        store.coupons.insert_many([{**coupon, "id": f"c{n}"} for n in range(20)])
        return [written, store.coupons.count()]


def error_of_connect(directory: str, autostart: bool = True, user: int | None = None) -> str | None:
    """Connect, as another user if one is given; return the error."""
    if user is not None:
        os.setuid(user)
    try:
        with tiger.connect(directory, autostart=autostart) as store:
            os.kill(store.ping()["pid"], signal.SIGTERM)
    except tiger.TigerError as error:
        return str(error)
    return None


def error_of_a_record_in_each_table(directory: str, file_size: int | None = None) -> str | None:
    """Write to all tables, with a limit of file sizes if there is one; return the error."""
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    try:
        with connected(directory) as store:
            for row in RESOURCES:
                store.table(row.table).insert({"id": "A"})
    except tiger.StoreFull as error:
        return str(error)
    return None
