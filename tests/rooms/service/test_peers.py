"""Processes of another user get no answer, even where the file system would let them in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import tiger
from tests.hostile.trials import peer
from tests.rooms.service.programs import peers
from tiger.format import protocol
from tiger.place import instance

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_peer_of_another_user_is_refused(directory: str, wait_until, run_program) -> None:
    with tiger.connect(directory) as store:
        store.ping()
        hello = protocol.pack([protocol.VERSION, 77, -1, 1 << 40, True, [[protocol.HELLO]]])
        endpoint = instance.endpoint(Path(directory))
        assert run_program(peers.is_answered, endpoint, 0, hello.hex(), 5000)
        Path(directory).chmod(0o711)
        instance.socket_path(Path(directory)).chmod(0o777)
        try:
            assert not run_program(peers.is_answered, endpoint, NOBODY, hello.hex(), 500)
        finally:
            Path(directory).chmod(0o700)
        log = Path(directory, instance.LOG_NAME)
        wait_until(lambda: "refused a peer" in log.read_text(), timeout_s=5, what="the log line")
        assert f":{NOBODY}:" in log.read_text()
        assert store.ping()["commit"] == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="there ZeroMQ does not say which process")
def test_a_client_is_one_process_s_however_another_came_to_its_number(
    directory: str, run_program
) -> None:
    """Its slot is answered to that process only; after a restart, to the first one that speaks."""

    def frame(slot: int, number: int, *operation: object) -> bytes:
        return protocol.pack([protocol.VERSION, 77, slot, number, True, [list(operation)]])

    def said_by_another(*frames: bytes) -> list[int]:
        endpoint = instance.endpoint(Path(directory))
        answers = run_program(peers.answers_to, endpoint, *(frame.hex() for frame in frames))
        return [protocol.unpack_reply(bytes.fromhex(answer))[1] for answer in answers]

    hello = frame(-1, 1 << 40, protocol.HELLO)
    with tiger.connect(directory) as store, peer(Path(directory)) as dealer:
        store.coupons.insert({"id": "A"})
        dealer.send(hello)
        slot = protocol.unpack_reply(dealer.recv())[2][0]
        delete = frame(slot, 1, protocol.DELETE, store.coupons._resource.number, "global", "A")
        assert said_by_another(hello, delete) == [protocol.EVICTED, protocol.EVICTED]
        assert "A" in store.coupons
        with peer(Path(directory)) as same:  # another connection of the process that has it
            same.send(delete)
            assert protocol.unpack_reply(same.recv())[1] == protocol.DONE
        assert "A" not in store.coupons


def test_a_daemon_ends_though_many_came_while_it_was_busy(directory: str, run_program) -> None:
    Path(directory).mkdir(parents=True, exist_ok=True)
    assert run_program(peers.ends_though_many_came, f"{directory}/socket") == "ended"
