"""What other processes send to a daemon's socket."""

from __future__ import annotations

import os
import socket

import zmq


def connected(endpoint: str, user: int = 0) -> zmq.Socket[bytes]:
    """Return a socket of that user's."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.linger = 0
    if user:
        os.setuid(user)
    dealer.connect(endpoint)
    return dealer


def is_answered(endpoint: str, user: int, hello: str, wait_ms: int) -> bool:
    dealer = connected(endpoint, user)
    dealer.send(bytes.fromhex(hello))
    return bool(dealer.poll(wait_ms))


def answers_to(endpoint: str, *frames: str) -> list[str]:
    dealer, answers = connected(endpoint), []
    for frame in frames:
        dealer.send(bytes.fromhex(frame))
        assert dealer.poll(20_000)
        answers.append(dealer.recv().hex())
    return answers


def ends_though_many_came(path: str) -> str:
    from tigerd.service.peers import Peers

    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    peers = Peers(context, router)
    router.bind(f"ipc://{path}")
    for _ in range(3000):  # nobody looks at what the monitor tells meanwhile
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    peers.close()
    context.destroy(linger=0)
    return "ended"
