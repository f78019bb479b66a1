"""Where connections are to, noted by name."""

import json

import tiger


def where(store: tiger.Store) -> list[str]:
    return [str(store.directory), store.current_namespace]


def note(name: str, store: tiger.Store) -> None:
    with open("noted.txt", "a") as file:
        file.write(json.dumps([name, *where(store)]) + "\n")


PROGRAM = "import sys, places, tiger; s = tiger.connect(); places.note(sys.argv[1], s); s.close()"
