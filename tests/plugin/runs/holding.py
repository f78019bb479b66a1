"""What a store holds."""

import tiger


def held(store: tiger.Store) -> dict[str, int]:
    counts = {name: store.table(name).count() for name in ("coupons", "plans", "events")}
    assert store.namespaces().get(store.current_namespace, 0) == sum(counts.values())
    return {name: count for name, count in counts.items() if count}
