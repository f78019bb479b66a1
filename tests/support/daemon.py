"""A daemon without a socket: the writer, its recovery and its cleaner, driven by the test itself.

A step of a test is a request (a list of operations) or a number: so many steps of the cleaner.
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from tests.support.model import Model, Operation
from tiger.format import layout, record
from tiger.format.resources import DEFINITIONS, RESOURCES, Resource
from tiger.format.version import aligned
from tiger.place import instance
from tiger.store import Store
from tigerd.engine import applying
from tigerd.engine.control import open_control
from tigerd.engine.facts import values_of
from tigerd.engine.recovery import recover
from tigerd.engine.segments import WritableSegment
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Writer
from tigerd.service.slots import Slots

Step = list[Operation] | int

SLOTS_MIN = 64
"""Of an index, an eighth of what others have: it grows with fewer keys, and moves them sooner."""
MAX_RECORD = 1 << 20
CLIENT = 4711
DRAIN = 1 << 30


class Daemon:
    """An instance and the one who writes it; `restart` after it was killed."""

    def __init__(self, directory: Path) -> None:
        """Make the instance, or take it over."""
        self.directory = directory
        instance.make_directory(directory)
        self.writer: Writer
        self.restart()
        self.slot = Slots(self.control).open(CLIENT)

    @property
    def control(self) -> WritableSegment:
        """The control segment."""
        return self.writer.control

    def restart(self) -> None:
        """Do what a daemon does that starts here."""
        control, _ = open_control(self.directory, MAX_RECORD)
        self.writer = Writer(self.directory, control)
        with patch.object(layout, "SLOTS_MIN", SLOTS_MIN):
            recover(self.writer)

    def do(self, step: Step) -> None:
        """Apply a request as the client's next one, or let the cleaner take some steps."""
        if isinstance(step, int):
            self.clean(step)
            return
        request = self.last_request() + 1
        with patch.object(layout, "SLOTS_MIN", SLOTS_MIN):
            applying.apply(self.writer, step, (self.slot, request))

    def clean(self, steps: int = DRAIN) -> None:
        """Take some steps of cleaning, or all there are."""
        while self.writer.cleaner.take_steps(min(steps, 64)) and steps > 64:
            steps -= 64

    def last_request(self) -> int:
        """Return which of the client's requests was answered last."""
        word = self.control.words[layout.client_at(self.slot, layout.CLIENT_ANSWER)]
        return word >> layout.CLIENT_STATUS_BITS

    def is_answered(self, request: int) -> bool:
        """Tell whether a client that watches its slot takes the request for done."""
        words = self.control.words
        answer = words[layout.client_at(self.slot, layout.CLIENT_ANSWER)]
        commit = words[layout.client_at(self.slot, layout.CLIENT_COMMIT)]
        return answer >> layout.CLIENT_STATUS_BITS == request and words[layout.COMMIT] >= commit


def after(model: Model, step: Step) -> Model:
    """Return the state after a step."""
    return model if isinstance(step, int) else model.apply(step)


# --- Nothing is kept that nobody needs ---


def check_space(daemon: Daemon, model: Model) -> None:
    """Assert that a drained instance holds what the model needs, and no byte or key more."""
    for table in daemon.writer.tables.values():
        if table.index.current is not None:
            _check_table(daemon, table, model)


def _check_table(daemon: Daemon, table: WritableTable, model: Model) -> None:
    name = table.resource.table
    spaces = {at[1]: rows for at, rows in model.spaces.items() if at[0] == table.number}
    sizes = []
    for namespace, rows in spaces.items():
        parent, own = model.forks.get((table.number, namespace), ("", set(rows)))
        sizes.append((len(namespace.encode()), len(parent.encode())))
        sizes += [(len(identity.encode()), 0) for identity in own - rows.keys()]
        values = set()
        for identity in own & rows.keys():
            row = rows[identity]
            sizes.append((len(identity.encode()), len(record.encode(row.content)[1])))
            values |= set(values_of(row.content, table.resource.indexes))
        sizes += [(len(key), 0) for _, key in values]
    prelude = layout.mutable_words(len(table.resource.indexes)) * layout.WORD
    wanted = sum(prelude + aligned(layout.HEAD_SIZE + key + body) for key, body in sizes)
    needed = sum(table.space.needed.values())
    assert needed == wanted, f"{name}: {needed} bytes are kept, {wanted} are needed"

    indexes = [index for index in (table.index.current, table.index.previous) if index]
    words = [word for index in indexes for word in index.words[layout.SLOTS_AT :]]
    keys = sum(word > layout.MOVED for word in words)
    assert keys == len(sizes), f"{name}: {keys} keys are kept, {len(sizes)} are needed"

    idle = {number for number in table.space.chunks if number >= table.space.active}
    empty = {number for number, needed in table.space.needed.items() if not needed}
    assert empty <= idle, f"{name}: chunks that hold nothing"
    files = {path.name for path in table.folder.iterdir()}
    known = {segment.path.name for segment in (*indexes, *table.space.chunks.values())}
    assert files == known, f"{name}: files"
    size = sum(path.stat().st_size for path in table.folder.iterdir())
    at = layout.entry_at(table.number, layout.TABLE_BYTES)
    assert daemon.control.words[at] == size, f"{name}: bytes told"


def commands_of(store: Store) -> int:
    """Return how many synchronous writes a daemon has answered: it counts them after that."""
    store.ping()  # is answered when all before it were counted
    return store._reader.words[layout.COMMANDS]


def resource_of(number: int, model: Model) -> Resource:
    """Return a table's resource, built in or defined."""
    from tiger.format.resources import DEFINITIONS_NAMESPACE, defined_resource

    if number <= len(RESOURCES):
        return RESOURCES[number - 1] if number else DEFINITIONS
    for row in model.rows(DEFINITIONS.number, DEFINITIONS_NAMESPACE):
        if row.content["number"] == number:
            return defined_resource(row.content)
    raise LookupError(number)
