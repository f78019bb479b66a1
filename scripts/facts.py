"""Builds the table of facts of the Stripe API from wheels that PyPI has.

The wheels are those of the official SDK, the newest of each major since API version
2025-03-31.basil, and one that ships Stripe's OpenAPI document. Names, types and enums are taken,
no descriptions. The table's grammar is in client/tigerstripe/facts/table.py.

Next month's SDK: `scripts/facts 16.2.0`, and commit what it wrote.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from facts_sdk import Package
from facts_spec import add_spec

Node = dict[str, Any]

TABLE = Path(__file__).parent.parent / "client" / "tigerstripe" / "facts" / "facts.txt"
MAJORS = (12, 13, 14, 15, 16)
DOCUMENT = ("seahaven-stripe-world==0.3.0", "seahaven_stripe_world/spec/spec3.json")
SHARED_MIN = 40
"""Characters that an object must have, if there are several alike, to get a line of its own."""


def main() -> None:
    """Download the wheels, and write the table."""
    newest = {int(version.partition(".")[0]): version for version in sys.argv[1:]}
    majors = sorted({*MAJORS, *newest})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        wanted = [
            f"stripe=={newest[major]}" if major in newest else f"stripe>={major},<{major + 1}"
            for major in majors
        ]
        packages = [
            Package(unpack(name, folder / str(n)) / "stripe") for n, name in enumerate(wanted)
        ]
        name, inside = DOCUMENT
        document = json.loads((unpack(name, folder / "document") / inside).read_text())
        TABLE.write_text("\n".join(lines(packages, document)) + "\n")
    print(f"{TABLE}: {TABLE.stat().st_size >> 10} KiB")


def unpack(requirement: str, folder: Path) -> Path:
    """Download a wheel, without what it needs, and unpack it."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    options = ["--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder)]
    subprocess.run([*pip, *options, requirement], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


# --- One node of several versions ---


def merged(versions: list[tuple[int, Node]]) -> Node:
    """Return a node that accepts what any of the versions does; the newest says what it is.

    A field that came or went within the versions has marks: `since`, `until`.
    """
    groups: dict[tuple[str, int], list[tuple[int, Node]]] = {}
    for number, node in reversed(versions):
        seen: Counter[str] = Counter()
        for option in node["of"] if node["t"] == "union" else [node]:
            kind = option["t"]
            groups.setdefault((kind, seen[kind]), []).insert(0, (number, option))
            seen[kind] += 1
    options = [_merged_alike(group) for group in groups.values()]
    result = options[0] if len(options) == 1 else {"t": "union", "of": options}
    flags = {"null": versions[-1][1].get("null"), "asked": any(n.get("asked") for _, n in versions)}
    return {**result, **flags}


def _merged_alike(versions: list[tuple[int, Node]]) -> Node:
    newest = versions[-1][1]
    if newest["t"] in ("list", "map", "page"):
        return {**newest, "of": merged([(number, node["of"]) for number, node in versions])}
    if newest["t"] in ("enum", "id"):
        key = "v" if newest["t"] == "enum" else "to"
        values = [value for _, node in reversed(versions) for value in node[key]]
        return {**newest, key: list(dict.fromkeys(values))}
    if newest["t"] != "obj":
        return newest
    names = dict.fromkeys(name for _, node in reversed(versions) for name in node["p"])
    fields = {}
    for name in names:
        there = [(number, node["p"][name]) for number, node in versions if name in node["p"]]
        field = merged(there)
        if there[0][0] > versions[0][0]:
            field = {**field, "since": there[0][0]}
        if there[-1][0] < versions[-1][0]:
            field = {**field, "until": there[-1][0]}
        fields[name] = field
    required = [name for name in newest["req"] if name in newest["p"]]
    return {"t": "obj", "p": fields, "req": required}


def merged_all(found: list[dict[str, Node]]) -> dict[str, Node]:
    """Return the nodes of all names that any version has, with marks for what came or went."""
    result = {}
    for name in sorted({name for each in found for name in each}):
        there = [(number, each[name]) for number, each in enumerate(found) if name in each]
        node = merged(there)
        if there[0][0] > 0:
            node = {**node, "since": there[0][0]}
        if there[-1][0] < len(found) - 1:
            node = {**node, "until": there[-1][0]}
        result[name] = node
    return result


def take_cards(operations: dict[str, Node]) -> None:
    """Let a payment method that is given with an intent be a card, as when it is made by itself.

    Stripe's guides send tokens so, and its pages numbers; no SDK and no document says it.
    """
    alone = operations["POST /v1/payment_methods"]["p"]
    for node in operations.values():
        given = node["p"].get("payment_method_data")
        if given is not None and "link" in given.get("p", ()):
            kind = {**given["p"]["type"], "v": sorted([*given["p"]["type"]["v"], "card"])}
            given["p"] = dict(sorted({**given["p"], "card": alone["card"], "type": kind}.items()))


# --- The text ---


def lines(packages: list[Package], document: Node) -> list[str]:
    """Return the lines of the table."""
    operations = [package.operations() for package in packages]
    resources = [package.resources() for package in packages]
    parameters = [{key: pair[0] for key, pair in each.items()} for each in operations]
    answers = {key: pair[1] for each in operations for key, pair in each.items()}
    for own_parameters, own_resources in zip(parameters, resources, strict=True):
        add_spec(document, own_parameters, own_resources)
    writer = Writer()
    nodes = {"operations": merged_all(parameters), "resources": merged_all(resources)}
    take_cards(nodes["operations"])
    writer.count([*nodes["operations"].values(), *nodes["resources"].values()])
    rows = [
        f"{key} = {marks(node)}{writer.text(node)} -> {writer.text(answers[key])}"
        for key, node in nodes["operations"].items()
    ]
    rows += [
        f"{key} = {marks(node)}{writer.text(node)}" for key, node in nodes["resources"].items()
    ]
    events = sorted({event for package in packages for event in package.events()})
    return [
        "versions = " + " ".join(package.version for package in packages),
        "events = " + " ".join(events),
        *rows,
        *(f"{name} = {text}" for text, name in writer.shared.items()),
    ]


def marks(node: Node) -> str:
    """Return since when and until when there is something, as places in the list of versions."""
    since = f"^{node['since']}" if "since" in node else ""
    return since + (f"~{node['until']}" if "until" in node else "")


class Writer:
    """Writes nodes as text; objects that several places have get a line of their own."""

    def __init__(self) -> None:
        """Begin with nothing shared."""
        self.shared: dict[str, str] = {}
        """The names of shared objects, by their text."""
        self._counts: Counter[str] = Counter()

    def count(self, nodes: Iterable[Node]) -> None:
        """Find out which objects several places have."""
        for node in nodes:
            self._count(node)

    def _count(self, node: Node) -> str:
        if node["t"] == "obj":
            self._counts[plain(node)] += 1
        return spelled(node, self._count)

    def text(self, node: Node) -> str:
        """Return a node as text."""
        text = spelled(node, self.text)
        if node["t"] == "obj" and len(text) >= SHARED_MIN and self._counts[plain(node)] > 1:
            name = self.shared.setdefault(text.rstrip("?"), f"${len(self.shared)}")
            return f"{name}?" if node.get("null") else name
        return text


def plain(node: Node) -> str:
    """Return an object's text, without whether it may be null, in which nothing is shared."""
    return _bare(node, _unshared)


def _unshared(node: Node) -> str:
    return spelled(node, _unshared)


def spelled(node: Node, inner: Callable[[Node], str]) -> str:
    """Return a node as text; `inner` writes the nodes in it."""
    text = _bare(node, inner)
    return f"{text}?" if node.get("null") else text


def _bare(node: Node, inner: Callable[[Node], str]) -> str:
    kind = node["t"]
    if kind == "obj":
        return _object(node, inner)
    if kind == "str":
        return f"str{node['max']}" if "max" in node else "str"
    if kind == "empty":
        return "''"
    if kind == "enum":
        values = " ".join(_word(value) for value in node["v"])
        return f"<{values} ...>" if node.get("open") else f"<{values}>"
    if kind == "list":
        return f"[{inner(node['of'])}]"
    if kind == "page":
        return f"page[{inner(node['of'])}]"
    if kind == "map":
        return f"{{{inner(node['of'])}}}"
    if kind == "union":
        return "|".join(inner(option) for option in node["of"])
    if kind == "id":
        return "@" + ",".join(node["to"])
    return str(node["to"]) if kind == "ref" else str(kind)


def _object(node: Node, inner: Callable[[Node], str]) -> str:
    required = set(node["req"])
    fields = (
        f"{name}{'!' if name in required else ''}{'+' if field.get('asked') else ''}"
        f"{marks(field)}:{inner(field)}"
        for name, field in node["p"].items()
    )
    return f"({' '.join(fields)})"


def _word(value: object) -> str:
    return "''" if value == "" else str(value)


if __name__ == "__main__":
    main()
