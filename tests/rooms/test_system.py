"""Clocks, sockets and processes of the library are the system's, whatever a test puts there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tigerd
from tiger import system

PACKAGES = [Path(system.__file__).parent, Path(tigerd.__file__).parent]
LOADED = (
    "pytest/fixtures.py",
    "pytest/nodes.py",
    "pytest/plugin.py",
    "pytest/run_environment.py",
    "service/run_place.py",
)
APART = {Path(system.__file__), *(PACKAGES[1] / name for name in LOADED)}
"""That module, and those that pytest loads in every run, which do without `tiger`."""
MODULES = [path for package in PACKAGES for path in package.rglob("*.py") if path not in APART]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_module_takes_them_from_elsewhere(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        else:
            continue
        assert not names & set(system.__all__), f"line {node.lineno}: take them from tiger.system"
