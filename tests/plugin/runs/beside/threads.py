"""Two tests at the same time in one process."""

import os
import threading

from tigerd.pytest import run_environment

environment = run_environment.RunEnvironment()
environment.enter()
both = threading.Barrier(2)
seen: list[tuple[str | None, str]] = []


def test(name: str) -> None:
    environment.begin()
    environment.here.test = name
    environment.show(name)
    both.wait()
    seen.append((environment.here.test, os.environ["TIGERD_NAMESPACE"]))
    both.wait()
    environment.end()


environment.begin()
environment.show("alone")
assert os.environ["TIGERD_NAMESPACE"] == "alone"
environment.end()
threads = [threading.Thread(target=test, args=[n]) for n in ("one", "two")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(seen) == [("one", environment.outside), ("two", environment.outside)], seen
assert environment.is_in_threads
environment.leave()
assert "TIGERD_NAMESPACE" not in os.environ
