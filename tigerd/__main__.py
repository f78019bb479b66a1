"""`tigerd` and `python -m tigerd`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the daemon, or one of the other commands."""
    if sys.argv[1:2] == ["serve"]:
        from tigerd.serve import serve  # noqa: PLC0415 - the daemon starts in half the time

        sys.exit(serve(sys.argv[2:]))
    from tigerd.cli import cli  # noqa: PLC0415

    cli()


if __name__ == "__main__":
    main()
