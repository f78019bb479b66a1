"""What is loaded of tigerd, and of what it needs."""

import sys


def loaded() -> list[str]:
    return sorted(name for name in sys.modules if name.split(".")[0] in ("tiger", "tigerd", "zmq"))
