"""What the judge of the recordings calls: an engine on an instance of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

import tiger
from tigerstripe.requests.engine import Engine
from tigerstripe.requests.messages import Request

_directory = tempfile.mkdtemp(
    prefix="tgr", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
)
_store = tiger.connect(_directory)
_engine = Engine(_store)


def call(
    method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer."""
    given = {name.lower(): value for name, value in headers.items()}
    bare, _, query = path.partition("?")
    answer = _engine.answer(
        Request(
            method,
            bare,
            query,
            body,
            given.get("authorization"),
            given.get("stripe-version"),
            given.get("idempotency-key"),
            given.get("stripe-account"),
            given.get("content-type", ""),
        )
    )
    return answer.status, dict(answer.headers), answer.body


@atexit.register
def _end() -> None:
    _store.close()
    stop = [sys.executable, "-m", "tigerd", "stop", "--dir", _directory]
    subprocess.run(stop, capture_output=True, check=False)
    shutil.rmtree(_directory, ignore_errors=True)
