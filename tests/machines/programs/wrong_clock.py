"""A daemon whose clock is wrong, by as many hours as its first argument says."""

import sys
import time

offset_ns = int(sys.argv[1]) * 3600 * 10**9
right = time.time_ns
time.time_ns = lambda: right() + offset_ns
time.time = lambda: time.time_ns() / 1e9

import tiger.system  # noqa: E402 - the clock is wrong from the beginning
from tigerd.service import serve  # noqa: E402

assert abs(tiger.system.time.time() - right() / 1e9) > 3600
sys.exit(serve.serve(sys.argv[3:]))
