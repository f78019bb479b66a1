"""Processes of another user get no answer, even where the file system would let them in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tiger
from tiger import instance, protocol

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


MANY = """
import socket, sys
import zmq
from tigerd.peers import Peers

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
