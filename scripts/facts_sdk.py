"""Reads operations and resources from the source of an unpacked stripe package.

Nothing of it is imported, only parsed: the parameters' and resources' type annotations say all that
the table of facts needs. Versions 12 and newer are understood; in 12 the classes of parameters
stand inside those of services, later in `stripe.params`.

A node is a dict: `t` is its kind (str int num bool any file empty enum list map obj union ref id
page); `of` is what a list, map, page or union is of; `p` the fields of an obj and `req` those that
are always there; `v` the values of an enum, `open` if it may have more; `to` the names that a ref
or an id leads to; `null` if it may be null.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Node = dict[str, Any]
Scope = tuple[str, ...]
"""The classes around a name, outermost first."""

SCALARS = {"str": "str", "int": "int", "float": "num", "bool": "bool", "Decimal": "str"}
SHAPELESS = {"Any", "object", "StripeObject", "UntypedStripeObject", "Dict", "dict"}
LISTS = {"List", "list", "Sequence"}
MAPS = {"Dict", "dict", "Mapping", "UntypedStripeObject"}
REQUESTS = {"_request", "_request_stream"}


class Module:
    """One file: its classes by dotted name, and where its other names come from."""

    def __init__(self, path: Path) -> None:
        """Parse a file."""
        self.classes: dict[str, ast.ClassDef] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.aliases: dict[str, ast.expr] = {}
        self._scan(ast.parse(path.read_bytes()).body, "")

    def _scan(self, body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                self.classes[prefix + statement.name] = statement
                self._scan(statement.body, f"{prefix}{statement.name}.")
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    found = (statement.module or "", alias.name)
                    self.imports[alias.asname or alias.name] = found
            elif isinstance(statement, ast.If):
                self._scan(statement.body, prefix)
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.aliases[prefix + statement.targets[0].id] = statement.value


class Package:
    """An unpacked stripe package."""

    def __init__(self, root: Path) -> None:
        """Read the package whose `__init__.py` is in `root`."""
        self.root = root
        self._modules: dict[str, Module] = {}
        self._resources: dict[str, tuple[str, str]] = {}

    @property
    def version(self) -> str:
        """The API version that the package pins."""
        text = (self.root / "_api_version.py").read_text()
        found = re.search(r'CURRENT = "([^"]+)"', text)
        assert found, f"no API version in {self.root}"
        return found[1]

    def operations(self) -> dict[str, tuple[Node, Node]]:
        """Return parameters and answer of each operation, by `METHOD /path/{name}`."""
        found: dict[str, tuple[Node, Node]] = {}
        for path in sorted(self.root.rglob("*_service.py")):
            name = ".".join(("stripe", *path.relative_to(self.root).with_suffix("").parts))
            for service, body in self._module(name).classes.items():
                if service.endswith("Service") and "." not in service:
                    for function in body.body:
                        if isinstance(function, ast.FunctionDef):
                            found.update(self._operation(name, service, function))
        return found

    def resources(self) -> dict[str, Node]:
        """Return the fields of each resource that the operations lead to, by its `object`."""
        done: dict[str, Node] = {}
        while todo := [name for name in self._resources if name not in done]:
            for name in todo:
                module, full = self._resources[name]
                done[name] = self._object(self._module(module).classes[full], module, (full,))
        return done

    def events(self) -> list[str]:
        """Return the types of events."""
        for statement in self._module("stripe._event").classes["Event"].body:
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "type":
                node = self._node(statement.annotation, "stripe._event", ("Event",))
                return [value for value in node["v"] if isinstance(value, str)]
        return []

    # --- Operations ---

    def _operation(
        self, module: str, service: str, function: ast.FunctionDef
    ) -> Iterator[tuple[str, tuple[Node, Node]]]:
        for call in ast.walk(function):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            if call.func.attr not in REQUESTS:
                continue
            method, path = call.args[0], call.args[1]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value  # "...".format(...)
            assert isinstance(method, ast.Constant)
            assert isinstance(path, ast.Constant)
            arguments = (*function.args.args, *function.args.kwonlyargs)
            wanted = next((a.annotation for a in arguments if a.arg == "params"), None)
            parameters: Node = {"t": "obj", "p": {}}
            if wanted is not None:
                parameters = self._node(wanted, module, (service,))
                parameters.pop("null", None)
            assert function.returns is not None
            answer = self._node(function.returns, module, (service,))
            if answer["t"] == "none":
                answer = {"t": "any"}
            yield f"{str(method.value).upper()} {path.value}", (parameters, answer)
            return

    # --- Names ---

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            path = self.root.joinpath(*name.split(".")[1:])
            file = path.with_suffix(".py")
            self._modules[name] = Module(file if file.exists() else path / "__init__.py")
        return self._modules[name]

    def _find(
        self, module: str, dotted: str, scope: Scope = ()
    ) -> tuple[str, ast.ClassDef | ast.expr, str] | None:
        """Return the module, definition and full name of a name that is used in a module."""
        here = self._module(module)
        for depth in range(len(scope), -1, -1):
            full = ".".join((*scope[:depth], dotted))
            if full in here.classes:
                return module, here.classes[full], full
        head, _, rest = dotted.partition(".")
        if head in here.aliases:
            return module, here.aliases[head], dotted
        origin, name = here.imports.get(head, ("", ""))
        if not origin.startswith("stripe"):
            return None
        full = f"{name}.{rest}" if rest else name
        there = self._module(origin)
        if full in there.classes:
            return origin, there.classes[full], full
        if name in there.imports:  # a package that hands its modules' names on
            return self._find(origin, full)
        if name in there.aliases:
            return origin, there.aliases[name], full
        return self._find(f"{origin}.{name}", rest)

    # --- Annotations ---

    def _node(self, annotation: ast.expr, module: str, scope: Scope = ()) -> Node:
        if isinstance(annotation, ast.Constant):
            if annotation.value is None:
                return {"t": "none"}
            return self._node(ast.parse(str(annotation.value), mode="eval").body, module, scope)
        if isinstance(annotation, ast.BinOp):
            return self._union([annotation.left, annotation.right], module, scope)
        if isinstance(annotation, (ast.Name, ast.Attribute)):
            return self._named(ast.unparse(annotation), module, scope)
        if isinstance(annotation, ast.Call):
            return self._typed_dict(annotation, module, scope)
        assert isinstance(annotation, ast.Subscript), ast.unparse(annotation)
        return self._generic(annotation, module, scope)

    def _generic(self, annotation: ast.Subscript, module: str, scope: Scope) -> Node:
        head = ast.unparse(annotation.value).rpartition(".")[2]
        inside = annotation.slice
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        if head == "Literal":
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            return {"t": "empty"} if values == [""] else {"t": "enum", "v": values}
        if head == "Union":
            return self._union(parts, module, scope)
        if head in MAPS:
            return {"t": "map", "of": self._node(parts[-1], module, scope)}
        node = self._node(parts[0], module, scope)
        if head in ("NotRequired", "Required"):
            return node
        if head == "Optional":
            return {**node, "null": True}
        if head in LISTS:
            return {"t": "list", "of": node}
        if head in ("ListObject", "SearchResultObject"):
            return {"t": "page", "of": node}
        if head == "ExpandableField":
            options = node["of"] if node["t"] == "union" else [node]
            return {"t": "id", "to": [option.get("to", "any") for option in options]}
        raise ValueError(f"{module}: {ast.unparse(annotation)}")

    def _union(self, parts: list[ast.expr], module: str, scope: Scope) -> Node:
        options: list[Node] = []
        is_null = False
        for part in parts:
            node = self._node(part, module, scope)
            is_null |= node["t"] == "none" or bool(node.pop("null", False))
            for option in node["of"] if node["t"] == "union" else [node]:
                if option["t"] != "none" and option not in options:
                    options.append(option)
        enums = [option for option in options if option["t"] == "enum"]
        if enums and {"t": "str"} in options:
            options.remove({"t": "str"})
            enums[0]["open"] = True
        node = options[0] if len(options) == 1 else {"t": "union", "of": options}
        return {**node, "null": True} if is_null else node

    def _named(self, dotted: str, module: str, scope: Scope) -> Node:
        last = dotted.rpartition(".")[2]
        if last in SCALARS:
            return {"t": SCALARS[last]}
        found = self._find(module, dotted, scope) if last not in SHAPELESS else None
        if found is None:
            return {"t": "any"}
        home, definition, full = found
        if not isinstance(definition, ast.ClassDef):
            return self._node(definition, home)
        name = _object_name(definition)
        if name and "." not in full:
            self._resources.setdefault(name, (home, full))
            return {"t": "ref", "to": name}
        return self._object(definition, home, tuple(full.split(".")))

    def _object(self, definition: ast.ClassDef, module: str, scope: Scope) -> Node:
        fields: dict[str, Node] = {}
        required: list[str] = []
        for base in definition.bases:  # names such as "from" come from a functional TypedDict
            aliases = self._module(module).aliases
            for depth in range(len(scope), -1, -1):
                value = aliases.get(".".join((*scope[:depth], ast.unparse(base))))
                if isinstance(value, ast.Call):
                    node = self._typed_dict(value, module, scope)
                    fields.update(node["p"])
                    required += node["req"]
                    break
        renamed = _remappings(definition)
        for statement in definition.body:
            if not (
                isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
            ):
                continue
            name = statement.target.id
            if name.startswith("_") or name == "OBJECT_NAME":
                continue
            name = renamed.get(name, name)
            fields[name] = self._node(statement.annotation, module, scope)
            if not _may_be_absent(statement.annotation):
                required.append(name)
        return {"t": "obj", "p": fields, "req": required}

    def _typed_dict(self, call: ast.Call, module: str, scope: Scope) -> Node:
        definition = call.args[1]
        assert isinstance(definition, ast.Dict)
        fields: dict[str, Node] = {}
        required: list[str] = []
        for key, value in zip(definition.keys, definition.values, strict=True):
            assert isinstance(key, ast.Constant)
            name = str(key.value)
            fields[name] = self._node(value, module, scope)
            if not _may_be_absent(value):
                required.append(name)
        return {"t": "obj", "p": fields, "req": required}


def _may_be_absent(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith(
        ("NotRequired", "Optional")
    )


def _object_name(definition: ast.ClassDef) -> str | None:
    for statement in definition.body:
        if (
            not isinstance(statement, ast.AnnAssign)
            or ast.unparse(statement.target) != "OBJECT_NAME"
        ):
            continue
        if isinstance(statement.value, ast.Constant):
            return str(statement.value.value)
    return None


def _remappings(definition: ast.ClassDef) -> dict[str, str]:
    for statement in definition.body:
        if not isinstance(statement, ast.Assign):
            continue
        if ast.unparse(statement.targets[0]) == "_field_remappings":
            return dict(ast.literal_eval(statement.value))
    return {}
