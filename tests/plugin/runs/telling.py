"""Tells of the instances that the processes of a run use: a plugin of every suite."""

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    made = yield
    if fixturedef.argname == "_tiger_worker":
        place = made.instance
        with open(os.environ["SUITE_PLACES"], "a") as file:
            file.write(f"{place.directory}\t{place.pid}\t{os.getpid()}\n")
    return made
