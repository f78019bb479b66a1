"""Which modules a daemon and a client load: the last line of stderr."""

import sys


def daemon(*arguments: str) -> None:
    """Begin a daemon that ends when it is ready."""
    from tigerd.service import serve
    from tigerd.service.server import Server

    setattr(Server, "run", lambda self: self.close())  # noqa: B010
    serve.serve([*arguments])
    print(*sys.modules, file=sys.stderr)


def client(directory: str) -> None:
    import tiger

    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "c"})
    print(*sys.modules, file=sys.stderr)
