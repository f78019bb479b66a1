"""The types of parameters and objects of the API, as in JSON."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
Params = dict[str, Any]
