"""Writes down the environment of a test."""

import json
import os

import tiger


def test_it(tiger_store: tiger.Store) -> None:
    with open("environment.json", "w") as file:
        json.dump({n: v for n, v in os.environ.items() if n.startswith("TIGERD_")}, file)
