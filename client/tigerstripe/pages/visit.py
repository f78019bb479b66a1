"""A visit to a page: the account, the object, the values filled in, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from tigerstripe.facts import versions
from tigerstripe.pages import templates
from tigerstripe.records import Record
from tigerstripe.work import acting, clock
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

Form = dict[str, str]
Result = TypeVar("Result")


class Page(NamedTuple):
    """The answer to a visit: a page, or an address to go to."""

    body: str = ""
    status: int = 200
    location: str | None = None


def to(location: str) -> Page:
    """Send the visitor elsewhere, with a GET."""
    return Page(status=303, location=location)


def not_there(what: str) -> Page:
    """Say that there is no such thing."""
    text = f"There is no {what} at this address."
    return Page(templates.message("Nothing here", text), 404)


class Visit:
    """A visit to a page of an account."""

    def __init__(self, scope: Scope, log: Log, name: str, query: Form, form: Form | None) -> None:
        """Visit the object of that name; `form` are the values filled in, None for a mere look."""
        self._scope = scope
        self._log = log
        self.name = name
        self.query = query
        self.form = form

    def find(self, table: str, field: str, value: str) -> Record | None:
        """Return a record of the account, or of one that is connected to it: there it goes on."""
        accounts = [account["id"] for account in self._scope.table("accounts")]
        for scope in (self._scope, *map(self._scope.inside, accounts)):
            there = scope.table(table)
            found = [there.get(value, None)] if field == "id" else [*there.find_by(field, value)]
            if found and found[0] is not None:
                self._scope = scope
                record: Record = found[0]
                return record
        return None

    def look(self) -> Work:
        """Return a work that only reads."""
        now = clock.now(self._scope)
        return Work(self._scope, now, versions.newest(), None, is_write=False)

    def act(self, do: Callable[[Work], Result]) -> Result:
        """Carry out an action of the visitor, in one commit; raises `Refused` and `Declined`."""
        return acting.act(self._scope, self._log, do)
