"""Processes that hold namespaces until they are killed."""

import sys

import tiger


def hold(store: tiger.Store, kind: str) -> None:
    with getattr(store, kind)() as test:
        test.coupons.insert({"id": "A"})
        print(test.current_namespace, flush=True)
        sys.stdin.readline()


def hold_forks_of_forks(store: tiger.Store) -> None:
    with store.sandbox() as a:
        a.coupons.insert({"id": "A"})
        with a.fork() as b, b.fork() as _, b.fork() as d:
            d.coupons.delete("A")
            print("ready", flush=True)
            sys.stdin.readline()
