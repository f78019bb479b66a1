"""Records as tests make and compare them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def ids(records: Iterable[Any]) -> list[str]:
    return [record["id"] for record in records]


def coupon(identity: str, **fields: Any) -> dict[str, Any]:
    return {"id": identity, "object": "coupon", "created": 1, **fields}


def exactly(value: Any) -> str:
    """A text that differs where a JSON type differs: 1, 1.0 and True are three texts."""
    return json.dumps(value, sort_keys=True)
