"""The command line. `tigerd serve` is in `tigerd.service.serve`, and starts without these modules.

A command lives in the module that `SECTIONS` names, and is loaded when it is called: so what
`get` needs is all that `get` loads.
"""

from __future__ import annotations

import click

from tiger.__about__ import __version__
from tigerd.cli.group import Commands

SECTIONS = {
    "The daemon": {
        "start": "daemon",
        "stop": "daemon",
        "restart": "daemon",
        "status": "status",
        "serve": "daemon",
        "run": "run",
        "where": "daemon",
    },
    "Records": {
        "tables": "listing",
        "namespaces": "listing",
        "ls": "listing",
        "count": "listing",
        "get": "records",
        "put": "records",
        "rm": "records",
        "clear": "records",
        "load": "transfer",
        "dump": "transfer",
    },
    "Observing": {"watch": "watch", "top": "top", "check": "check"},
    "Several machines": {"log": "log"},
    "The Stripe API": {"stripe": "stripe"},
    "Recovery": {"repair": "repair", "gc": "gc"},
    "The program": {"version": "about", "completion": "about"},
}
"""The commands as the help shows them, and the module of each."""


@click.group(
    cls=Commands,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 negative answer, 2 wrong usage, 3 unreachable, "
    "4 version mismatch, 5 time-out. Example: tigerd run -- pytest -n 4",
)
@click.version_option(__version__, prog_name="tigerd")
def cli() -> None:
    """Share records between processes: one daemon writes them, all read shared memory."""
