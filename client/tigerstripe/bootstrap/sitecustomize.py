"""Lets a Python process that a test started use the test's account, with no change of its code.

`tigerstripe.children` puts this folder on PYTHONPATH, and Python imports a module of this name when
it starts. It waits for `stripe` to be imported, and then installs the account of `TIGERD_DIR` and
`TIGERD_NAMESPACE`. A process that never imports `stripe` loads nothing for it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is not loaded: it would take longer than all else here
if TYPE_CHECKING:
    from typing import Any


def _chain() -> None:
    """Import the sitecustomize module that Python would have found without this one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    ours = sys.modules.pop(__name__, None)
    try:
        __import__("sitecustomize")
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if ours is not None:  # there is none where this file is run by its path
            sys.modules.setdefault(__name__, ours)


class _Waiting:
    """Stands first among those that find modules, until `stripe` is asked for."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find `stripe` as the others do, and install the account when it was loaded."""
        if name != "stripe":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec: Any = finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        loader, load = spec.loader, spec.loader.exec_module

        def exec_module(module: Any) -> None:
            del loader.exec_module  # a reload installs nothing
            load(module)
            _install()

        loader.exec_module = exec_module
        return spec


def _install() -> None:
    try:
        import tigerstripe  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError(
            f"this process was started by a test that has a Stripe account of its own, but "
            f"{sys.executable} has no module {error.name}: install tigerd[stripe] there, or start "
            f"the process without {os.path.dirname(os.path.abspath(__file__))} on its PYTHONPATH"
        ) from None
    tigerstripe.install()


if os.environ.get("TIGERD_DIR"):
    sys.meta_path.insert(0, _Waiting())
_chain()
