"""Connects wherever one can: in a module, in fixtures, in tests and in processes."""

import subprocess
import sys
import unittest

import places
import pytest

import tiger

store = tiger.connect()
places.note("module", store)


@pytest.fixture(scope="session")
def server() -> None:
    subprocess.run([sys.executable, "-c", places.PROGRAM, "server"], check=True)


@pytest.fixture(scope="session")
def server_of_session(tiger_store_session: tiger.Store) -> None:
    subprocess.run([sys.executable, "-c", places.PROGRAM, "server_of_session"], check=True)


@pytest.fixture(scope="session")
def client_of_it(server_of_session: None) -> None:
    with tiger.connect() as store:
        places.note("client_of_it", store)


def connect(name: str) -> str:
    with tiger.connect() as store:
        places.note(name, store)
        return store.current_namespace


def test_own(server: None, client_of_it: None, tiger_store: tiger.Store) -> None:
    assert connect("own") == tiger_store.current_namespace


def test_none(server: None) -> None:
    connect("none")


def test_session(server: None, tiger_store_session: tiger.Store) -> None:
    assert connect("session") == tiger_store_session.current_namespace


def test_dynamic(request: pytest.FixtureRequest, tiger_store: tiger.Store) -> None:
    request.getfixturevalue("tiger_store_session")
    request.getfixturevalue("client_of_it")
    assert connect("dynamic") == tiger_store.current_namespace


class TestDjango(unittest.TestCase):
    def test_case(self) -> None:
        connect("case")
