"""What is compiled belongs to the source beside it; and what this machine must be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tiger.format import speedups

ROOT = Path(__file__).parents[3]
USED = "from tiger.format import speedups; print(speedups.are_used())"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of both packages as they are installed here, compiled modules too."""
    for source in (ROOT / "client" / "tiger", ROOT / "tigerd"):
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("*.pyc"))
    if not list(tmp_path.glob(f"*/*/compiled{EXTENSION_SUFFIXES[0]}")):
        pytest.skip("nothing is compiled here")
    return tmp_path


def run(place: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TIGERD_PURE"}
    return subprocess.run(
        [sys.executable, *options, "-c", program],
        env={**environment, "PYTHONPATH": str(place)},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_module_compiled_from_this_source_is_used(copy: Path) -> None:
    done = run(copy, USED, "-W", "error")
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_it_is_used_where_its_source_is_not_installed(copy: Path) -> None:
    (copy / "tiger" / "format" / "compiled.pyx").unlink()
    assert run(copy, USED, "-W", "error").stdout == "True\n"


@pytest.mark.parametrize("source", ["compiled.pyx", "value.pxi"])
def test_a_module_compiled_from_another_source_is_left_out(copy: Path, source: str) -> None:
    with (copy / "tiger" / "format" / source).open("a") as file:
        file.write("# changed\n")
    done = run(copy, USED)
    assert done.stdout == "False\n"
    assert done.stderr.count("was compiled from another version of its source") == 1
    assert "install again" in done.stderr


def test_a_compiled_module_that_needs_a_removed_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def import_module(_: str) -> None:
        raise ModuleNotFoundError(name="tiger.gone")

    monkeypatch.delenv("TIGERD_PURE", raising=False)
    monkeypatch.setattr(speedups, "import_module", import_module)
    with pytest.warns(RuntimeWarning, match="was compiled from another version of its source"):
        assert speedups._load.__wrapped__("tiger.format.compiled") is None


def test_the_daemon_leaves_out_what_is_stale_too(copy: Path) -> None:
    with (copy / "tigerd" / "engine" / "compiled.pyx").open("a") as file:
        file.write("# changed\n")
    done = run(copy, "from tigerd.engine import table, facts; print(table._put())")
    assert done.stdout == "None\n"
    assert "tigerd/engine/compiled" in done.stderr


def test_a_compiled_module_does_not_contain_paths(copy: Path) -> None:
    """So that two builds of one source are equal."""
    for path in copy.glob(f"*/*/compiled{EXTENSION_SUFFIXES[0]}"):
        data = path.read_bytes()
        assert os.fsencode(ROOT) not in data
        assert os.fsencode(tempfile.gettempdir()) + b"/" not in data


def test_a_python_of_32_bits_is_refused() -> None:
    """By simulation: such a Python is not here."""
    done = run(ROOT / "client", "import sys; sys.maxsize = (1 << 31) - 1; import tiger")
    assert "ImportError: tigerd needs a 64-bit Python" in done.stderr
