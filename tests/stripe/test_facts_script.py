"""The builder of the table: several versions of a node become one, and its text is read again."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tigerstripe.facts.kinds import Faults, Str
from tigerstripe.facts.table import Facts

SCRIPTS = Path(__file__).parents[2] / "scripts"

SOURCE = """
class ThingService:
    def create(self, params: "ThingCreateParams") -> "Thing":
        return self._request("post", "/v1/things/{thing}".format(thing=1), params=params)
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The builder's module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("facts")


def obj(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"t": "obj", "p": fields, "req": list(required)}


def test_fields_that_came_and_went_are_marked(script) -> None:
    text, number = {"t": "str"}, {"t": "int"}
    node = script.merged([(0, obj(a=text, old=text)), (1, obj(("a",), a=number, new=text))])
    line = f"versions = x y\nevents = e\nPOST /v1/things = {script.Writer().text(node)} -> thing"
    fields = Facts(line).parameters("POST /v1/things").fields
    assert (fields["old"].until, fields["new"].since, fields["a"].since) == (0, 1, -1)
    assert fields["a"].is_required
    for value, read in (("5", 5), ("x", "x")):
        assert fields["a"].kind.read(value, "a", Faults()) == read


def test_a_shape_in_several_places_is_written_once(script) -> None:
    inner = obj(**{f"a_rather_long_name_{n}": {"t": "str", "max": 7} for n in range(3)})
    writer = script.Writer()
    outer = obj(one=inner, other={**inner, "null": True})
    writer.count([outer])
    assert writer.text(outer) == "(one:$0 other:$0?)"
    shared = "\n".join(f"{name} = {text}" for text, name in writer.shared.items())
    table = Facts(f"versions = x\nevents = e\nthing = {writer.text(outer)}\n{shared}")
    other = table.fields("thing").fields["other"].kind
    field = other.fields["a_rather_long_name_1"].kind
    assert other.is_null
    assert isinstance(field, Str)
    assert field.max == 7


def test_an_operation_is_read_from_the_source_of_an_sdk(script, tmp_path) -> None:
    package = tmp_path / "stripe"
    package.mkdir()
    (package / "_api_version.py").write_text('class _ApiVersion:\n    CURRENT = "2030-01-01.x"\n')
    (package / "_thing.py").write_text(
        "class Thing(APIResource):\n"
        '    OBJECT_NAME: ClassVar[Literal["thing"]] = "thing"\n'
        "    id: str\n    owner: Optional[ExpandableField['Thing']]\n"
    )
    (package / "_thing_service.py").write_text(
        "from stripe._thing import Thing\n"
        "class ThingCreateParams(TypedDict):\n"
        '    kind: Literal["a", "b"]\n    sizes: NotRequired[List[int]]\n' + SOURCE
    )
    found = script.Package(package)
    assert found.version == "2030-01-01.x"
    ((key, (parameters, answer)),) = found.operations().items()
    assert key == "POST /v1/things/{thing}"
    assert script.Writer().text(parameters) == "(kind!:<a b> sizes:[int])"
    assert script.Writer().text(answer) == "thing"
    resources = found.resources()
    assert script.Writer().text(resources["thing"]) == "(id!:str owner:@thing?)"


def test_a_method_given_with_an_intent_may_be_a_card(script) -> None:
    card = obj(token={"t": "str"})
    data = obj(type={"t": "enum", "v": ["link"]}, link=obj())
    operations = {
        "POST /v1/payment_methods": obj(card=card),
        "POST /v1/payment_intents": obj(payment_method_data=data),
    }
    script.take_cards(operations)
    assert data["p"]["card"] == card
    assert data["p"]["type"]["v"] == ["card", "link"]
