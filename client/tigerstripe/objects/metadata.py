"""Metadata: the caller's own texts on an object, within Stripe's limits."""

from __future__ import annotations

from typing import Any

from tigerstripe.errors import Refused

KEYS_MAX = 50
KEY_MAX = 40
VALUE_MAX = 500


def new(given: dict[str, str | None] | None) -> dict[str, str]:
    """Return the metadata of a new object; raises `Refused` past the limits."""
    return _checked({key: value for key, value in given.items() if value}) if given else {}


def merged(old: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return an update's parameters with the whole metadata that they come to.

    A key of None goes; metadata of None takes all. Raises `Refused` past the limits.
    """
    if "metadata" not in params:
        return params
    given = params["metadata"]
    if given is None:
        return {**params, "metadata": {}}
    there = {**old.get("metadata", {}), **given}
    return {**params, "metadata": _checked({k: v for k, v in there.items() if v is not None})}


def _checked(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > KEYS_MAX:
        message = f"Metadata can have up to {KEYS_MAX} keys, but you've set {len(metadata)}"
        raise Refused(message, param="metadata")
    for key, value in metadata.items():
        if len(key) > KEY_MAX:
            raise Refused(
                f"Metadata keys can have up to {KEY_MAX} characters, but you passed in a key that "
                f"is {len(key)} characters. Invalid key: {key}"
            )
        if len(value) > VALUE_MAX:
            raise Refused(
                f"Metadata values can have up to {VALUE_MAX} characters, but you passed in a value "
                f"that is {len(value)} characters. Invalid value: {value}",
                param="metadata",
            )
    return metadata
