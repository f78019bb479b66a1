"""Following a page for users: its files are written, its commands run, what they print compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tigerd.service import ephemeral

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = "..."
PROJECT = "/home/ann/project"
"""Where the page's reader is."""
LEFT_OUT_PLUGINS = (
    "hypothesispytest", "anyio", "asyncio", "randomly", "rerunfailures", "time_machine",
)  # fmt: skip
"""Plugins of this installation: they take longer than most of these runs, or say more."""
RANDOM = re.compile(
    r"tigerd-run-\d+-[0-9a-f]{16}|seed-\d+-\d+-[0-9a-f]{16}|(?<=-)[0-9a-f]{16}"
    r"|(?<=evt_)\w{24}|(?<=in )\d+\.\d{2,3}s|(?<=pid )\d+|(?<=process )\d+"
)
"""What differs from run to run."""


class Reader:
    """Somebody who follows the page in a project of their own."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.seen: dict[str, str] = {}
        """What is random on the page, and what it was here."""
        self.not_run: set[str] = set()
        """Files that were written and not run since."""
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TIGERD"))},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PYTEST_ADDOPTS": " ".join(f"-p no:{name}" for name in LEFT_OUT_PLUGINS),
            "PYTHONDONTWRITEBYTECODE": "1",  # two versions of a file may be of one second
        }

    def write(self, name: str, content: str) -> None:
        assert name not in self.not_run, f"{name} is replaced before it was run"
        (self.project / name).write_text(content)
        self.not_run.add(name)

    def type(self, command: str, shown: list[str]) -> None:
        """Run a command, and compare what it prints."""
        for random, here in self.seen.items():
            command = command.replace(random, here)
        completed = subprocess.run(
            command,
            shell=True,
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        printed = completed.stdout + completed.stderr
        printed = printed.replace(str(self.project), PROJECT)
        printed = printed.replace(str(ephemeral.path_of("").parent), "/dev/shm")
        lines = iter(printed.splitlines())
        may_skip = False
        for line in shown:
            if line == LEFT_OUT:
                may_skip = True
                continue
            found = next((each for each in lines if self.is_same(line, each) or not may_skip), "")
            assert self.is_same(line, found), f"{command}: no line\n{line}\nin\n{printed}"
            may_skip = False
        assert may_skip or not list(lines), f"{command} prints more than is shown:\n{printed}"
        if command.startswith("pytest"):
            self.not_run.clear()

    def is_same(self, line: str, found: str) -> bool:
        """Tell whether two lines differ in what is random only, and remember that."""
        if RANDOM.split(line) != RANDOM.split(found):
            return False
        self.seen.update(zip(RANDOM.findall(line), RANDOM.findall(found), strict=True))
        return True

    def follow(self, page: str) -> None:
        """Write and run all blocks of a page in order."""
        blocks = BLOCK.findall(page)
        assert blocks
        for kind, content in blocks:
            if kind == "python":
                name = re.match(r"# (\S+\.py)\n", content)
                assert name, f"a block that does not begin with the name of a file:\n{content}"
                self.write(name[1], content)
            elif kind == "json":
                self.write("shop.json", content)
            elif kind == "console":
                for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                    command, *shown = part.splitlines()
                    self.type(command, shown)
            else:
                assert kind == "sh"  # what a test cannot do, as an installation
        assert not self.not_run


@contextmanager
def reading() -> Iterator[Reader]:
    """A reader in an empty directory; its name is short, for a daemon's socket will be in it."""
    project = Path(tempfile.mkdtemp(prefix="page-")).resolve()
    reader = Reader(project)
    yield reader
    kept = [ephemeral.path_of("").parent / name for name in reader.seen.values() if "run" in name]
    for directory in {project / "shop", *kept}:
        if directory.exists():
            ephemeral.remove(directory)
    shutil.rmtree(project)
