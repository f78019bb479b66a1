"""What README prints runs as printed, by somebody who copies it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def block(heading: str, language: str) -> str:
    """The first lines of that language below a heading."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    [text, *_] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return text


@pytest.fixture
def run(directory: str, tmp_path: Path):
    """`run(command)`: in an empty directory, with an instance of its own."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        completed = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "TIGERD_DIR": directory, "PATH": path},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed

    return run


def test_the_lines_of_python_run_as_printed(run, tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(block("Ten lines of Python", "python"))
    assert run(sys.executable, "-W", "error", "lines.py").stderr == ""


def test_the_lines_of_a_test_and_of_shell_run_as_printed(run, tmp_path: Path) -> None:
    """The shell's `tigerd run -- pytest` finds the test."""
    (tmp_path / "test_paid.py").write_text(block("A test without Stripe", "python"))
    shell = run("bash", "-e", "-o", "pipefail", "-c", block("Ten lines of shell", "sh"))
    assert "1 passed" in shell.stdout
    assert "loaded 1 record" in shell.stdout


def test_the_lines_of_stripe_run_as_printed(run, tmp_path: Path) -> None:
    """They stand before the first heading; the first line of each names its file."""
    first = README.partition("\n## ")[0]
    for name, text in re.findall(r"```python\n# (\S+)\n(.*?)```", first, re.DOTALL):
        (tmp_path / name).write_text(text)
    assert "2 passed" in run("tigerd", "run", "--", "pytest", "-q").stdout


def test_the_docstring_of_the_library_runs_as_printed(run) -> None:
    import tiger

    assert tiger.__doc__ is not None
    lines = tiger.__doc__.partition("\n\n")[2]
    run(sys.executable, "-W", "error", "-c", lines)
