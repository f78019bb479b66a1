"""Compiles the optional part (tiger.speedups) when the project is installed or a wheel is built.

Where that cannot be done, for want of a compiler say, a warning is all, and the installation goes
on without.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

SOURCES = {
    "tiger.compiled": "client/tiger/compiled.pyx",
    "tigerd.compiled": "tigerd/compiled.pyx",
}


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
    paths = [source.removesuffix(".pyx") + EXTENSION_SUFFIXES[0] for source in SOURCES.values()]
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)  # of sources that may be others now
    extensions = cythonize(
        [Extension(name, [source]) for name, source in SOURCES.items()],
        build_dir=place,
        quiet=True,
    )
    folders = {name.partition(".")[0]: os.path.dirname(path) for name, path in SOURCES.items()}
    distribution = Distribution({"ext_modules": extensions, "package_dir": folders})
    command = distribution.get_command_obj("build_ext")
    command.inplace = True
    command.build_temp = command.build_lib = place
    command.ensure_finalized()
    command.run()
    return paths
