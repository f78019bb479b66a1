"""Compiles the optional part (`speedups`) when the project is installed or a wheel is built.

Where that cannot be done, for want of a compiler say, a warning is all, and the installation goes
on without.
"""

from __future__ import annotations

import os
import runpy
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

_sources = runpy.run_path(str(Path(__file__).parent / "client/tiger/format/sources.py"))
COMPILED: dict[str, tuple[str, ...]] = _sources["COMPILED"]
digest_of: Callable[[Iterable[Path]], str] = _sources["digest_of"]

FOLDERS = {"tiger": "client/tiger", "tigerd": "tigerd"}
"""Where each package is in a checkout."""
NO_DEBUG_INFORMATION = "-g0"
"""It names the folders of the build, so no two builds would be equal."""


class CompilingHook(BuildHookInterface[Any]):
    """Puts each module beside its source, where an editable installation looks for it too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and let a wheel take in what there is then."""
        os.chdir(self.root)
        try:
            with tempfile.TemporaryDirectory() as place:
                made = compile_in(place)
        except Exception as error:  # there is no end to what a compiler may lack
            self.app.display_warning(f"tigerd is not compiled, so slower: {error}")
        else:
            build_data["artifacts"] += made
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def compile_in(place: str) -> list[str]:
    """Compile with a folder for all that is in between, and return the modules' paths."""
    sources = {name: first for name, (first, *_) in COMPILED.items()}
    paths = [source.removesuffix(".pyx") + EXTENSION_SUFFIXES[0] for source in sources.values()]
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)  # of sources that may be others now
    extensions = cythonize(
        [_extension(name, source) for name, source in sources.items()],
        build_dir=place,
        quiet=True,
    )
    distribution = Distribution({"ext_modules": extensions, "package_dir": FOLDERS})
    command = distribution.get_command_obj("build_ext")
    command.inplace = True
    command.build_temp = command.build_lib = place
    command.ensure_finalized()
    command.run()
    return paths


def _extension(name: str, source: str) -> Extension:
    """Return what to compile; the module tells which sources it was made of."""
    digest = digest_of(map(Path, COMPILED[name]))
    return Extension(
        name,
        [source],
        define_macros=[("SOURCE_DIGEST", f'"{digest}"')],
        extra_compile_args=[NO_DEBUG_INFORMATION],
    )
