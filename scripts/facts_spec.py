"""Reads from Stripe's OpenAPI document what the SDK's annotations do not say.

That is the greatest length of strings, which fields are only there when they are asked for, and
which are always there.
"""

from __future__ import annotations

import re
from typing import Any

Node = dict[str, Any]

USUAL_MAX = 5000
"""The length that is allowed where nothing else is said; it is not written down."""


def add_spec(document: Node, operations: dict[str, Node], resources: dict[str, Node]) -> None:
    """Add to nodes of the newest SDK what the document knows of the same operation or field."""
    names = {without_names(key): key for key in operations}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            key = names.get(without_names(f"{method.upper()} {path}"))
            if key is not None:
                _add_lengths(operations[key], _parameters(operation))
    for schema in document["components"]["schemas"].values():
        node = resources.get(schema.get("x-resourceId", ""))
        if node is not None and "properties" in schema:
            _add_presence(node, schema)


def without_names(operation: str) -> str:
    """Return an operation's key without the names in its path."""
    return re.sub(r"\{[^}]*\}", "{}", operation)


def _parameters(operation: Node) -> Node:
    properties = {p["name"]: p["schema"] for p in operation.get("parameters", ())}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        properties.update(content["schema"].get("properties", {}))
    return {"properties": properties}


def _add_lengths(node: Node, schema: Node) -> None:
    """Walk a node and its schema side by side."""
    options = schema.get("anyOf", [schema])
    if node["t"] == "str":
        lengths = [option["maxLength"] for option in options if "maxLength" in option]
        if lengths and max(lengths) != USUAL_MAX:
            node["max"] = max(lengths)
    elif node["t"] == "union":
        for part in node["of"]:
            _add_lengths(part, schema)
    for option in options:
        properties = option.get("properties", {})
        for name, field in node.get("p", {}).items():
            if name in properties:
                _add_lengths(field, properties[name])
        inside = option.get("items") or option.get("additionalProperties")
        if node["t"] in ("list", "map") and isinstance(inside, dict):
            _add_lengths(node["of"], inside)


def _add_presence(node: Node, schema: Node) -> None:
    always = set(schema.get("required", ()))
    asked = set(schema.get("x-expandableFields", ())) - always
    for name, field in node["p"].items():
        if name not in schema["properties"]:
            continue
        if name in always and name not in node["req"]:
            node["req"].append(name)
        is_null = schema["properties"][name].get("nullable", False)
        if name in asked and not is_null and field["t"] not in ("id", "ref"):
            field["asked"] = True
