"""One of a crowd: creates, updates, deletes and lists customers and products, and keeps a model.

    python crowd_worker.py DIRECTORY NUMBER COUNT ROUND

It begins when it is told the id of a customer that all write to, says a line after each round of so
many operations, and its model at the end.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import tigerstripe


class Member:
    """What one process does, and what must have come of it."""

    def __init__(self, account: tigerstripe.Account, number: int, everybodys: str) -> None:
        """Begin with nothing of its own."""
        self.everybodys = everybodys
        self.v1 = account.client().v1
        self.name = f"w{number}"
        self.chance = random.Random(number)
        self.mine: dict[str, dict[str, str]] = {}
        self.deleted: list[str] = []
        self.updates: dict[str, int] = {}
        self.shared = 0

    def service(self, id: str) -> Any:
        return self.v1.customers if id.startswith("cus_") else self.v1.products

    def create(self) -> None:
        metadata = {"of": self.name, "n": "0"}
        service = self.chance.choice([self.v1.customers, self.v1.products])
        made = service.create({"name": "A", "metadata": metadata})
        assert made.id not in self.mine
        self.mine[made.id] = metadata
        self.updates[made.id] = 0

    def update(self) -> None:
        id = self.chance.choice([*self.mine])
        count = self.updates[id] = self.updates[id] + 1
        self.mine[id] = {"of": self.name, "n": str(count)}
        got = self.service(id).update(id, {"metadata": {"n": str(count)}})
        assert got.metadata.to_dict() == self.mine[id]

    def update_shared(self) -> None:
        """Write what is this process's into a customer that all write to."""
        self.shared += 1
        value = str(self.shared)
        got = self.v1.customers.update(self.everybodys, {"metadata": {self.name: value}})
        assert got.metadata[self.name] == value

    def delete(self) -> None:
        id = self.chance.choice([*self.mine])
        assert self.service(id).delete(id).deleted
        del self.mine[id]
        self.deleted.append(id)

    def list(self) -> None:
        """Look for all of its own among everybody's, page by page."""
        for service, prefix in ((self.v1.customers, "cus_"), (self.v1.products, "prod_")):
            pages = service.list({"limit": 40}).auto_paging_iter()
            seen = [(o.id, o.metadata.to_dict()) for o in pages]
            found = [(id, metadata) for id, metadata in seen if metadata.get("of") == self.name]
            wanted = {id: m for id, m in self.mine.items() if id.startswith(prefix)}
            assert len(found) == len(wanted), (found, wanted)
            assert dict(found) == wanted

    def act(self) -> None:
        """Do one thing by chance."""
        actions = [self.create, self.create, self.update_shared]
        if self.mine:
            actions += [self.update, self.update, self.delete, self.list]
        self.chance.choice(actions)()


def main() -> None:
    directory, number, count, size = sys.argv[1:]
    with tigerstripe.connect(directory, namespace="crowd", timeout_s=30.0) as account:
        member = Member(account, int(number), sys.stdin.readline().strip())
        for done in range(1, int(count) + 1):
            member.act()
            if done % int(size) == 0:
                print(json.dumps(done), flush=True)
        member.list()
        model = {
            "mine": member.mine,
            "deleted": member.deleted,
            "updates": member.updates,
            "shared": member.shared,
        }
        print(json.dumps(model), flush=True)


if __name__ == "__main__":
    main()
