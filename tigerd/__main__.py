"""`tigerd` and `python -m tigerd`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the daemon, or one of the other commands."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback out of an import
    if sys.argv[1:2] == ["serve"]:
        from tigerd.service.serve import serve  # noqa: PLC0415 - the daemon starts in half the time

        sys.exit(serve(sys.argv[2:]))
    from tigerd.cli import cli  # noqa: PLC0415

    cli()


if __name__ == "__main__":
    main()
