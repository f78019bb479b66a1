"""The kinds of values of parameters and fields, as the table of facts describes them.

A kind reads the value of a request: `read(value, param, faults)` returns it in its own type, or
None for an empty string that unsets. Problems are added to `faults` or raised as `Refused`.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Refused

STRING_MAX = 5000
INTEGER_MAX = (1 << 63) - 1

_is_integer = re.compile(r"[-+]?\d{1,19}\Z").match
_is_number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\Z").match

SEQUENTIAL = (
    "If passing an array with explicit keys (e.g. foo[0]=a&foo[1]=b), the keys must be numeric and "
    "sequential starting from 0. You passed the keys {}."
)


class Faults:
    """The problems of the parameters of a request; the worst is answered."""

    __slots__ = ("hint", "missing", "unknown", "wrong")

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.unknown: list[str] = []
        self.hint: str | None = None
        """A known name that is similar to the first unknown one."""
        self.wrong: Refused | None = None
        self.missing: Refused | None = None

    def worst(self) -> Refused | None:
        """Return the refusal: for unknown names, else a wrong type, else a missing parameter."""
        if self.unknown:
            return errors.unknown(self.unknown, self.hint)
        return self.wrong or self.missing

    def take(self, other: Faults) -> None:
        """Add the problems of a part."""
        self.hint = self.hint if self.unknown else other.hint
        self.unknown += other.unknown
        self.wrong = self.wrong or other.wrong
        self.missing = self.missing or other.missing


class Kind:
    """Any value; the other kinds are stricter."""

    __slots__ = ("is_null",)

    takes_empty = False
    """Whether an empty string unsets."""
    is_container = False

    def __init__(self) -> None:
        """Begin with a kind that is never null."""
        self.is_null: bool = False

    def read(self, value: Any, param: str, faults: Faults) -> Any:
        """Return a value of a request in its own type."""
        return value


class Anything(Kind):
    """A value of any type."""

    __slots__ = ()


class Empty(Kind):
    """The empty string, which unsets."""

    __slots__ = ()
    takes_empty = True

    def read(self, value: Any, param: str, faults: Faults) -> None:
        """Return None for the empty string."""
        if value != "":
            raise Refused(f"Invalid string: {value}", param=param)


class Str(Kind):
    """Text, up to a length."""

    __slots__ = ("max",)

    def __init__(self, max: int = STRING_MAX) -> None:
        """Take so many characters at most."""
        super().__init__()
        self.max: int = max

    def read(self, value: Any, param: str, faults: Faults) -> str:
        """Return the text; a number in a JSON body becomes text."""
        if type(value) is not str:
            if isinstance(value, (dict, list)):
                raise Refused("Invalid string: " + _shown(value), param=param)
            value = str(value)
        if not value:
            raise errors.empty(param)
        if len(value) > self.max:
            short = f"{value[:4]}...{value[-4:]}"
            raise Refused(
                f"Invalid string: {short}; must be at most {self.max} characters", param=param
            )
        return str(value)


class Int(Kind):
    """A whole number."""

    __slots__ = ()

    def read(self, value: Any, param: str, faults: Faults) -> int:
        """Return the number."""
        if type(value) is str:
            if _is_integer(value) and -INTEGER_MAX <= (number := int(value)) <= INTEGER_MAX:
                return number
            if not value:
                raise errors.empty(param)
        elif type(value) is int:
            return value
        raise errors.invalid_integer(_shown(value), param)


class Num(Kind):
    """A number that may have a fraction."""

    __slots__ = ()

    def read(self, value: Any, param: str, faults: Faults) -> float:
        """Return the number."""
        if type(value) is str:
            if _is_number(value) and math.isfinite(number := float(value)):
                return number
            if not value:
                raise errors.empty(param)
        elif type(value) in (int, float):
            return float(value)
        raise Refused(f"Invalid decimal: {_shown(value)}", param=param)


class Bool(Kind):
    """True or false; older SDKs write them with a capital."""

    __slots__ = ()

    def read(self, value: Any, param: str, faults: Faults) -> bool:
        """Return the boolean."""
        if value in ("true", "True") or value is True:
            return True
        if value in ("false", "False") or value is False:
            return False
        if value == "":
            raise errors.empty(param)
        raise Refused(f"Invalid boolean: {_shown(value)}", param=param)


class Enum(Kind):
    """One of some words, in Stripe's order as far as it is known."""

    __slots__ = ("is_open", "listed", "takes_empty", "values")

    def __init__(self, words: list[str], is_open: bool) -> None:
        """Take these words; an open enum may have more in later versions of the API."""
        super().__init__()
        self.values: frozenset[str] = frozenset(words)
        self.listed: list[str] = [word for word in words if word]
        self.takes_empty: bool = "" in self.values
        self.is_open: bool = is_open

    def read(self, value: Any, param: str, faults: Faults) -> str | None:
        """Return the word."""
        if type(value) is str and value in self.values:
            return value or None
        if value == "":
            raise errors.empty(param)
        if value is True and "True" in self.values:
            return "true"
        raise errors.not_one_of(param, self.listed)


class List(Kind):
    """Values in an order."""

    __slots__ = ("of",)
    is_container = True

    def __init__(self, of: Kind) -> None:
        """Hold values of one kind."""
        super().__init__()
        self.of: Kind = of

    def read(self, value: Any, param: str, faults: Faults) -> list[Any]:
        """Return the values; a form has them under the keys 0, 1, ..."""
        if type(value) is dict:
            keys = [str(place) for place in range(len(value))]
            if any(key not in value for key in keys):
                shown = ", ".join(f"`{key}`" for key in value)
                raise Refused(SEQUENTIAL.format(shown), param=param)
            value = [value[key] for key in keys]
        if type(value) is not list:
            raise errors.empty(param) if value == "" else Refused("Invalid array", param=param)
        read = self.of.read
        return [read(item, f"{param}[{place}]", faults) for place, item in enumerate(value)]


class Map(Kind):
    """Values under the caller's keys; an empty text removes a key, unless values are objects."""

    __slots__ = ("of",)
    is_container = True

    def __init__(self, of: Kind) -> None:
        """Hold values of one kind."""
        super().__init__()
        self.of: Kind = of

    def read(self, value: Any, param: str, faults: Faults) -> dict[str, Any]:
        """Return the values; None for a key that is removed."""
        if type(value) is not dict:
            raise errors.empty(param) if value == "" else Refused("Invalid object", param=param)
        read, is_text = self.of.read, not self.of.is_container
        return {
            key: None if is_text and item == "" else read(item, f"{param}[{key}]", faults)
            for key, item in value.items()
        }


class Field:
    """A field of the table: its kind, made when it is first needed, and its marks."""

    __slots__ = ("_make", "is_asked", "is_required", "kind", "since", "until")

    kind: Kind
    """The kind of its values."""

    def __init__(
        self, make: Any, is_required: bool, is_asked: bool, since: int, until: int
    ) -> None:
        """Keep the marks; `make()` returns the kind."""
        self._make = make
        self.is_required: bool = is_required
        """A parameter that must be given; a field of an answer that is always there."""
        self.is_asked: bool = is_asked
        """A field that is only there when it is expanded."""
        self.since: int = since
        self.until: int = until
        """Places in the table's list of versions; -1 where there is no mark."""

    def __getattr__(self, name: str) -> Any:
        """Make the kind, and keep it."""
        if name != "kind":
            raise AttributeError(name)
        self.kind = self._make()
        return self.kind


class Obj(Kind):
    """Named fields."""

    __slots__ = ("fields", "required")
    is_container = True

    def __init__(self, fields: dict[str, Field]) -> None:
        """Have these fields."""
        super().__init__()
        self.fields: dict[str, Field] = fields
        self.required: list[str] = [
            n for n, field in fields.items() if field.is_required and field.since < 0
        ]
        """The names that must be given, but for those that a later version added."""

    def read(self, value: Any, param: str, faults: Faults) -> dict[str, Any]:
        """Return the fields that were given."""
        if type(value) is not dict:
            raise errors.empty(param) if value == "" else Refused("Invalid object", param=param)
        result: dict[str, Any] = {}
        for name, item in value.items():
            field = self.fields.get(name)
            place = f"{param}[{name}]" if param else name
            if field is None:
                if not faults.unknown:
                    faults.hint = next(iter(get_close_matches(name, self.fields, 1)), None)
                faults.unknown.append(place)
                continue
            kind = field.kind
            if item is None:  # JSON has it
                result[name] = None
                continue
            if item == "" and (kind.takes_empty or (type(kind) is Str and _unsets(name, field))):
                result[name] = None
                continue
            try:
                result[name] = kind.read(item, place, faults)
            except Refused as refused:
                faults.wrong = faults.wrong or refused
        for name in self.required:
            if name not in value and faults.missing is None:
                faults.missing = errors.missing(f"{param}[{name}]" if param else name)
        return result


def _unsets(name: str, field: Field) -> bool:
    """Tell whether an empty text unsets a field; the sources of the table do not say so.

    As far as it was seen, it does if the text belongs to the object, and not if it names another.
    """
    return not field.is_required and name not in NAMES_OF_OTHERS


_NAMES = """
account coupon currency customer charge default_price id invoice payment_intent payment_method plan
price product promotion_code source subscription
"""
NAMES_OF_OTHERS = frozenset(_NAMES.split())


class Union(Kind):
    """Any of several kinds."""

    __slots__ = ("of", "takes_empty")
    is_container = True

    def __init__(self, options: list[Kind]) -> None:
        """Have these options; the first one that fits is used."""
        super().__init__()
        self.takes_empty: bool = any(option.takes_empty for option in options)
        self.of: list[Kind] = [option for option in options if type(option) is not Empty]

    def read(self, value: Any, param: str, faults: Faults) -> Any:
        """Return the value as the first option that fits reads it."""
        if value == "" and self.takes_empty:
            return None
        is_container = isinstance(value, (dict, list))
        options = [option for option in self.of if option.is_container is is_container]
        if len(options) == 1:
            return options[0].read(value, param, faults)
        worst: Faults | None = None
        for option in options:
            own = Faults()
            try:
                result = option.read(value, param, own)
            except Refused as refused:
                own.wrong = refused
            if own.worst() is None:
                return result
            worst = worst or own
        if worst is None:
            raise Refused("Invalid object" if not is_container else "Invalid string", param=param)
        faults.take(worst)
        return None


class Ref(Kind):
    """An object of a resource, whole."""

    __slots__ = ("to",)
    is_container = True

    def __init__(self, to: str) -> None:
        """Be of that resource."""
        super().__init__()
        self.to: str = to


class Id(Kind):
    """The id of an object of one of some resources, which can be expanded."""

    __slots__ = ("to",)

    def __init__(self, to: list[str]) -> None:
        """Name these resources."""
        super().__init__()
        self.to: list[str] = to


class Page(Kind):
    """A list object."""

    __slots__ = ("of",)
    is_container = True

    def __init__(self, of: Kind) -> None:
        """Be a list of these."""
        super().__init__()
        self.of: Kind = of


def _shown(value: Any) -> str:
    """Return a value of a request for a message, shortened."""
    return f"{value:.80}" if isinstance(value, str) else f"{value!r:.80}"
