"""Python programs that are measured as a whole, from their start to their end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import PROJECT

IGNORED = ("PYTEST_ADDOPTS", "TIGERD_NAMESPACE", "PYTHONDONTWRITEBYTECODE")
"""Of the environment; without bytecode a checkout would be slower than an installation."""
SHOWN = 5  # lines of what a program said, if it fails


def run_program(code: str, *arguments: str) -> None:
    """Run some lines of Python, which may import what is in the checkout."""
    _run(PROJECT, "-c", code, *arguments)


def run_pytest(suite: Path, plugins: Sequence[str], workers: int = 0, **settings: str) -> None:
    """Run the tests of a directory, in so many workers if any, with no plugins but these."""
    options = ["-pxdist", f"-n{workers}"] if workers else []
    named = [f"-p{name}" for name in plugins]
    _run(suite, "-m", "pytest", *options, *named, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **settings)


def _run(directory: Path, *arguments: str, **settings: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in IGNORED}
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**environment, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        # The harness shows the last line of what a worker says.
        what = "pytest" if arguments[:2] == ("-m", "pytest") else "the program"
        said = " | ".join(ended.stdout.splitlines()[-SHOWN:])
        sys.exit(f"{what} ended with {ended.returncode}: {said}")
