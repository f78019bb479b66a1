"""Suites of a user: files that a pytest in a process of its own runs, with the plugin.

Every suite tells, by the plugin `runs/telling.py`, of the instances that its processes used. At the
end of each test all of them have to be gone, their daemons too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import zmq  # noqa: F401 - pytester unloads at a test's end what was loaded in it

from tigerstripe.children import BOOTSTRAP, PYTHONPATH

RUNS = Path(__file__).with_name("runs")
"""What suites are made of: their files, and modules that they import."""
collect_ignore = ["runs"]

BESIDE = (
    "anyio", "asyncio", "fakefs", "hypothesispytest", "randomly", "rerunfailures", "socket",
    "time_machine",
)  # fmt: skip
"""Other plugins that the tests install."""

GONE_S = 5.0
"""How long the files and processes of a run may be there after its end."""


class Place(NamedTuple):
    """What one process of a suite used."""

    directory: Path
    daemon: int
    process: int


class Suite:
    """A folder of tests, and the runs of it."""

    def __init__(
        self,
        pytester: pytest.Pytester,
        monkeypatch: pytest.MonkeyPatch,
        wait_until: Callable,
        is_alive: Callable[[int], bool],
    ) -> None:
        self.path = pytester.path
        self._pytester = pytester
        self._monkeypatch = monkeypatch
        self._wait_until = wait_until
        self._is_alive = is_alive
        self._places = self.path / "places.txt"
        monkeypatch.setenv("SUITE_PLACES", str(self._places))
        self._started: list[subprocess.Popen[str]] = []
        self.kept: list[Path] = []
        self.beside: tuple[str, ...] = ()
        """Which of the other plugins take part."""
        self.is_strict = True
        """Whether warnings are errors; else the suite's own settings say so."""

    def add(self, run: str, name: str = "test_it.py", **settings: object) -> Path:
        """Copy a file of `runs`, whose settings are in the environment; or a folder's files."""
        for word, value in settings.items():
            self._monkeypatch.setenv(word, str(value))
        source, path = RUNS / run, self.path / name
        if source.is_dir():
            return shutil.copytree(source, self.path, dirs_exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return shutil.copy(source, path)

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *arguments: object) -> pytest.RunResult:
        """Run all of it, or what the arguments say, to its end."""
        return self._pytester.runpytest_subprocess(*self._with_settings(arguments), timeout=110)

    def start(self, *arguments: object, stdin: str | None = None) -> subprocess.Popen[str]:
        """Run it beside the test, in a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *self._with_settings(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            cwd=self.path,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def _with_settings(self, arguments: tuple[object, ...]) -> list[str]:
        left_out = [f"-pno:{name}" for name in BESIDE if name not in self.beside]
        strict = ["-W", "error"] if self.is_strict else []
        return [*strict, "-p", "no:cacheprovider", *left_out, *map(str, arguments)]

    def places(self) -> list[Place]:
        """What the suite's processes used until now."""
        if not self._places.exists():
            return []
        rows = [line.split("\t") for line in self._places.read_text().splitlines()]
        return [Place(Path(path), int(daemon), int(process)) for path, daemon, process in rows]

    def directories(self) -> set[Path]:
        """The instances that were used until now."""
        return {place.directory for place in self.places()}

    def directory(self) -> Path:
        """The only instance that was used."""
        (only,) = self.directories()
        return only

    def check_gone(self) -> None:
        """Fail unless all that was used is gone, five seconds from now at the latest."""
        for place in self.places():
            if place.directory in self.kept:
                continue
            for there in (
                place.directory,
                *place.directory.parent.glob(f"{place.directory.name}*"),
            ):
                self._wait_until(
                    lambda there=there: not there.exists(), timeout_s=GONE_S, what=f"no {there}"
                )
            self._wait_until(
                lambda place=place: not self._is_alive(place.daemon),
                timeout_s=GONE_S,
                what=f"the end of daemon {place.daemon}",
            )

    def end(self) -> None:
        """Remove what there is in any case."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for place in self.places():
            if place.directory.name.startswith("tigerd-run-"):
                if place.directory.exists():
                    with suppress(ProcessLookupError):
                        os.kill(place.daemon, signal.SIGKILL)
                shutil.rmtree(place.directory, ignore_errors=True)


@pytest.fixture
def suite(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable,
    is_alive: Callable[[int], bool],
) -> Iterator[Suite]:
    """A user's suite, with nothing in it."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
    # An account that the tests of examples/ share may be there still, for what is started here.
    paths = [path for path in os.environ.get(PYTHONPATH, "").split(os.pathsep) if path != BOOTSTRAP]
    monkeypatch.setenv(PYTHONPATH, os.pathsep.join([str(RUNS), *paths]))
    monkeypatch.setenv("PYTEST_PLUGINS", "telling")
    # Two versions of a file may be of one second, and of one size.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    made = Suite(pytester, monkeypatch, wait_until, is_alive)
    try:
        yield made
        made.check_gone()
    finally:
        made.end()
