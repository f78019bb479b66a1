"""Runs the recipes of Stripe's CLI on a server of an empty account: see scripts/test-cli.

    python -m tests.stripe.cli_recipes DIRECTORY [WORD...]

DIRECTORY has the CLI as npm installs it. What needs an operation that is not built is counted
apart; any other recipe that fails is told of, and makes the exit code 1.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KEY = "sk_test_recipes_of_the_official_cli"
NOT_BUILT = "status=501"


def main(directory: str, *words: str) -> int:
    """Run the recipes, and print how they end."""
    stripe = Path(directory).resolve() / "node_modules/.bin/stripe"
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "TIGERD_DIR": f"{home}/store"}
        names = [name for name in _names(stripe, env) if not words or any(w in name for w in words)]
        server = subprocess.Popen(
            [sys.executable, "-m", "tigerd", "stripe", "serve", "--port", "0"],
            stdout=subprocess.PIPE, env=env, text=True,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            ends = {name: _run(stripe, env, name, url) for name in names}
        finally:
            server.terminate()
            server.wait()
            _output([sys.executable, "-m", "tigerd", "stop"], env)
    failed = {name: said for name, said in ends.items() if said and NOT_BUILT not in said}
    absent = [name for name, said in ends.items() if said and NOT_BUILT in said]
    for name, said in failed.items():
        print(f"{name}: {said}")
    done = len(names) - len(failed) - len(absent)
    print(f"{done} of {len(names)} recipes, {len(absent)} need what is not built", *absent)
    return 1 if failed else 0


def _names(stripe: Path, env: dict[str, str]) -> list[str]:
    """Return the events that the CLI has recipes for."""
    told = _output([stripe, "trigger", "--help"], env)
    return re.findall(r"^  ([a-z0-9_]+(?:\.[a-z0-9_]+)+)$", told, re.MULTILINE)


def _run(stripe: Path, env: dict[str, str], name: str, url: str) -> str:
    """Run one recipe; return what it says if it fails."""
    said = _output([stripe, "trigger", name, "--api-base", url, "--api-key", KEY], env)
    return "" if "Trigger succeeded" in said else said.strip().splitlines()[-1]


def _output(command: list[Any], env: dict[str, str]) -> str:
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    return done.stdout + done.stderr


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
