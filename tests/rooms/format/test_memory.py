"""Loads, stores and fences."""

from __future__ import annotations

import threading

from tiger.format import memory


def test_the_fence_of_other_processors_is_each_threads_own() -> None:
    """It takes and releases a lock; one lock for all threads would be released twice."""
    errors = []
    begin = threading.Barrier(4)

    def fence() -> None:
        begin.wait()
        try:
            for _ in range(20_000):
                memory._fence()
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=fence) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
