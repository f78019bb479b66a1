"""Says where its instance is, and which signal it gets."""

import os
import signal
import sys
import time


def tell(number: int, _: object) -> None:
    print(signal.Signals(number).name, flush=True)
    sys.exit(9)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, tell)
print(os.environ["TIGERD_DIR"], flush=True)
time.sleep(30)
