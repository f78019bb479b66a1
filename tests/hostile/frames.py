"""Frames that are almost requests, and all other kinds of noise for the daemon's socket."""

from __future__ import annotations

from random import Random
from typing import Any

import msgpack

from tiger.format import protocol

NAMES = [
    protocol.HELLO,
    protocol.PING,
    protocol.ANSWER,
    protocol.PUT,
    protocol.CREATE,
    protocol.PUT_MANY,
    protocol.PATCH,
    protocol.DELETE,
    protocol.CLEAR,
    protocol.CLEAR_NAMESPACE,
    protocol.DEFINE,
    protocol.DELETE_WHERE,
]
"""All but `stop`, which a peer of this user may say."""

NUMBERS = [-(1 << 63), -1, 0, 1, 2, 7, 63, 64, 200, 255, 256, 1023, 1024, 1 << 40, (1 << 56) - 1]
NUMBERS += [1 << 56, (1 << 64) - 1]


class Noise:
    """Makes frames at random, for a client with that number and slot."""

    def __init__(self, random: Random, client: int, slot: int) -> None:
        """Choose with `random`."""
        self.random = random
        self.client, self.slot = client, slot
        self.number = 0

    def message(self) -> list[bytes]:
        """Return the frames of one message."""
        kind = self.random.random()
        if kind < 0.1:
            return [self.random.randbytes(self.random.choice((0, 1, 9, 300)))]
        if kind < 0.15:
            return [self.frame() for _ in range(self.random.choice((2, 3, 40)))]
        frame = self.frame()
        if kind < 0.3:
            frame = self.mutated(frame)
        return [frame]

    def frame(self) -> bytes:
        """Return a request of which each part may be wrong."""
        self.number += 1
        parts = [
            protocol.VERSION if self.random.random() < 0.97 else self.value(),
            self.client if self.random.random() < 0.9 else self.random.choice(NUMBERS),
            self.slot if self.random.random() < 0.9 else self.random.choice(NUMBERS),
            self.number if self.random.random() < 0.9 else self.random.choice(NUMBERS),
            self.random.random() < 0.5,
            [self.operation() for _ in range(self.random.choice((1, 1, 1, 2, 5)))],
        ]
        if self.random.random() < 0.1:
            parts[self.random.randrange(6)] = self.value()
        if self.random.random() < 0.05:
            del parts[self.random.randrange(6)]
        try:
            return bytes(msgpack.packb(parts))
        except OverflowError:
            return b"\x90"

    def operation(self) -> Any:
        """Return an operation that may be right."""
        name = self.random.choice(NAMES)
        arguments: list[Any] = []
        if name not in NAMES[:3]:
            arguments = [self.random.choice((1, 1, 3, 64, None)), self.random.choice(("f", "g"))]
        if name == protocol.DEFINE:
            arguments = [self.random.choice(("gadgets", "widgets")), None, None, ["colour"]]
        elif name in (protocol.PUT, protocol.CREATE):
            arguments.append(self.body())
        elif name == protocol.PUT_MANY:
            arguments.append([self.body() for _ in range(3)])
        elif name == protocol.PATCH:
            arguments += [self.identity(), self.body()]
        elif name == protocol.DELETE:
            arguments.append(self.identity())
        elif name == protocol.CLEAR:
            arguments.pop()
        elif name == protocol.DELETE_WHERE:
            arguments += ["product", msgpack.packb("q")]
        operation = [name, *arguments]
        if self.random.random() < 0.3:
            operation[self.random.randrange(len(operation))] = self.value()
        if self.random.random() < 0.05:
            operation.append(self.value())
        return operation

    def identity(self) -> Any:
        """Return the id of a record, most often."""
        return f"n{self.random.randrange(20)}" if self.random.random() < 0.9 else self.value()

    def body(self) -> Any:
        """Return a record as msgpack, most often."""
        record = {"id": self.identity(), "product": self.random.choice(("q", 1, 1.0, True))}
        if self.random.random() < 0.3:
            record["created"] = self.value()
        try:
            body = bytes(msgpack.packb(record))
        except (OverflowError, UnicodeEncodeError):
            return b""
        return self.mutated(body) if self.random.random() < 0.1 else body

    def value(self) -> Any:
        """Return anything."""
        return self.random.choice(
            [
                None,
                True,
                -1,
                *NUMBERS,
                1e308,
                float("nan"),
                "",
                "x" * 300,
                "a\0b",
                "\N{SNOWMAN}",
                b"",
                b"\xff" * 20,
                [],
                {},
                [[[]]],
                {"a": {"b": [1]}},
                {1: 2},
                ["put"] * 3,
                msgpack.Timestamp(1, 2),
            ]
        )

    def mutated(self, data: bytes) -> bytes:
        """Return bytes with some of them changed, missing, or doubled."""
        changed = bytearray(data)
        for _ in range(self.random.choice((1, 1, 3))):
            at = self.random.randrange(len(changed) + 1)
            way = self.random.randrange(4)
            if way == 0:
                changed[at : at + 1] = self.random.randbytes(1)
            elif way == 1:
                del changed[at : at + self.random.randrange(4)]
            elif way == 2:
                changed[at:at] = changed[at : at + 8]
            else:
                changed[at : at + 1] = self.random.choice((b"\xdd\xff\xff\xff\xff", b"\xc6\xff"))
        return bytes(changed)
