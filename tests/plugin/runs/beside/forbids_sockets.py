"""A test that may not use sockets, and uses an account."""

import socket

import pytest
from pytest_socket import SocketBlockedError

import tiger


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_it(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "A"})
    with pytest.raises(SocketBlockedError):
        socket.socket()
