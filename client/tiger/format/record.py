"""Records: allowed values, encoding, comparing, ordering and copying.

The daemon and the clients call the same functions, so that a record refused here is refused
with the same words there, and a record accepted by the daemon can be decoded by every reader.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import string
from collections.abc import Callable, Mapping
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgpack

from tiger.errors import InvalidRecord
from tiger.format import layout
from tiger.format.speedups import compiled
from tiger.system import os

Record = dict[str, Any]

DEPTH_MAX = 64
DEFAULT_MAX_RECORD = 1 << 20  # bytes of msgpack
ID_LENGTH = 24
ID_LETTERS = (string.ascii_letters + string.digits).encode()
_EVEN = 256 // len(ID_LETTERS) * len(ID_LETTERS)
"""Below this, the values of a byte give each letter equally often; others are drawn again."""
_LETTER_OF = bytes(ID_LETTERS[byte % len(ID_LETTERS)] for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN = frozenset((str, int, bool, type(None)))
_HASHED = b"\xc1"
"""The first byte of the key of a long value; no msgpack begins with it."""
_compiled_copier = compiled("tiger.format.compiled", "Copier", otherwise=None)


# --- Names ----------------------------------------------------------------------------------------


def encode_name(name: object, what: str) -> bytes:
    """Return an id or a namespace's name as bytes, or raise `InvalidRecord`; `what` names it."""
    if not isinstance(name, str):
        raise InvalidRecord(f"{what} {name!r:.80} is not a string: use a string")
    try:
        data = name.encode()
    except UnicodeEncodeError as error:
        raise InvalidRecord(
            f"{what} {name!r:.80} has a lone surrogate, {_place(name, error.start)}: use valid text"
        ) from None
    if not 0 < len(data) <= layout.KEY_MAX:
        raise InvalidRecord(
            f"{what} {name!r:.80} has {len(data)} bytes: use 1 to {layout.KEY_MAX} bytes of UTF-8"
        )
    if found := _CONTROL_CHARACTER.search(name):
        raise InvalidRecord(
            f"{what} {name!r:.80} has a control character, {_place(name, found.start())}: "
            f"leave it out"
        )
    return data


def _place(text: str, at: int) -> str:
    """Describe a character that may be invisible, or beyond the part of a text that is shown."""
    return f"U+{ord(text[at]):04X} at place {at}"


def new_id(prefix: str | None) -> str:
    """Return a fresh id: the prefix, `_`, and 24 letters or digits."""
    letters = b""
    while len(letters) < ID_LENGTH:  # once, but for one time in a million
        letters = os.urandom(ID_LENGTH + 8).translate(_LETTER_OF, _UNEVEN)
    name = letters[:ID_LENGTH].decode()
    return f"{prefix}_{name}" if prefix else name


# --- Encoding -------------------------------------------------------------------------------------


pack: Callable[[object, int], tuple[str, bytes] | None] = compiled(
    "tiger.format.compiled", "pack_record"
)
"""Returns what `encode` does for a common record, and None for any other."""


def encode(record: object, max_record: int = DEFAULT_MAX_RECORD) -> tuple[str, bytes]:
    """Return a record's id and its msgpack, or raise `InvalidRecord` naming field and remedy."""
    if (packed := pack(record, max_record)) is not None:
        return packed
    if type(record) is not dict and not isinstance(record, Mapping):
        raise InvalidRecord(f"{record!r:.80} is not a record: use a dict")
    if "id" not in record:
        raise InvalidRecord(f"the record {dict(record)!r:.80} has no id: give it one")
    identity = record["id"]
    encode_name(identity, "id")
    return identity, encode_body(record, f"record {identity!r}", max_record)


def encode_body(value: Mapping[str, Any], what: str, max_record: int) -> bytes:
    """Return an object of allowed values as msgpack; `what` names it in the error."""
    check(value, what)
    try:
        body = cast(bytes, msgpack.packb(value, default=_plain))
    except UnicodeEncodeError as error:
        raise InvalidRecord(
            f"{what}: {error.object!r:.80} has a lone surrogate: use text"
        ) from None
    except OverflowError:
        raise InvalidRecord(f"{what}: an integer is past 64 bits; store it as a string") from None
    if len(body) > max_record:
        raise too_large_error(what, len(body), max_record)
    return body


def too_large_error(what: str, size: int, max_record: int) -> InvalidRecord:
    """Return the error for a record past the limit."""
    return InvalidRecord(
        f"{what} has {size} bytes of msgpack, the limit is {max_record}: make it smaller, or start "
        f"the daemon with a larger --max-record"
    )


def _plain(value: Any) -> Any:
    """Turn a Mapping, which `check` let pass, into a dict, which msgpack can pack."""
    if isinstance(value, int):
        raise OverflowError(value)
    return dict(value)


def check(value: object, what: str) -> None:
    """Raise `InvalidRecord` unless the value is one that a record may hold, all the way down."""
    if type(value) not in _PLAIN and not _is_storable([value], 0):
        _find_fault(value, what, 1)


def _is_storable(container: dict[Any, Any] | list[Any], depth: int) -> bool:
    """Tell whether a container surely holds allowed values; `_find_fault` decides unusual cases."""
    if depth > DEPTH_MAX:
        return False
    values: Any = container
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return False
        values = container.values()
    for value in values:
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind is dict or kind is list:
            if not _is_storable(value, depth + 1):
                return False
        elif kind is not float or value - value != 0.0:  # an infinity, or not a number
            return False
    return True


def _find_fault(value: object, what: str, depth: int) -> None:
    """Walk the value and raise for the first thing in it that cannot be stored, if there is one."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidRecord(f"{what} is {value!r}: use a finite number, or None")
    elif isinstance(value, Mapping):
        _check_depth(depth, what)
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidRecord(f"{what} has the key {key!r:.80}: use strings as keys")
            _find_fault(item, f"{what}, {key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        _check_depth(depth, what)
        for place, item in enumerate(value):
            _find_fault(item, f"{what}[{place}]", depth + 1)
    elif value is not None and not isinstance(value, (str, int)):
        raise InvalidRecord(
            f"{what} is {value!r:.80}, of type {type(value).__name__}: use null, booleans, "
            f"integers, floats, strings, lists and objects (a time as seconds or as text)"
        )


def _check_depth(depth: int, what: str) -> None:
    if depth > DEPTH_MAX:
        raise InvalidRecord(f"{what:.120}… is deeper than {DEPTH_MAX} levels: make it flatter")


# --- Decoding -------------------------------------------------------------------------------------


decode: Callable[[bytes], Record] = compiled("tiger.format.compiled", "decode", msgpack.unpackb)
"""Returns a stored record as a fresh dict."""


def decode_untrusted(body: bytes) -> Record:
    """Return a record that came over the wire, or raise `InvalidRecord`.

    The daemon stores only records that this function accepted, so every reader can decode them: no
    binary, no extension types, no key that is not a string, nothing past the limits.
    """
    # The limits are unpackb's own, by the length of its input: no container may claim more items
    # than there are bytes, and a request has `protocol.FRAME_MAX` of those at most.
    try:
        record = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException, RecursionError, MemoryError) as error:
        raise InvalidRecord(
            f"a record is not msgpack that readers can decode ({error}): send the "
            f"output of a msgpack encoder"
        ) from None
    if type(record) is not dict:
        raise InvalidRecord(f"a record is an object, not {type(record).__name__}: send a map")
    if not _is_storable(record, 1):  # nor are binary, extension types, and times
        _find_fault(record, "record", 1)
    return record


# --- Order and equality ---------------------------------------------------------------------------


def created_of(record: Mapping[str, Any]) -> tuple[float, int]:
    """Return the first part of a record's order, exact: `created` as a double, and the rest.

    A record whose `created` is not a number counts as created at 0.
    """
    created = record.get("created")
    if type(created) is int:
        rounded = float(created)
        return rounded, created - int(rounded)
    if type(created) is float:
        return created + 0.0, 0
    return 0.0, 0


def canonical(value: Any) -> Any:
    """Return the value with its objects' keys sorted and -0.0 made 0.0, at every level."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, float):
        return value + 0.0
    return value


def value_key(value: Any) -> bytes:
    """Return bytes that are equal only for equal values: 1, 1.0 and True are three values."""
    if type(value) not in _PLAIN:
        check(value, "value")
        value = canonical(value)
    try:
        data: bytes = msgpack.packb(value)
    except (UnicodeEncodeError, OverflowError):
        raise InvalidRecord(
            f"no record can hold the value {value!r:.80}: use a value that a record may have"
        ) from None
    if len(data) < layout.KEY_MAX:
        return data
    return _HASHED + hashlib.sha256(data).digest()


def text_of(key: bytes) -> bytes | None:
    """Return the text, in UTF-8, whose value key this is; None of another value, or a long text.

    It stands in the msgpack of every record that has the value, however that was packed.
    """
    value = msgpack.unpackb(key, raw=True) if key[:1] != _HASHED else None
    return value if isinstance(value, bytes) else None


def matches(record: Mapping[str, Any], filters: Mapping[str, bytes]) -> bool:
    """Tell whether each named field is there and has the value of that key (`value_key`)."""
    return all(
        field in record and value_key(record[field]) == key for field, key in filters.items()
    )


# --- Copies ---------------------------------------------------------------------------------------


def _refuse_change(self: Any, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("a record from peek() is shared and read-only: use get() for one of your own")


class ReadOnlyDict(dict[str, Any]):
    """A dict that refuses every change; equal to a dict with the same items."""

    __slots__ = ()
    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __ior__ = _refuse_change
        clear = pop = popitem = setdefault = update = _refuse_change

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle and copy as a plain dict."""
        return thaw, (thaw(self),)


class ReadOnlyList(list[Any]):
    """A list that refuses every change; equal to a list with the same items."""

    __slots__ = ()
    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse_change
        append = clear = extend = insert = pop = remove = _refuse_change
        reverse = sort = _refuse_change

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle and copy as a plain list."""
        return thaw, (thaw(self),)


def freeze(content: Any) -> Any:
    """Return a decoded value read-only; the caller must not use its containers any more."""
    kind = type(content)
    if kind is dict:
        for key, value in content.items():
            if type(value) is dict or type(value) is list:
                content[key] = freeze(value)
        return ReadOnlyDict(content)
    if kind is list:
        return ReadOnlyList([freeze(value) for value in content])
    return content


def thaw(value: Any) -> Any:
    """Return a copy of a decoded or frozen value that the caller may change."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list):
        return [thaw(item) for item in value]
    return value


def copier(value: Record) -> tuple[Callable[[], Record], int]:
    """Return a function that makes deep copies of a decoded record, which nobody may change.

    And the bytes that it takes beside the record.
    """
    if not any(isinstance(item, (dict, list)) for item in value.values()):
        return value.copy, 0
    if _compiled_copier is not None:
        compiled_copy = _compiled_copier(value)
        return compiled_copy, getsizeof(compiled_copy)
    nested = _nested_in(value)
    return functools.partial(_copy_record, value, nested), _size_of_nested(nested)


Nested = list[tuple[Any, "Nested"]]
"""Where a value holds containers: their keys or places, and where those hold some."""


def _nested_in(value: Any) -> Nested:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        (key, _nested_in(item) if item else [])
        for key, item in items
        if type(item) not in _PLAIN and isinstance(item, (dict, list))
    ]


def _size_of_nested(nested: Nested) -> int:
    return getsizeof(nested) + sum(getsizeof(item) + _size_of_nested(item[1]) for item in nested)


def _copy_record(value: Any, nested: Nested) -> Any:
    """Return a deep copy, touching only the containers that `nested` names."""
    copied = value.copy()
    for key, inner in nested:
        copied[key] = _copy_record(value[key], inner) if inner else value[key].copy()
    return copied


def _size_of(value: Any) -> int:
    size = getsizeof(value)
    if type(value) is dict:
        size += sum(map(getsizeof, value))
        value = value.values()
    for item in value:
        size += _size_of(item) if type(item) is dict or type(item) is list else getsizeof(item)
    return size


size_of: Callable[[Record], int] = compiled("tiger.format.compiled", "size_of", _size_of)
"""Returns the bytes that a decoded record takes; a text counts wherever it stands."""
