"""What a child reads of a snapshot that its parent has let go of."""

import os
from collections.abc import Callable

import tiger
from tests.support.forks import fork
from tiger.format import layout


def child_reads_what_is_gone(directory: str) -> object:
    with tiger.connect(directory) as store:
        store.coupons.insert_many({"id": f"c{n:03}", "n": 0} for n in range(300))
        mark = store.mark()
        go_read, go_write = os.pipe()
        with store.snapshot() as view:
            reads: list[Callable[[], object]] = [
                lambda: view.coupons.get("c001", None),
                view.coupons.count,
                lambda: len(view.coupons.list_namespace("global")),
                lambda: store.changes(mark),
                lambda: store.rollback(mark),
            ]

            def work() -> list[str]:
                os.read(go_read, 1)
                return [outcome(read) for read in reads]

            child = fork(work)
        mark.release()
        for number in range(150):
            store.coupons.update({"id": f"c{number:03}", "n": 1})
        while store._reader.words[layout.HORIZON] <= view.commit:
            store.coupons.patch("c299", {"n": 2})
        os.write(go_write, b"x")
        return child()


def outcome(read: Callable[[], object]) -> str:
    try:
        return repr(read())
    except BaseException as error:
        return type(error).__name__ + str(error)[:30]
