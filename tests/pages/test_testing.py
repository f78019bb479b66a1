"""docs/testing.md names all that the plugin has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tigerd.pytest import accounts, fixtures, plugin, run_environment, runs

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
MODULES = (fixtures, plugin, run_environment, runs, accounts)
CODE = "".join(Path(str(module.__file__)).read_text() for module in MODULES)


def names_of_fixtures() -> Iterator[str]:
    """Yield the names of the plugin's fixtures that are for users."""
    for node in ast.parse(Path(str(fixtures.__file__)).read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if any(name.startswith("pytest.fixture") for name in decorators):
                yield node.name


@pytest.mark.parametrize(
    "name",
    [
        *names_of_fixtures(),
        *sorted(set(re.findall(r'"(--tigerd-[\w-]+)', CODE))),
        *sorted(set(re.findall(r'"(TIGERD_[A-Z]+)"', CODE))),
        *run_environment.KEEP,
        "@pytest.mark.tigerd(seed",
    ],
)
def test_the_tables_of_the_page_name_all_that_the_plugin_has(name: str) -> None:
    section = PAGE.partition("\n## Reference\n")[2].partition("\n## ")[0]
    assert re.search(rf"^\|.*`{re.escape(name)}\b", section, re.MULTILINE)


def test_the_plugin_has_what_this_file_looks_for() -> None:
    assert {"tiger_store", "tiger_seed", "tiger_instance"} <= {*names_of_fixtures()}
    assert "--tigerd-dir" in CODE
    assert '"TIGERD_NAMESPACE"' in CODE
