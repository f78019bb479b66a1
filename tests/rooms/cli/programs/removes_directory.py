"""Removes the directory of the instance that it runs in, and ends with 7."""

import os
import shutil
import sys
import time

import tiger

with tiger.connect(autostart=False) as store:
    print(store.ping()["pid"])
shutil.rmtree(os.environ["TIGERD_DIR"])
time.sleep(1.2)  # the daemon looks into it meanwhile
sys.exit(7)
