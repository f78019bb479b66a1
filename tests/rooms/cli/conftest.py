"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def cli(tigerd, shared_directory: str, shared_store) -> Command:
    """`cli(command, *arguments)`: on the namespace of `shared_store`."""

    def run(*arguments: str, **options: Any) -> Any:
        environment = {"TIGERD_NAMESPACE": shared_store.current_namespace}
        return tigerd(*arguments, directory=shared_directory, env=environment, **options)

    return run
