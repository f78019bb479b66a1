"""Processes of another user get no answer, even where the file system would let them in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tiger
from tests.hostile.trials import peer
from tiger.format import protocol
from tiger.place import instance

NOBODY = 65534
SPEAK = """
import os, sys
import zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
if int(sys.argv[2]):
    os.setuid(int(sys.argv[2]))
socket.connect(sys.argv[1])
socket.send(bytes.fromhex(sys.argv[3]))
print("answered" if socket.poll(int(sys.argv[4])) else "silence")
"""


def speak(directory: str, user: int, wait_ms: int) -> str:
    """Have another process say hello as that user, and return what came of it."""
    hello = protocol.pack([protocol.VERSION, 77, -1, 1 << 40, True, [[protocol.HELLO]]])
    arguments = [instance.endpoint(Path(directory)), str(user), hello.hex(), str(wait_ms)]
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_peer_of_another_user_is_refused(directory: str, wait_until) -> None:
    with tiger.connect(directory) as store:
        store.ping()
        assert speak(directory, 0, 5000) == "answered"
        Path(directory).chmod(0o711)
        instance.socket_path(Path(directory)).chmod(0o777)
        try:
            assert speak(directory, NOBODY, 500) == "silence"
        finally:
            Path(directory).chmod(0o700)
        log = Path(directory, instance.LOG_NAME)
        wait_until(lambda: "refused a peer" in log.read_text(), timeout_s=5, what="the log line")
        assert f":{NOBODY}:" in log.read_text()
        assert store.ping()["commit"] == 0


ANOTHER = """
import sys
import zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(sys.argv[1])
for frame in sys.argv[2:]:
    socket.send(bytes.fromhex(frame))
    assert socket.poll(20000)
    print(socket.recv().hex())
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="there ZeroMQ does not say which process")
def test_a_client_is_one_process_s_however_another_came_to_its_number(directory: str) -> None:
    """Its slot is answered to that process only; after a restart, to the first one that speaks."""

    def frame(slot: int, number: int, *operation: object) -> bytes:
        return protocol.pack([protocol.VERSION, 77, slot, number, True, [list(operation)]])

    def said_by_another(*frames: bytes) -> list[int]:
        command = [sys.executable, "-c", ANOTHER, instance.endpoint(Path(directory))]
        done = subprocess.run(
            [*command, *(frame.hex() for frame in frames)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [protocol.unpack_reply(bytes.fromhex(line))[1] for line in done.stdout.split()]

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


MANY = """
import socket, sys
import zmq
from tigerd.service.peers import Peers

path = sys.argv[1]
context = zmq.Context()
router = context.socket(zmq.ROUTER)
peers = Peers(context, router)
router.bind("ipc://" + path)
for _ in range(3000):  # nobody looks at what the monitor tells meanwhile
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
peers.close()
context.destroy(linger=0)
print("ended")
"""


def test_a_daemon_ends_though_many_came_while_it_was_busy(directory: str) -> None:
    Path(directory).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", MANY, f"{directory}/socket"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "ended\n"
