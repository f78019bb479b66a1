"""A runner that runs another test meanwhile."""

import importlib
import threading
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Set up and tear down another test meanwhile, as in a runner of threads."""
    environment = importlib.import_module("tigerd.pytest.run_environment").current()

    def other() -> None:
        environment.begin()
        environment.end()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    return (yield)
