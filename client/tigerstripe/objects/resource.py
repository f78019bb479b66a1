"""The base class of all resources, and the declarations by which each differs.

A resource is a subclass with a few words (`object`, `table`, `prefix`) and one or two methods:
`new` makes an object from the parameters of a create, `change` the object after an update. This
class does the rest: retrieving, listing, searching, deletion, metadata and events. Other operations
are methods marked with `operation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tigerstripe import errors
from tigerstripe.ids import new_id
from tigerstripe.objects import listing, metadata, registry, searching
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import DELETED, PRIVATE, Work

Ids = dict[str, str]
Handler = Callable[[Work, Ids, Params], Record]
"""Does an operation: from the ids in the path and the typed parameters to the answer."""
Method = TypeVar("Method", bound=Callable[..., Record])
Filters = Mapping[str, listing.Filter]
Tests = Mapping[str, Callable[[Any], bool]]
Inclusions = Mapping[str, Callable[[Any, Work, Record, Record], Any]]
"""Make fields that are only there when expanded, from resource, work, record and private part."""

CLOCKED = {
    "customer": "customers",
    "from_subscription": "subscriptions",
    "invoice": "invoices",
    "subscription": "subscriptions",
}
"""The tables of objects that may go by a test clock, by the parameters that name these."""


def operation(*names: str) -> Callable[[Method], Method]:
    """Mark the method of an operation, as `POST /v1/invoices/{invoice}/pay`."""

    def mark(method: Method) -> Method:
        method.operations = names  # type: ignore[attr-defined]
        return method

    return mark


class Resource:
    """Objects of one kind: how they are made, changed, found and deleted."""

    object: str
    """The field `object`, as `checkout.session`."""
    table: str
    """The store's table."""
    prefix: str
    id_length: int = 24
    """The number of letters of an id after the prefix."""

    standard: frozenset[str] = frozenset(("create", "list", "retrieve", "update"))
    """The operations of this class that the resource has; others are `delete` and `search`."""
    name: str = ""
    """Its name in `No such ...`; by default the object."""
    param: str | None = "id"
    """The parameter in an error about the id in the path."""
    event: str | None = ""
    """The first part of its events, before `.created`; by default the object. None: no events."""
    told: frozenset[str] = frozenset(("created", "updated", "deleted"))
    """Which of these events there are; events with other names are always created."""
    has_created: bool = True
    has_livemode: bool = True
    has_metadata: bool = True
    keeps_deleted: bool = False
    """Whether a deleted object can still be retrieved, with three fields."""
    parent: str | None = None
    """The field that the name in the list's path is compared with, as `customer`."""

    not_yet: tuple[str, ...] = ()
    """Parameters that are not implemented, as `items[][tax_rates]`: they are refused with 501."""
    filters: Filters = {}
    """Filters of the list that are not a comparison with the field of their name."""
    listed_of: tuple[str, ...] = ()
    """Parameters of the list that name an object, as `customer`, which must exist."""
    shown: Tests = {}
    """Tests of fields that a list applies, unless the parameter of that name is given."""
    computed: frozenset[str] = frozenset()
    """The fields that `view` changes; filters of them look at the object as it is now."""
    included: Inclusions = {}
    """The fields that are only there when they are expanded, and the function that makes each.
    A field within a part of the object has a path, as `total_details.breakdown`."""
    on_clocks: tuple[str, ...] = ()
    """Of objects that may go by a test clock: the parameters that make a list show these, too."""
    happens_together: bool = False
    """Whether `happen` may share a commit with others; it must read only through the work."""
    searchable: frozenset[str] = frozenset()
    """The fields that a search may ask for, beside `metadata`."""

    def __init_subclass__(cls) -> None:
        if not hasattr(cls, "object"):  # what several resources have in common
            return
        cls.name = cls.name or cls.object
        cls.event = cls.object if cls.event == "" else cls.event

    # --- The part that a resource writes itself ---

    new: Callable[[Work, Params], Record]
    """Returns the fields of a new object, without `id`, `object`, `created`, `livemode`.

    An `id` or a private part (`PRIVATE`) may be among them. Raises `Refused` for what cannot be
    made. A resource that only others make has no `new`, and no `create` among its operations.
    """

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an object as an update leaves it; by default the parameters are its new fields."""
        return {**old, **params}

    def view(self, work: Work, record: Record) -> Record:
        """Return an object as it is now, for fields that the clock alone changes."""
        return record

    def check_delete(self, work: Work, record: Record) -> None:
        """Raise `Refused` if an object cannot be deleted."""

    # --- The operations that most have ---

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an object."""
        return self.add(work, self.new(work, {**params, **ids}))

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return an object, or the three fields of a deleted one."""
        id = list(ids.values())[-1]
        record = work.get(self.table, id)
        if record is not None and self.is_under(record, ids):
            return self.view(work, record)
        if self.keeps_deleted and work.get(DELETED, id) is not None:
            return {"id": id, "object": self.object, "deleted": True}
        raise self.missing(id, self.param, in_path=True)

    def update(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change an object."""
        old = self.named(work, ids)
        changes = metadata.merged(old, params)
        return self.save(work, old, self.change(work, old, changes))

    def delete(self, work: Work, ids: Ids, params: Params) -> Record:
        """Delete an object."""
        record = self.named(work, ids)
        self.check_delete(work, record)
        self.drop(work, record)
        return {"id": record["id"], "object": self.object, "deleted": True}

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of the objects."""
        for name in self.listed_of:
            if params.get(name) is not None:
                registry.need(name).given(work, params[name], name)
        wanted = {**params, **ids} if self.parent else params
        found = listing.page(self, work, wanted)
        found["data"] = [self.view(work, record) for record in found["data"]]
        return found

    def search(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the objects that a query finds."""
        return searching.found(self, work, params)

    def in_time(self, work: Work, ids: Ids, params: Params) -> Work:
        """Return a work by the test clock that a request goes by, if there is one.

        It is the clock of the object in the path, else of an object that a parameter names.
        """
        if not self.on_clocks:
            return work
        about = [(self.table, id) for id in list(ids.values())[-1:]]
        named = {**params, **ids}
        about += [(table, named[name]) for name, table in CLOCKED.items() if named.get(name)]
        for table, id in about:
            record = work.get(table, id)
            if record is not None and record.get("test_clock") is not None:
                return work.on_clock(record["test_clock"])
        return work

    # --- Parts of these, for the other operations of a resource ---

    def named(self, work: Work, ids: Ids) -> Record:
        """Return the object that the path names; raises `Refused` (404)."""
        id = list(ids.values())[-1]
        record = work.get(self.table, id)
        if record is None or not self.is_under(record, ids):
            raise self.missing(id, self.param, in_path=True)
        return record

    def given(self, work: Work, id: str, param: str) -> Record:
        """Return the object that a parameter names; raises `Refused` (400)."""
        record = work.get(self.table, id)
        if record is None:
            raise self.missing(id, param)
        return record

    def missing(self, id: str, param: str | None, *, in_path: bool = False) -> errors.Refused:
        """Return the refusal of an unknown id."""
        return errors.no_such(self.name, id, param, in_path=in_path)

    def is_under(self, record: Record, ids: Ids) -> bool:
        """Tell whether an object belongs to the one that the path names before it."""
        return self.parent is None or len(ids) < 2 or record[self.parent] == ids[self.parent]

    def add(self, work: Work, fields: Record) -> Record:
        """Store a new object, create its event, and return it; raises `Refused` for a taken id."""
        id = fields.get("id")
        if id is not None and work.get(self.table, id) is not None:
            raise errors.already_exists(self.name.capitalize())
        record = self.record(work, fields)
        work.put(self.table, record)
        self.tell_of(work, "created", record)
        return record

    def record(self, work: Work, fields: Record) -> Record:
        """Return a new object with these fields, not stored yet."""
        id = fields.get("id") or new_id(self.prefix, self.id_length)
        record = {**fields, "id": id, "object": self.object}
        if self.has_created:
            record.setdefault("created", work.now)
        if self.has_livemode:
            record["livemode"] = False
        if self.has_metadata:
            record["metadata"] = metadata.new(record.get("metadata"))
        return ordered(record)

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed object, create its event, and return it; without a change, do nothing."""
        if new == old:
            return old
        work.put(self.table, new)
        previous = previous_attributes(old, new)
        if previous:
            self.tell_of(work, event, new, previous)
        return new

    def move(self, work: Work, new: Record, event: str) -> Record:
        """Store an object in its next state, and return it; the event has no previous values."""
        work.put(self.table, new)
        self.tell_of(work, event, new)
        return new

    def tell_of(
        self, work: Work, event: str, record: Record, previous: Record | None = None
    ) -> None:
        """Create an event, unless there is none for such an object or such a change."""
        if self.event is not None and (event in self.told or event not in Resource.told):
            work.tell(f"{self.event}.{event}", record, previous)

    def drop(self, work: Work, record: Record) -> None:
        """Delete an object, and create its event; as a cursor of lists its id still works."""
        table = work.scope.table(self.table)
        after = table.list(limit=1, starting_after=record["id"]).data
        older = after[0]["id"] if after else None
        work.delete(self.table, record["id"])
        work.put(DELETED, {"id": record["id"], "object": self.object, "older": older})
        self.tell_of(work, "deleted", record)


class Transient(Resource):
    """Objects that are answered once, and not kept."""

    table = ""
    prefix = ""
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("create",))


def ordered(record: Record) -> Record:
    """Return an object with its fields in the order that Stripe shows them in."""
    return {name: record[name] for name in ("id", "object", *sorted(record))}


def private(record: Record) -> Record:
    """Return the private part of a record, for reading."""
    found: Record = record.get(PRIVATE, {})
    return found
