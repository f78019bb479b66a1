"""The table of facts: the operations of the Stripe API, their parameters, and resources' fields.

It is one text file, built by scripts/facts; a line is parsed when it is first needed, for a
process uses few. Its grammar:

    line      METHOD /path/{id} = MARKSobject -> kind      an operation: parameters, answer
              resource = MARKSobject                       the fields of a resource
              $n = object                                  what several places have alike
              versions = ...                               oldest first; marks count them
              events = ...                                 the types of events
    object    (nameFLAGSMARKS:kind ...)
    FLAGS     !  must be given, or is always there          +  only there when it is expanded
    MARKS     ^2 since the version of that place            ~3 until it
    kind      any bool int num file str str40 '' <a b> <a b ...> [kind] {kind} page[kind]
              object  resource  @resource,resource (an id)  $n  kind|kind
              kind?                                        one that may be null
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path

from tigerstripe.facts.kinds import (
    Anything,
    Bool,
    Empty,
    Enum,
    Field,
    Id,
    Int,
    Kind,
    List,
    Map,
    Num,
    Obj,
    Page,
    Ref,
    Str,
    Union,
)

PATH = Path(__file__).with_name("facts.txt")

_SCALARS: dict[str, Callable[[], Kind]] = {
    "any": Anything,
    "file": Anything,
    "bool": Bool,
    "int": Int,
    "num": Num,
    "''": Empty,
}
_FIELD = re.compile(r"([^\s:!+^~()]+)(!?)(\+?)(?:\^(\d+))?(?:~(\d+))?:").match
_NAME = re.compile(r"[^\s()\[\]{}<>|?,]+").match
_STR = re.compile(r"str(\d*)\Z").match
_MARKS = re.compile(r"(?:\^\d+)?(?:~\d+)?").match
_BRACKET = re.compile(r"[()\[\]{}<>]").search
_BRACKET_OR_SPACE = re.compile(r"[ ()\[\]{}<>]").search


ADDRESS = "(city:str country:str line1:str line2:str postal_code:str state:str)"
PAGES = f"""
GET /v1/payment_pages/{{session}} = (expand:[str]) -> payment_page
POST /v1/payment_pages/{{session}}/confirm = (address:{ADDRESS} custom_fields:{{str}} email:str \
expand:[str] expected_amount:int name:str payment_method:str payment_method_data:{{any}} phone:str \
promotion_code:str shipping:(name!:str address!:{ADDRESS}) shipping_rate:str) -> payment_page
payment_page = (id!:str object!:<payment_page>)
""".strip()
"""Operations that the official CLI calls like the page of a checkout session; no SDK has them."""


class Facts:
    """The table, opened."""

    def __init__(self, text: str) -> None:
        """Read a table's text; its lines are parsed when they are needed."""
        self._lines: dict[str, str] = dict(line.split(" = ", 1) for line in text.splitlines())
        self.versions: list[str] = self._lines.pop("versions").split()
        self._events = self._lines.pop("events")
        self._kinds: dict[str, Kind] = {}

    @cached_property
    def events(self) -> frozenset[str]:
        """The types of events that Stripe has."""
        return frozenset(self._events.split())

    @property
    def operations(self) -> list[str]:
        """The operations, as `POST /v1/coupons/{coupon}`."""
        return [key for key in self._lines if " " in key]

    @property
    def resources(self) -> list[str]:
        """The names of the resources, as `checkout.session`."""
        return [key for key in self._lines if " " not in key and key[0] != "$"]

    def parameters(self, operation: str) -> Obj:
        """Return the parameters of an operation; KeyError if there is none."""
        return self._object(operation)

    def fields(self, resource: str) -> Obj:
        """Return the fields of a resource; KeyError if there is none."""
        return self._object(resource)

    def answer(self, operation: str) -> Kind:
        """Return what an operation answers with."""
        text = self._lines[operation]
        return Reader(self, text, text.rindex(" -> ") + 4).kind()

    def _object(self, key: str) -> Obj:
        kind = self._kinds.get(key)
        if kind is None:
            text = self._lines[key]
            kind = self._kinds[key] = Reader(self, text, _after_marks(text)).kind()
        assert isinstance(kind, Obj)
        return kind


class Reader:
    """Reads kinds from a place in a text on."""

    def __init__(self, facts: Facts, text: str, at: int = 0) -> None:
        """Begin at a place."""
        self._facts = facts
        self._text = text
        self._at = at

    def kind(self) -> Kind:
        """Return the kind that begins here, and go past it."""
        options = [self._option()]
        while self._takes("|"):
            options.append(self._option())
        if len(options) == 1:
            return options[0]
        union = Union(options)
        union.is_null = options[-1].is_null
        return union

    def _takes(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False

    def _option(self) -> Kind:
        kind = self._one()
        if self._takes("?"):
            kind.is_null = True
        return kind

    def _one(self) -> Kind:
        if self._takes("("):
            return self._fields()
        if self._takes("["):
            return List(self._inside("]"))
        if self._takes("{"):
            return Map(self._inside("}"))
        if self._takes("page["):
            return Page(self._inside("]"))
        if self._takes("<"):
            end = self._text.index(">", self._at)
            words = self._text[self._at : end].split(" ")
            self._at = end + 1
            is_open = words[-1] == "..."
            return Enum(["" if w == "''" else w for w in words[: -1 if is_open else None]], is_open)
        if self._takes("@"):
            names = [self._name()]
            while self._takes(","):
                names.append(self._name())
            return Id(names)
        return self._named(self._name())

    def _inside(self, end: str) -> Kind:
        kind = self.kind()
        assert self._takes(end), self._text[self._at - 20 : self._at + 20]
        return kind

    def _name(self) -> str:
        found = _NAME(self._text, self._at)
        assert found, self._text[self._at - 20 : self._at + 20]
        self._at = found.end()
        return found[0]

    def _named(self, name: str) -> Kind:
        if name in _SCALARS:
            return _SCALARS[name]()
        if found := _STR(name):
            return Str(int(found[1])) if found[1] else Str()
        if name[0] == "$":  # shared, so a copy takes the mark that it may be null here
            return Obj(self._facts.parameters(name).fields)
        return Ref(name)

    def _fields(self) -> Obj:
        fields: dict[str, Field] = {}
        while not self._takes(")"):
            self._takes(" ")
            found = _FIELD(self._text, self._at)
            assert found, self._text[self._at - 20 : self._at + 20]
            name, required, asked, since, until = found.groups()
            self._at = found.end()
            make = Reader(self._facts, self._text, self._at).kind
            since, until = (int(mark) if mark else -1 for mark in (since, until))
            fields[name] = Field(make, bool(required), bool(asked), since, until)
            self._skip()
        return Obj(fields)

    def _skip(self) -> None:
        """Go past a field's kind without making it."""
        depth = 0
        at = self._at
        while found := (_BRACKET if depth else _BRACKET_OR_SPACE)(self._text, at):
            mark = found[0]
            if mark in "([{<":
                depth += 1
            elif not depth:
                self._at = found.start()
                return
            else:
                depth -= 1
            at = found.end()
        raise ValueError(f"the table of facts ends within a line: {self._text[-20:]}")


def _after_marks(text: str) -> int:
    """Return where a line's kind begins."""
    found = _MARKS(text)
    return found.end() if found else 0


@lru_cache(maxsize=1)
def facts() -> Facts:
    """Return the table of this version of the package."""
    return Facts(f"{PATH.read_text(encoding='utf-8')}{PAGES}")
