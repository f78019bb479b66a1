"""Reads an instance of an image while a daemon writes its own copy: `baked.py DIRECTORY`."""

import subprocess
import sys
import time

import tiger

place = sys.argv[1]
store = tiger.connect(place, autostart=False)
assert store.coupons.get("A") == {"id": "A"}
command = [sys.executable, "-m", "tigerd", "serve", "--dir", place]
serving = subprocess.Popen(command, stdout=subprocess.PIPE)
assert serving.stdout
assert serving.stdout.readline()
deadline = time.monotonic() + 20
try:
    while time.monotonic() < deadline:
        store.coupons.get("A")
except tiger.InstanceError:
    with tiger.connect(place) as again:
        again.coupons.insert({"id": "B"})
        assert again.coupons.count() == 2
        print("told")
finally:
    serving.kill()
