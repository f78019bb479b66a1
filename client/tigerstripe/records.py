"""The types of what the API takes and gives: parameters and objects, as JSON has them."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
Params = dict[str, Any]
