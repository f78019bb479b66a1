"""Parameters that are not implemented: a resource declares them, and they are refused with 501."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tigerstripe import errors
from tigerstripe.facts.kinds import Kind, List, Obj, Union
from tigerstripe.facts.table import facts
from tigerstripe.objects import registry


@lru_cache(maxsize=1024)
def parameters(operation: str) -> tuple[str, ...]:
    """Return the parameters of an operation that are answered 501, as `items[][tax_rates]`.

    They are those that its resource declares, as far as the table has them for this operation.
    """
    handler = registry.handler(operation)
    if handler is None or not operation.startswith("POST "):
        return ()
    kind = facts().parameters(operation)
    return tuple(name for name in registry.owner(handler).not_yet if _has(kind, _steps(name)))


def check(operation: str, params: dict[str, Any]) -> None:
    """Raise `Refused` (501) if a parameter is given that is not built; false is not given."""
    for name in parameters(operation):
        place = _place(params, _steps(name))
        if place is not None:
            raise errors.not_built_parameter(place)


def _steps(name: str) -> list[str]:
    return name.replace("]", "").split("[")


def _has(kind: Kind, steps: Sequence[str]) -> bool:
    """Whether a parameter is in the table; an empty step is any element of a list."""
    if not steps:
        return True
    if isinstance(kind, Union):
        return any(_has(option, steps) for option in kind.of)
    if isinstance(kind, List):
        return not steps[0] and _has(kind.of, steps[1:])
    field = kind.fields.get(steps[0]) if isinstance(kind, Obj) else None
    return field is not None and _has(field.kind, steps[1:])


def _place(value: Any, steps: Sequence[str], at: str = "") -> str | None:
    """Return where something is given, as `items[0][tax_rates]`, or None."""
    if not steps:
        return at if value else None
    step, rest = steps[0], steps[1:]
    if step:
        inner = value.get(step) if isinstance(value, dict) else None
        return _place(inner, rest, f"{at}[{step}]" if at else step)
    elements = enumerate(value if isinstance(value, list) else ())
    places = (_place(element, rest, f"{at}[{number}]") for number, element in elements)
    return next((place for place in places if place is not None), None)
