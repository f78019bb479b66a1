"""What is loaded with `tiger`, and what when it is used."""

import sys


def loads_zeromq(directory: str) -> bool:
    import tiger

    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
    return "zmq" in sys.modules


def loads_aio() -> list[object]:
    import tiger

    before = "asyncio" in sys.modules
    name = tiger.aio.connect.__name__
    return [before, name, "tiger.aio" in sys.modules, hasattr(tiger, "nonsense")]
