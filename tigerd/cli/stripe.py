"""`tigerd stripe`: the commands on the Stripe API that `tigerstripe` answers.

Only these modules of tigerd know `tigerstripe`, and they load it when a command runs.
"""

from __future__ import annotations

import click

from tigerd.cli.group import Commands

SECTIONS = {
    "The server": {"serve": "stripe_serve", "run": "stripe_run"},
    "Observing": {
        "events": "stripe_account",
        "requests": "stripe_account",
        "routes": "stripe_routes",
    },
    "Acting": {
        "deliver": "stripe_account",
        "advance": "stripe_account",
        "complete": "stripe_account",
        "trigger": "stripe_routes",
    },
}
"""The commands as the help shows them, and the module of each."""


@click.group(
    cls=Commands,
    sections=SECTIONS,
    epilog="Example: tigerd stripe serve --port 0. Not affiliated with Stripe.",
)
def stripe() -> None:
    """Serve the Stripe API, and inspect its accounts."""
