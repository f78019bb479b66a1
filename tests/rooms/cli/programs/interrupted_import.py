"""`tigerd get`, interrupted while it imports a module: `interrupted_import.py MODULE`."""

import os
import signal
import sys

wanted = sys.argv[1]


class Interrupting:
    """Finds no module, and is interrupted when it is asked for that one."""

    @classmethod
    def find_spec(cls, name: str, path: object, target: object = None) -> None:
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)


sys.meta_path.insert(0, Interrupting)
from tigerd.__main__ import main  # noqa: E402

sys.argv = ["tigerd", "get", "coupons", "A"]
main()
