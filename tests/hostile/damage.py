"""An instance with something of everything in it, and ways to damage a copy of it."""

from __future__ import annotations

import os
from array import array
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from tests.support.daemon import Daemon, Step, after
from tests.support.model import Model, clear_namespace, define, delete, patch, put, put_many
from tiger.format import layout
from tiger.format.resources import BY_NAME
from tigerd.engine import walks

PLANS = BY_NAME["plans"].number
INVOICES = BY_NAME["invoices"].number
COUPONS = BY_NAME["coupons"].number

Ever = dict[tuple[int, str, str], list[dict[str, Any]]]
"""By table, namespace and id: all that was ever committed."""

STEPS: list[Step] = [
    [
        put_many(
            PLANS,
            "a",
            [{"id": f"p{n}", "product": f"q{n % 3}", "created": n // 2} for n in range(40)],
        )
    ],
    [put_many(PLANS, "b", [{"id": f"p{n}", "product": "q0", "text": "b" * 90} for n in range(9)])],
    [put_many(INVOICES, "a", [{"id": f"i{n}", "customer": "c", "created": n} for n in range(300)])],
    *[[put(INVOICES, "a", f"i{n}", customer="d", status="open")] for n in range(0, 20, 3)],
    [patch(PLANS, "a", "p3", product="q9"), delete(PLANS, "a", "p4")],
    [
        put_many(
            COUPONS, "a", [{"id": f"w{n}", "valid": True, "text": "x" * 9000} for n in range(9)]
        )
    ],
    [clear_namespace(PLANS, "b")],
    100,
    [put(PLANS, "b", "p1", product="q1", nested={"list": [1, 2.5, None, "x"]})],
    [define("gadgets", "colour")],
    [put(COUPONS, "a", "w3", valid=False), delete(COUPONS, "a", "w5")],
    [put(PLANS, "a", "p5", product="q0", created=99)],
    [delete(INVOICES, "a", "i7"), patch(INVOICES, "a", "i8", status=None, customer="e")],
]


Heads = dict[str, list[tuple[int, int]]]
"""By the path of a chunk: the word where each version's head is, and its ref."""


def make_instance(directory: Path) -> tuple[Model, Ever, Heads]:
    """Make the instance; return what it holds, all it ever held, and where its versions are."""
    daemon = Daemon(directory)
    model = Model()
    ever: Ever = {}
    for step in STEPS:
        daemon.do(step)
        model = after(model, step)
        for (number, namespace), rows in model.spaces.items():
            for identity, row in rows.items():
                known = ever.setdefault((number, namespace, identity), [])
                if row.content not in known:
                    known.append(row.content)
    heads = {
        str(chunk.path.relative_to(directory)): [
            (version.head, version.ref) for version in walks.versions_in(table, number)
        ]
        for table in daemon.writer.tables.values()
        for number, chunk in table.space.chunks.items()
    }
    return model, ever, {path: found for path, found in heads.items() if found}


class Damage:
    """Changes bytes of an instance's segments at random; `count` says how many."""

    def __init__(self, random: Random, directory: Path, heads: Heads) -> None:
        """Choose with `random`."""
        self.random = random
        self.directory = directory
        self.heads = heads
        self.count = 0
        self.files = sorted(
            [
                directory / "control",
                *directory.glob("tables/*/chunk.*"),
                *directory.glob("tables/*/index.*"),
            ]
        )

    def in_place(self) -> str:
        """Damage bytes of files that may be mapped; say how."""
        if self.random.random() < 0.3:
            return self.link()
        path = self._any_file()
        data = bytearray(path.read_bytes())
        if len(data) < layout.WORD:
            return f"nothing to damage in {path.name}"
        way = self.random.choice(
            [self._flip, self._flip, self._set, self._word, self._copy, self._copy, self._shuffle]
        )
        before = bytes(data)
        for _ in range(self.random.choice((1, 1, 1, 2, 8))):
            way(data)
        self.count += sum(a != b for a, b in zip(before, data, strict=True))
        with path.open("r+b") as file:
            file.write(data)
        return f"{way.__name__} in {path.parent.name}/{path.name}"

    def of_files(self) -> str:
        """Replace a file by a shorter or longer one, by another, or by none; say how."""
        path = self._any_file()
        data = path.read_bytes()
        way = self.random.choice(["cut", "longer", "empty", "gone", "other", "noise"])
        self.count += len(data)
        if way == "gone":
            path.unlink()
            return f"gone: {path.name}"
        if way == "cut":
            data = data[: self.random.randrange(len(data) + 1)]
        elif way == "longer":
            data += self.random.randbytes(self.random.randrange(1, 9000))
        elif way == "empty":
            data = b""
        elif way == "other":
            data = self._any_file().read_bytes()
        else:
            data = self.random.randbytes(len(data))
        made = path.with_name("made")
        made.write_bytes(data)
        os.replace(made, path)
        return f"{way}: {path.parent.name}/{path.name}"

    def _any_file(self) -> Path:
        return self.random.choice([path for path in self.files if path.exists()])

    def link(self) -> str:
        """Let a word of a version name another version of its table; say how."""
        path = self.random.choice(list(self.heads))
        head, _ = self.random.choice(self.heads[path])
        table = path.rpartition("/")[0]
        chunk = self.random.choice([name for name in self.heads if name.startswith(f"{table}/")])
        _, ref = self.random.choice(self.heads[chunk])
        word = self.random.choice([-1, -2, -2, -2, -3, -3, -4, -4, -5, -6, 3])
        self._store(path, head + word, ref)
        return f"word {word} of the version at {head} in {path} is {ref:#x}"

    def circle(self) -> str:
        """Let a list run in a circle, and its table say that it is as large as can be."""
        path = self.random.choice([path for path in self.heads if path.startswith("tables/plans/")])
        head, ref = self.random.choice(self.heads[path])
        self._store(path, head + layout.OLDER, ref)
        self._store("control", layout.entry_at(PLANS, layout.TABLE_BYTES), 1 << 62)
        return f"the version at {head} in {path} follows itself"

    def _store(self, path: str, at: int, value: int) -> None:
        self.count += layout.WORD
        with suppress(FileNotFoundError), (self.directory / path).open("r+b") as file:
            file.seek(at * layout.WORD)
            file.write(value.to_bytes(layout.WORD, "little"))

    # --- Ways ---

    def _at(self, data: bytearray) -> int:
        """Choose a place: most often one in a word that is not zero, or beside it."""
        if self.random.random() < 0.2:
            return self.random.randrange(len(data))
        words = array("Q", bytes(data[: len(data) & -layout.WORD]))
        used = [at for at, word in enumerate(words) if word] or [0]
        at = self.random.choice(used) + self.random.choice((0, 0, 0, 0, 1, -1, -2, -3))
        return min(max(at, 0), len(words) - 1) * layout.WORD + self.random.randrange(layout.WORD)

    def _flip(self, data: bytearray) -> None:
        data[self._at(data)] ^= 1 << self.random.randrange(8)

    def _set(self, data: bytearray) -> None:
        at, size = self._at(data), self.random.choice((1, 8, 64, 4096))
        size = min(size, len(data) - at)
        data[at : at + size] = bytes([self.random.choice((0, 0, 255))]) * size

    def _word(self, data: bytearray) -> None:
        at = self._at(data) & -layout.WORD
        value = self.random.choice(
            [
                self.random.getrandbits(64),
                self.random.getrandbits(48),
                self.random.getrandbits(20),
                (1 << 64) - 1,
                1 << 63,
                self.random.randrange(8),
            ]
        )
        data[at : at + layout.WORD] = value.to_bytes(layout.WORD, "little")

    def _copy(self, data: bytearray) -> None:
        """Put one word in the place of another: a ref that names something."""
        at, source = (self._at(data) & -layout.WORD for _ in range(2))
        data[at : at + layout.WORD] = data[source : source + layout.WORD]

    def _shuffle(self, data: bytearray) -> None:
        at = self._at(data) & -layout.WORD
        words = array("Q", bytes(data[at : min(at + 64, len(data) & -layout.WORD)]))
        shuffled = list(words)
        self.random.shuffle(shuffled)
        data[at : at + len(words) * layout.WORD] = array("Q", shuffled).tobytes()
