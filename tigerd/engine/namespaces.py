"""The daemon's knowledge of a table's namespaces: the existing ones, and those not retired yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tiger.format import layout


@dataclass
class Namespace:
    """A namespace of a table, as the daemon knows it."""

    name: str
    ref: int
    scope: int  # of its records' keys
    records: int
    counted: int  # the commit of the newer of the two counts
    count_at: int = layout.COUNT_A  # the word that holds it
    parent: str = ""  # the namespace it was forked from


class Namespaces(dict[str, Namespace]):
    """The namespaces of a table, by name."""

    def __init__(self, forks: Counter[str]) -> None:
        """Begin without any; `forks` counts the forks of each namespace, over all tables."""
        super().__init__()
        self._forks = forks
        self.by_scope: dict[int, Namespace] = {}
        """By scope, until they are retired: those that have ended too."""

    def adopt(self, namespace: Namespace) -> None:
        """Know a namespace that is there."""
        self[namespace.name] = self.by_scope[namespace.scope] = namespace
        if namespace.parent:
            self._forks[namespace.parent] += 1

    def begin(
        self, name: str, ref: int, scope: int, parent: Namespace | None, commit: int
    ) -> Namespace:
        """Know a namespace that begins, perhaps as a fork of another one; return it."""
        known = Namespace(name, ref, scope, parent.records if parent else 0, commit)
        known.parent = parent.name if parent else ""
        self.adopt(known)
        return known

    def forget(self, name: str) -> Namespace:
        """Know a namespace no more by its name; return it."""
        known = self.pop(name)
        if known.parent:
            self._forks[known.parent] -= 1
            if not self._forks[known.parent]:
                del self._forks[known.parent]
        return known
