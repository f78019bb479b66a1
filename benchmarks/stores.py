"""Stores to be measured: filled once and kept where they are left as they were, else made anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.peers import PEERS, Peer
from benchmarks.processes import spec_of, start_workers
from benchmarks.workload import Load


class Stores:
    """Stores by (peer, load): those to be reused live as long as the stack, others for one use."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._kept: dict[tuple[str, Load], Future[Path]] = {}

    def fill(self, wanted: Iterable[tuple[str, Load]]) -> None:
        """Fill those that are reused, several at once, before anything is measured.

        One that cannot be filled fails what is measured in it.
        """
        reused = {(peer, load) for peer, load in wanted if load.reused}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for peer, load in sorted(reused, key=lambda one: one[1].size, reverse=True):
                    self._kept[peer, load] = pool.submit(self._keep, peer, load)
                wait(self._kept.values())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _keep(self, peer: str, load: Load) -> Path:
        return self._stack.enter_context(filled_store(peer, load))

    @contextmanager
    def store(self, peer: str, load: Load) -> Iterator[Path]:
        if load.reused:
            yield self._kept[peer, load].result()
            return
        with filled_store(peer, load) as directory:
            yield directory


@contextmanager
def filled_store(name: str, load: Load) -> Iterator[Path]:
    peer = PEERS[name]()
    with _temporary_directory() as directory:
        if not load.served:
            with _stopping_what_is_left(peer, directory):
                yield directory
            return
        try:
            peer.start(directory)
            if (load.count or load.more) and not peer.private:
                with ExitStack() as stack:
                    start_workers(stack, [spec_of(load, name, directory)])[0].read_line()
            yield directory
        finally:
            peer.stop(directory)


@contextmanager
def _stopping_what_is_left(peer: Peer, directory: Path) -> Iterator[None]:
    """After an interruption, stop servers that a worker has started below the directory."""
    try:
        yield
    except BaseException:
        for left in directory.iterdir():
            peer.stop(left)
        raise


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """Make a directory in memory where there is such a place: no peer is measured by its disk."""
    shared_memory = Path("/dev/shm")
    directory = Path(
        tempfile.mkdtemp(prefix="tb-", dir=shared_memory if shared_memory.is_dir() else None)
    )
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
