"""Writes down what is loaded and started."""

import os
import sys
from typing import Any

import pytest
from loaded import loaded

DONE: list[str] = []


def note(event: Any, arguments: Any) -> None:
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.mkdir"):
        words = [
            str(word)
            for argument in arguments
            for word in (argument if isinstance(argument, (list, tuple)) else [argument])
        ]
        if event == "os.fork" or any(w == "tigerd" or "tigerd-run" in w for w in words):
            DONE.append(event)


sys.addaudithook(note)


def tell() -> None:
    with open(f"loaded-{os.getpid()}", "w") as file:
        file.write(" ".join(loaded() + DONE))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):  # soon after it is made to end
        tell()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        tell()
