"""`tigerd stripe serve` as a process, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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
def serving(
    directory: str,
    *options: str,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Give a server on an instance; killed at the end if the test did not end it.

    `prefix` is the beginning of its command, as of one that runs others.
    """
    serve = [sys.executable, "-m", "tigerd", "stripe", "serve"]
    process = subprocess.Popen(
        [*prefix, *serve, "--dir", directory, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, **(environment or {})},
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
