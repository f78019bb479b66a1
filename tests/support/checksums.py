"""Records that carry a sum of themselves, so that a mixture of two versions is seen."""

from __future__ import annotations

import json
import zlib
from typing import Any

Record = dict[str, Any]


def checksum(record: Record) -> int:
    """Return the CRC of a record without its own field for it."""
    content = {key: value for key, value in record.items() if key != "checksum"}
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def sealed(record: Record) -> Record:
    """Return the record with its checksum."""
    return {**record, "checksum": checksum(record)}
