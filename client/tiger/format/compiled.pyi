from collections.abc import Callable, Mapping
from typing import Any

def pack_record(record: object, max_record: int) -> tuple[str, bytes] | None: ...

class Copier:
    def __init__(self, record: dict[str, Any]) -> None: ...
    def __call__(self) -> dict[str, Any]: ...

def newest_body(
    control: memoryview,
    directory_at: int,
    dropped_at: int,
    dropped: int,
    indexes: Mapping[int, Any],
    chunks: Mapping[int, Any],
    scope: int,
    key: bytes,
    commit: int,
) -> tuple[()] | tuple[memoryview, int, int, bytes] | None: ...
def bodies_along(
    chunks: Mapping[int, Any],
    scope: int,
    ref: int,
    commit: int,
    link: int,
    is_older: bool,
    most: int,
    texts: tuple[bytes, ...],
    match: Callable[[bytes], bool] | None,
) -> list[bytes] | None: ...

class Kept:
    place: int
    entry: int
    content: Any
    size: int
    def __init__(self, place: int, entry: int, content: Any, size: int) -> None: ...

class Recall:
    def __init__(
        self,
        younger: Mapping[str, Any],
        index: memoryview,
        place: int,
        entry: int,
        look: object,
        every_s: float,
        copies: bool,
    ) -> None: ...
    def get(self, key: str) -> Any: ...

def sleep_on(words: memoryview[int], at: int, value: int, seconds: float) -> None: ...
def wake(words: memoryview[int], at: int) -> None: ...
def decode(body: bytes) -> dict[str, Any]: ...
