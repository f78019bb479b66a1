"""Starts a daemon where Python is another program: `vendored.py DIRECTORY PATH`, run with -I."""

import json
import sys

sys.path[:] = json.loads(sys.argv[2])
sys.executable = "/usr/bin/uwsgi"

import tiger  # noqa: E402 - it is found on that path

with tiger.connect(sys.argv[1]) as store:
    print(store.ping()["pid"] > 1)
