"""What the judge of the recordings calls: an engine on an instance of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import tiger
from tigerstripe.engine import Engine
from tigerstripe.messages import Request

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


def seed(
    send: Callable[..., Any], recorded: str, shown: dict[str, Any] | None, ids: dict[str, str]
) -> str | None:
    """Make what a cassette presupposes; return its id, or None to let the judge make it.

    The judge makes payment methods that no answer shows loose; but they are named as the default of
    the customer before them, which must be the customer's own.
    """
    if recorded.startswith("pm_") and shown is None:
        customers = [id for id in ids.values() if id.startswith("cus_")]
        return _attached(send, customers[-1]) if customers else None
    default = ((shown or {}).get("invoice_settings") or {}).get("default_payment_method")
    if not recorded.startswith("cus_") or not isinstance(default, str) or shown is None:
        return None
    names = ("email", "name", "description", "phone")
    pairs = [(name, shown[name]) for name in names if shown.get(name)]
    pairs += [(f"metadata[{name}]", value) for name, value in shown["metadata"].items() if value]
    id = str(send("POST", "/v1/customers", pairs)[2]["id"])
    ids[default] = ids.get(default) or _attached(send, id)
    wanted = [("invoice_settings[default_payment_method]", ids[default])]
    send("POST", f"/v1/customers/{id}", wanted)
    return id


def _attached(send: Callable[..., Any], customer: str) -> str:
    path = "/v1/payment_methods/pm_card_visa/attach"
    return str(send("POST", path, [("customer", customer)])[2]["id"])


@atexit.register
def _end() -> None:
    _store.close()
    stop = [sys.executable, "-m", "tigerd", "stop", "--dir", _directory]
    subprocess.run(stop, capture_output=True, check=False)
    shutil.rmtree(_directory, ignore_errors=True)
