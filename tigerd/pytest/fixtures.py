"""The fixtures of accounts: `tiger_store`, and those that several tests share.

The plugin registers this module in every run, so it imports next to nothing; what a fixture needs
is loaded by the first test that uses it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tigerd.pytest.nodes import ACCOUNTS, ENVIRONMENT, HAS_FAILED, WIDE, failing_plainly, show

if TYPE_CHECKING:
    from tiger import Store
    from tiger.aio import AsyncStore
    from tigerd.pytest.accounts import Worker
    from tigerd.pytest.runs import Instance

SHARED = ("tiger_store_class", "tiger_store_module", "tiger_store_session")
"""The fixtures of accounts that several tests share."""


@pytest.fixture(scope="session")
def tiger_seed() -> Any:
    """Return the seed of every account; override it in a conftest.py.

    It may be None, a dict of lists of records, the path of a JSON file of such a dict or of `stripe
    fixtures`, or a function of a Stripe account. Records are loaded once in a run, and requests are
    made once in each worker; accounts are forks of the result.
    """
    return None


@pytest.fixture(scope="session")
def _tiger_worker(pytestconfig: pytest.Config) -> Worker:
    from tigerd.pytest.accounts import worker_of  # noqa: PLC0415
    from tigerd.pytest.runs import hide_library  # noqa: PLC0415

    hide_library()
    with failing_plainly():
        worker = worker_of(pytestconfig.stash[ENVIRONMENT])
        worker.run.end_process_with_it()
    return worker


@pytest.fixture(scope="session")
def tiger_instance(_tiger_worker: Worker) -> Instance:
    """Return the run's instance: `directory`, `socket`, and the daemon's `pid`."""
    return _tiger_worker.instance


@pytest.fixture
def tiger_store(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in this test's own account, which is cleared after the test."""
    yield from _account("tiger_store", request, _tiger_worker, tiger_seed)


@pytest.fixture
def tiger_store_aio(tiger_store: Store) -> Iterator[AsyncStore]:
    """Give a store of the same account as `tiger_store` whose writes are awaited."""
    from tigerd.pytest.accounts import async_store  # noqa: PLC0415

    store = async_store(tiger_store)
    yield store
    with contextlib.suppress(StopIteration):  # it waits for nothing, and the loop may be closed
        store.close().send(None)


@pytest.fixture(scope="class")
def tiger_store_class(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account that the tests of a class share."""
    yield from _account("tiger_store_class", request, _tiger_worker, tiger_seed)


@pytest.fixture(scope="module")
def tiger_store_module(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account that the tests of a module share."""
    yield from _account("tiger_store_module", request, _tiger_worker, tiger_seed)


@pytest.fixture(scope="session")
def tiger_store_session(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account that all tests of a worker share."""
    yield from _account("tiger_store_session", request, _tiger_worker, tiger_seed)


def _account(
    fixture: str, request: pytest.FixtureRequest, worker: Worker, seed: Any
) -> Iterator[Store]:
    """Give an account for as long as the fixture lives."""
    from tigerd.pytest.accounts import Account  # noqa: PLC0415

    node = request.node
    environment = worker.run.environment
    with failing_plainly():
        if request.scope == "function":
            seed = _marked_seed(node, seed)
        account = Account(worker, node.name, seed)
    accounts = node.stash.setdefault(ACCOUNTS, {})
    accounts[fixture] = account
    if fixture in SHARED:
        request.config.stash[WIDE][fixture] = account.name
    show(environment)
    yield account.store
    account.is_left = True
    show(environment)

    def end() -> None:
        accounts.pop(fixture, None)
        with failing_plainly():
            account.close(has_failed=node.stash.get(HAS_FAILED, False))

    ending = environment.here.ending
    if ending is None:
        end()
    else:
        ending.append(end)


def _marked_seed(node: pytest.Item, seed: Any) -> Any:
    """Return the seed of a test: its marker's, or else the one given."""
    from tigerd.tools.documents import InvalidDocument  # noqa: PLC0415

    marker = node.get_closest_marker("tigerd")
    if marker is None:
        return seed
    if marker.args or set(marker.kwargs) != {"seed"}:
        given = [*map(repr, marker.args), *(f"{k}={v!r}" for k, v in marker.kwargs.items())]
        raise InvalidDocument(
            f"the marker tigerd({', '.join(given):.80}) of {node.nodeid} needs one argument, seed: "
            f'write @pytest.mark.tigerd(seed="shop.json")'
        )
    found = marker.kwargs["seed"]
    is_path = isinstance(found, (str, os.PathLike))
    return os.fspath(node.path.parent / found) if is_path else found


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let processes of a fixture of a wide scope find the account that the fixture requests.

    Such a fixture outlives the first test that needs it, so it does not use that test's account.
    """
    environment = request.config.stash.get(ENVIRONMENT, None)
    if environment is None or fixturedef.scope == "function":
        return (yield)
    wide = request.config.stash[WIDE]
    asked = [wide[name] for name in fixturedef.argnames if wide.get(name)]
    if fixturedef.argname not in SHARED:
        wide[fixturedef.argname] = asked[-1] if asked else None
    show(environment, asked)
    try:
        return (yield)
    finally:
        show(environment)
