"""A reader and a writer that take turns at every load, on simulated memory.

First the daemon makes its steps on a real instance, and every store, fence, new and removed file
is recorded. Then, as often as wanted, readers run on a copy of the memory as it was before; a
*schedule* says how many of the recorded changes happen before which of a reader's loads. So each
interleaving is a number, and can be had again.

`Machine` is a computer that keeps all in order. `WeakMachine` is one as ARM64 may be: stores become
visible in any order that fences and single words allow, and a load may return what the word
held a while ago, unless a fence, an earlier load of the word, or an address that came from a later
load forbids it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, NamedTuple
from unittest.mock import patch

from tests.support.choke import Choke, Killed
from tests.support.daemon import Daemon, Step, after
from tests.support.model import Model
from tests.support.observe import Universe
from tests.support.watching import watched
from tiger.format import layout, memory
from tiger.place import pins
from tiger.reading.presence import Presence
from tiger.reading.reader import Reader
from tigerd.engine.segments import WritableSegment

FENCE = "fence"
STORE = "store"
WRITE = "write"
MAKE = "make"
UNLINK = "unlink"

Event = tuple[str, str, int, Any]
"""What, in which file, at which word, and a value (a store) or many (a write, a new file)."""

SINGLE = 48
"""Words of a version that become visible each by itself."""

Schedule = dict[int, int]
"""Before which load (0 is before the reader begins) how many changes happen."""


# --- Recording ---


@dataclass
class Recording:
    """Memory as it was, what changed then, and the states of the store on the way."""

    directory: Path
    image: dict[str, bytes]
    events: list[Event]
    models: dict[int, Model]
    """By commit number."""
    universe: Universe


class Cut(NamedTuple):
    """A step in whose middle the daemon is killed; the next one takes over."""

    step: Step
    change: int = 0
    """Instead of which change it is killed; 0: of the commit."""


def record(
    directory: Path, base: list[Step], steps: Sequence[Step | Cut], *, pinned: bool
) -> Recording:
    """Make the steps of `base`, and record the others; `pinned`: while a reader holds its moment.

    A new instance is made for it below the directory.
    """
    daemon = Daemon(Path(mkdtemp(dir=directory)))
    directory = daemon.directory
    model = Model()
    for step in base:
        daemon.do(step)
        model = after(model, step)
    models = {model.commit: model}
    pin = pins.Pin(directory, model.commit) if pinned else None
    files = [directory / "control", *directory.glob("tables/*/*.*")]
    image = {str(path): path.read_bytes() for path in files}
    with recorded() as events:
        for step in steps:
            if isinstance(step, Cut):
                _cut(daemon, step)
            else:
                daemon.do(step)
                model = after(model, step)
                models[model.commit] = model
    if pin is not None:
        pin.release()
    return Recording(directory, image, events, models, Universe(models.values()))


def _cut(daemon: Daemon, cut: Cut) -> None:
    """Make a step in part, and let the next daemon take over."""
    commit = daemon.writer.commit
    with ExitStack() as stack:
        stack.enter_context(Choke(cut.change))
        if not cut.change:
            stack.enter_context(patch.object(daemon.writer, "before_commit", side_effect=Killed))
        daemon.do(cut.step)
    daemon.restart()
    assert daemon.writer.commit == commit


@contextmanager
def recorded() -> Iterator[list[Event]]:
    """Give a list to which is added whatever the daemon does to shared memory."""
    events: list[Event] = []
    store, write = WritableSegment.store, WritableSegment.write
    create, unlink = WritableSegment.create, Path.unlink
    is_making = False

    def recorded_store(self: WritableSegment, at: int, value: int) -> None:
        events.append((STORE, str(self.path), at, value))
        store(self, at, value)

    def recorded_write(self: WritableSegment, offset: int, data: bytes) -> None:
        events.append((WRITE, str(self.path), offset // layout.WORD, array("Q", bytes(data))))
        write(self, offset, data)

    def recorded_create(path: Path, *arguments: Any) -> WritableSegment:
        nonlocal is_making
        is_making = True
        made = create(path, *arguments)
        is_making = False
        events.append((MAKE, str(path), 0, bytes(made.map)))
        return made

    def recorded_unlink(self: Path, missing_ok: bool = False) -> None:
        if not is_making:
            events.append((UNLINK, str(self), 0, None))
        unlink(self, missing_ok)

    with ExitStack() as stack:
        stack.enter_context(watched())
        for owner, name, new in (
            (WritableSegment, "store", recorded_store),
            (WritableSegment, "write", recorded_write),
            (WritableSegment, "create", staticmethod(recorded_create)),
            (Path, "unlink", recorded_unlink),
            (memory, "fence", lambda: events.append((FENCE, "", 0, None))),
        ):
            stack.enter_context(patch.object(owner, name, new))
        yield events


# --- The machine that keeps all in order ---


class Machine:
    """Simulated memory, and the changes that are still to come."""

    def __init__(self, recording: Recording) -> None:
        """Begin with memory as it was."""
        self.events = [event for event in recording.events if event[0] != FENCE]
        self.files = {path: array("Q", data) for path, data in recording.image.items()}
        self._unlinked: dict[str, Any] = {}
        """Files without a name: a process that has them mapped sees late stores into them."""
        self.loads = 0
        self.recording = recording
        self._schedule: Schedule = {}
        self._done = 0
        self._is_held = False
        self._undo: list[Callable[[], object]] = []

    @contextmanager
    def begin(self) -> Iterator[Reader]:
        """Give a reader on this memory; at the end all is again as it was."""
        self.loads = 0
        with ExitStack() as stack:
            stack.callback(self._reset)
            for module in ("reader", "table_reader"):
                stack.enter_context(patch(f"tiger.reading.{module}.Segment", self._map))
            # What is compiled reads real memory only; it makes the loads of what is simulated.
            for name in ("look", "along"):
                stack.enter_context(patch(f"tiger.reading.table_reader.{name}", lambda *_: None))
            stack.enter_context(patch("tiger.reading.moments.Pin", self._pin))
            stack.enter_context(patch.object(memory, "fence", self.fence))
            stack.enter_context(patch.object(memory, "is_at", lambda path, _: path.exists()))
            stack.enter_context(patch.object(Presence, "check", lambda _: None))  # no files
            # A reader that gives its processor away lets the daemon go on.
            stack.enter_context(patch("tiger.reading.moments.os.sched_yield", self.finish))
            yield Reader(self.recording.directory)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let pins be made without further ado: the recording was made under such a pin."""
        self._is_held = True
        yield
        self._is_held = False

    def start(self, schedule: Schedule) -> None:
        """From the next load on, follow the schedule."""
        self.advance(schedule.get(0, 0))
        self.loads = 0
        self._schedule = schedule

    @property
    def commit(self) -> int:
        """The commit number that is visible now."""
        return self.files[str(self.recording.directory / "control")][layout.COMMIT]

    def commits(self) -> list[int]:
        """Return after how many changes each commit number is stored."""
        control = str(self.recording.directory / "control")
        return [
            number
            for number, (_, path, at, _) in enumerate(self.events, 1)
            if at == layout.COMMIT and path == control
        ]

    def shuffle(self, random: Random) -> None:
        """Choose in which order stores become visible: here it is the one they are made in."""

    def before_load(self) -> None:
        """Let happen what the schedule says."""
        self.loads += 1
        if self.loads in self._schedule:
            self.advance(self._schedule[self.loads])

    def advance(self, count: int) -> None:
        """Let so many changes happen."""
        stop = min(self._done + count, len(self.events))
        while self._done < stop:
            event = self.events[self._done]
            self._done += 1
            self._change(*event)

    def finish(self) -> None:
        """Let everything happen."""
        self.advance(len(self.events))

    def _change(self, kind: str, path: str, at: int, value: Any) -> None:
        if kind == STORE:
            words = self._words_of(path)
            self._undo.append(lambda old=words[at]: words.__setitem__(at, old))
            words[at] = value
        elif kind == WRITE:
            words, end = self._words_of(path), at + len(value)
            self._undo.append(lambda old=words[at:end]: words.__setitem__(slice(at, end), old))
            words[at:end] = value
        elif kind == MAKE:
            self.files[path] = array("Q", value)
            self._undo.append(lambda: self.files.pop(path))
        elif path in self.files:
            gone = self._unlinked[path] = self.files.pop(path)
            self._undo.append(lambda: self.files.__setitem__(path, gone))

    def _words_of(self, path: str) -> Any:
        return self.files[path] if path in self.files else self._unlinked[path]

    def _reset(self) -> None:
        while self._undo:
            self._undo.pop()()
        self._done = 0
        self._schedule = {}

    # --- What readers use in place of files ---

    def _map(self, path: Path, kind: int) -> SimulatedSegment:
        if str(path) not in self.files:
            raise FileNotFoundError(path)
        return SimulatedSegment(self, str(path), kind)

    def _pin(self, directory: Path, commit: int) -> SimulatedPin:
        # A pin would have held the daemon up; so all that is recorded has happened before it.
        if not self._is_held:
            self.finish()
        return SimulatedPin()

    def fence(self) -> None:
        """Nothing: all is in order."""

    def load(self, segment: SimulatedSegment, at: int) -> int:
        """Load a word."""
        self.before_load()
        return segment.data[at]

    def copy(self, segment: SimulatedSegment, start: int, stop: int) -> bytes:
        """Load the words of some bytes."""
        self.before_load()
        first = start // layout.WORD
        data = segment.data[first : -(-stop // layout.WORD)].tobytes()
        return data[start - first * layout.WORD : stop - first * layout.WORD]


class SimulatedSegment:
    """Stands for a `tiger.format.memory.Segment`, and for its `words`, `map` and `path`."""

    def __init__(self, machine: Machine, name: str, kind: int) -> None:
        """Map a file, which stays as long as it is mapped."""
        self.machine = machine
        self.name = name
        self.kind = kind
        self.data = machine.files[name]
        self.words = self
        self.path = self
        self.status = None
        self.map = SimulatedMap(self)

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self.machine.load(self, place) for place in range(*at.indices(len(self)))]
        return self.machine.load(self, at)

    def __len__(self) -> int:
        return len(self.data)

    def __str__(self) -> str:
        return self.name

    def exists(self) -> bool:
        """Tell whether the file has its name still."""
        return self.name in self.machine.files

    def check_identity(self, *_: int) -> None:
        """Do nothing: all files are of one instance."""

    def close(self) -> None:
        """Do nothing."""


class SimulatedMap:
    """Stands for the bytes of a segment."""

    def __init__(self, segment: SimulatedSegment) -> None:
        """Be that segment's."""
        self._segment = segment

    def __getitem__(self, part: slice) -> bytes:
        return self._segment.machine.copy(self._segment, part.start, part.stop)


class SimulatedPin:
    """Stands for a `tiger.place.pins.Pin`."""

    def check(self) -> None:
        """Be held."""

    def release(self) -> None:
        """Let go."""


# --- The machine that does not ---


class WeakMachine(Machine):
    """Memory whose stores become visible, and whose loads are made, out of order.

    Its time is the number of changes that have become visible.
    """

    def __init__(
        self, recording: Recording, *, writer_fences: bool = True, reader_fences: bool = True
    ) -> None:
        """Leave out fences to see what breaks without them."""
        super().__init__(recording)
        self._groups: list[list[Event]] = [[]]
        for event in recording.events:
            if event[0] != FENCE:
                self._groups[-1] += _words_of(event)
            elif writer_fences:
                self._groups.append([])
        self._reader_fences = reader_fences
        self._random = Random(0)
        self._history: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._floors: dict[tuple[int, int], int] = {}
        self._floor = 0
        self._generation_floor = 0

    def shuffle(self, random: Random) -> None:
        """Choose in which order stores become visible: any within what fences and words allow."""
        self._random = random
        self.events = [event for group in self._groups for event in _shuffled(group, random)]

    def start(self, schedule: Schedule) -> None:
        """From the next load on, follow the schedule: and see no less than what is visible now."""
        super().start(schedule)
        self._floor = self._done

    def fence(self) -> None:
        """Let later loads see no less than what is visible now."""
        if self._reader_fences:
            self._floor = self._done

    def _change(self, kind: str, path: str, at: int, value: Any) -> None:
        if kind == STORE:
            words = self._words_of(path)
            history = self._history.setdefault((id(words), at), [(0, words[at])])
            history.append((self._done, value))
        super()._change(kind, path, at, value)

    def _reset(self) -> None:
        super()._reset()
        self._history.clear()
        self._floors.clear()
        self._floor = self._generation_floor = 0

    def load(self, segment: SimulatedSegment, at: int) -> int:
        """Load a word as it was at some time that is not too long ago."""
        self.before_load()
        floor = max(self._floor, getattr(at, "time", 0))
        if segment.kind == layout.INDEX:
            floor = max(floor, self._generation_floor)
        value, time = self._sample(segment, int(at), floor)
        if segment.kind == layout.CONTROL and layout.TABLES_AT <= at < layout.CLIENTS_AT:
            self._generation_floor = max(self._generation_floor, time)
        return Loaded.at(value, time)

    def _sample(self, segment: SimulatedSegment, at: int, floor: int) -> tuple[int, int]:
        place = (id(segment.data), at)
        history = self._history.get(place)
        if history is None:
            return segment.data[at], floor
        floor = max(floor, self._floors.get(place, 0))
        time = self._done
        if self._random.random() < 0.6:
            time = self._random.randint(floor, self._done)
        self._floors[place] = time
        return next(value for since, value in reversed(history) if since <= time), time

    def copy(self, segment: SimulatedSegment, start: int, stop: int) -> bytes:
        """Load the words of some bytes, each by itself."""
        self.before_load()
        floor = max(self._floor, getattr(start, "time", 0))
        first, last = int(start) // layout.WORD, -(-int(stop) // layout.WORD)
        words = array("Q", [self._sample(segment, at, floor)[0] for at in range(first, last)])
        return words.tobytes()[start - first * layout.WORD : stop - first * layout.WORD]


def _words_of(event: Event) -> list[Event]:
    """Return a write as stores of single words; what is far into a long body stays together."""
    kind, path, at, value = event
    if kind != WRITE:
        return [event]
    words: list[Event] = [(STORE, path, at + n, word) for n, word in enumerate(value[:SINGLE])]
    if value[SINGLE:]:
        words.append((WRITE, path, at + SINGLE, value[SINGLE:]))
    return words


def _shuffled(events: list[Event], random: Random) -> list[Event]:
    """Return the events in an order in which each word, and each file, keeps its own."""
    keys: dict[tuple[str, int], list[float]] = {}
    for _, path, at, _ in events:
        keys.setdefault((path, at), []).append(random.random())
    for times in keys.values():
        times.sort(reverse=True)
    made = {path: 0.0 for kind, path, _, _ in events if kind == MAKE}
    dated = []
    for event in events:
        time = keys[event[1:3]].pop()
        if event[0] == MAKE:
            time = made[event[1]] = time / 2
        elif event[1] in made:  # stores into a file come after it was made
            time = made[event[1]] + time * (1 - made[event[1]])
        dated.append((time, event))
    return [event for _, event in sorted(dated, key=lambda item: item[0])]


class Loaded(int):
    """A number that knows when it was loaded, or what it was computed from.

    A load at an address made of it is not made before: an address dependency.
    """

    time: int

    @classmethod
    def at(cls, value: int, time: int) -> Loaded:
        """Return a number loaded at a time."""
        made = cls(value)
        made.time = time
        return made


def _keep_time(name: str) -> None:
    plain = getattr(int, name)

    def operation(self: Loaded, other: Any) -> Any:
        result = plain(self, other)
        if type(result) is not int:
            return result
        return Loaded.at(result, max(self.time, getattr(other, "time", 0)))

    setattr(Loaded, name, operation)


for _name in ("add", "radd", "sub", "mul", "rmul", "floordiv", "and", "rshift", "lshift", "or"):
    _keep_time(f"__{_name}__")
