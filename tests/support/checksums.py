"""Records that carry a sum of themselves, so that a mixture of two versions is seen."""

from __future__ import annotations

import json
import zlib
from random import Random
from typing import Any

Record = dict[str, Any]

PRODUCTS = ["prod_a", "prod_b", "prod_c"]


def checksum(record: Record) -> int:
    """Return the CRC of a record without its own field for it."""
    content = {key: value for key, value in record.items() if key != "checksum"}
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def sealed(record: Record) -> Record:
    """Return the record with its checksum."""
    return {**record, "checksum": checksum(record)}


def random_plan(random: Random, name: str, **fields: Any) -> Record:
    """Return a plan of that name, for every kind of read."""
    return sealed(
        {
            "id": name,
            "created": random.randrange(40),
            "product": random.choice(PRODUCTS),
            "active": random.random() < 0.5,
            "text": chr(97 + random.randrange(26)) * random.randrange(400),
            **fields,
        }
    )
