"""`tigerd stripe serve` as a process, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe


class Served:
    """A server that said that it is ready."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url: str = ready["url"]

    def client(self, namespace: str, **options: Any) -> stripe.StripeClient:
        key = options.pop("key", f"sk_test_{namespace.replace('/', '%2F')}")
        return stripe.StripeClient(key, base_addresses={"api": self.url}, **options)


@contextmanager
def serving(directory: str, *options: str) -> Iterator[Served]:
    """Give a server on an instance; killed at the end if the test did not end it."""
    command = [sys.executable, "-m", "tigerd", "stripe", "serve", "--dir", directory, *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"no line that it is ready: {process.communicate()[1]}")
        yield Served(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.terminate()
        out, err = process.communicate(timeout=20)
        assert "Traceback" not in err + out, err
