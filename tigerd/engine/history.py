"""The recently changed records of each namespace: a rollback looks only at these.

It reaches back to the oldest pin, like everything that is kept for readers. It is only in the
daemon's own memory, so a rollback to a commit before the daemon started compares all records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from tigerd.engine.plan import Target


class History:
    """Changes by namespace, oldest first."""

    def __init__(self, begun: int) -> None:
        """Begin without knowledge of the commits until now."""
        self.begun = begun
        self._changes: dict[str, deque[tuple[int, int, bytes | None]]] = {}
        """Of each namespace: the commit, the table's number, the key."""
        self._order: deque[tuple[int, str]] = deque()
        """The commit and the namespace of each change."""

    def __bool__(self) -> bool:
        return bool(self._order)

    def note(self, commit: int, targets: Collection[Target]) -> None:
        """Remember the changes of a commit; commits come in order."""
        for table, namespace, key in targets:
            changes = self._changes.get(namespace)
            if changes is None:
                changes = self._changes[namespace] = deque()
            changes.append((commit, table, key))
            self._order.append((commit, namespace))

    def forget(self, commit: int, most: int) -> bool:
        """Forget what changed at or before a commit, the oldest first; return if that was all."""
        order = self._order
        for _ in range(most):
            if not order or order[0][0] > commit:
                return True
            name = order.popleft()[1]
            changes = self._changes[name]
            changes.popleft()
            if not changes:
                del self._changes[name]
        return False

    def since(self, commit: int, namespace: str) -> Iterator[tuple[int, bytes | None]]:
        """Yield table and key of each record that changed after a commit, newest first."""
        for changed, table, key in reversed(self._changes.get(namespace, ())):
            if changed <= commit:
                return
            yield table, key
