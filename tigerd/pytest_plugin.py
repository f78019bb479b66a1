"""The pytest plugin: one store for all workers of a run, and in it an account for each test.

    def test_checkout(tiger_store):
        tiger_store.coupons.insert({"id": "summer", "percent_off": 20})

This module is loaded in every pytest run of the environment, so it imports next to nothing: what
the fixtures need is loaded by the first test that uses one. And whatever runs the tests, it leaves
alone what does not use it.

The process that the person started is the controller: xdist's, or without it the only one. It
chooses the instance's directory (tigerd.run_environment) and ends the instance; whichever process
is first to need it makes and starts it. `docs/testing.md` is the page for users.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tigerd.run_environment import KEEP, NONE, RUN, RunEnvironment

if TYPE_CHECKING:
    import argparse

    from tiger import Store
    from tiger.aio import AsyncStore
    from tigerd.accounts import Account, Worker
    from tigerd.runs import Instance

ENVIRONMENT = pytest.StashKey[RunEnvironment]()
"""In the config: what all processes of the run find."""
HAS_FAILURES = pytest.StashKey[bool]()
"""In the config, at the end of the session: whether a test of any worker has failed."""
ACCOUNTS = pytest.StashKey[dict[str, "Account"]]()
"""In a test, class, module or session: the accounts that belong to it, by fixture."""
WIDE = pytest.StashKey[dict[str, str | None]]()
"""In the config: which account each fixture of a wide scope has that was set up."""
HAS_FAILED = pytest.StashKey[bool]()
"""In a test and all that it is in: whether a test of it has failed."""
TOLD = pytest.StashKey[list[tuple[str, str]]]()
"""In a test whose teardown failed: the sections of its report."""

XDIST_WORKER = "PYTEST_XDIST_WORKER"
"""The variable that names a worker of xdist; processes that it starts have it too."""

SHARED = {
    "tiger_store_class": "class",
    "tiger_store_module": "module",
    "tiger_store_session": "session",
}
"""The fixtures of accounts that several tests share, and their scopes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("tigerd", "a store that all workers share (tigerd)")
    group.addoption(
        "--tigerd-dir",
        dest="tigerd_dir",
        metavar="DIR",
        help="use the instance that runs at DIR, and let it run on. Default: TIGERD_DIR, or else "
        "an instance of this run's own",
    )
    group.addoption(
        "--tigerd-keep",
        dest="tigerd_keep",
        choices=KEEP,
        default=NONE,
        help="after the run, keep the records of failed tests, of all, or of none (the default), "
        "to be looked at with `tigerd namespaces --dir ...`",
    )


# --- A run ----------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Choose the run's instance before anything of the suite is imported, which may connect."""
    if os.name == "posix":
        # A worker is known as one later; until then, by what xdist and its controller have told it.
        worker = os.environ.get(XDIST_WORKER) if RUN in os.environ else None
        _enter(early_config, early_config.known_args_namespace, worker)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and see to it that the instance is what the suite's settings say."""
    config.addinivalue_line(
        "markers",
        "tigerd(seed=FILE): let this test's tiger_store begin with the records of a JSON file "
        '({"coupons": [...], ...}) or of such a dict, instead of those of tiger_seed.',
    )
    if os.name != "posix":
        return
    option = getattr(config.option, "tigerd_dir", None)
    if option is not None:
        _check_written(config, option)
    worker = None
    if hasattr(config, "workerinput"):  # xdist's, or some other runner's
        worker = os.environ.get(XDIST_WORKER) or str(os.getpid())
    environment = config.stash.get(ENVIRONMENT, None)
    if environment is None or environment.worker != worker or not environment.is_told_here():
        _enter(config, config.option, worker)
    config.pluginmanager.import_plugin("tigerd.pytest_stripe")


def _enter(config: pytest.Config, options: argparse.Namespace, worker: str | None) -> None:
    """Tell all processes that are started from here on of the run's instance."""
    before = config.stash.get(ENVIRONMENT, None)
    if before is not None:
        before.leave()
    environment = RunEnvironment(
        getattr(options, "tigerd_dir", None),
        keep=getattr(options, "tigerd_keep", NONE),
        worker=worker,
        root=str(config.rootpath),
    )
    environment.enter()
    config.add_cleanup(environment.leave)  # also of a run that does not come to its beginning
    config.stash[ENVIRONMENT] = environment
    config.stash[WIDE] = {}


def _check_written(config: pytest.Config, option: str) -> None:
    """Refuse `--tigerd-dir DIR`, in two words, where pytest has taken DIR for one of tests."""
    typed = [*config.invocation_params.args, *_added_options()]
    if config.inipath is None and "--tigerd-dir" in typed:
        raise pytest.UsageError(
            f"write it as --tigerd-dir={option}: pytest, which does not know this option when it "
            f"looks for its settings, has taken the directory for one of tests"
        )


def _added_options() -> list[str]:
    try:
        return shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    except ValueError:
        return []


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell of an instance that is not the run's own."""
    environment = config.stash.get(ENVIRONMENT, None)
    if environment is None or not environment.is_told:
        return None
    return f"tigerd: using the instance at {environment.directory}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note whether a test has failed, in whichever worker."""
    session.config.stash[HAS_FAILURES] = session.testsfailed > 0


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where to look at what is kept, and what was written outside of every account."""
    environment = _used(config)
    if environment is None or environment.is_worker:
        return
    from tiger import TigerError  # noqa: PLC0415
    from tigerd.runs import Run  # noqa: PLC0415

    lines = []
    with contextlib.suppress(TigerError, OSError):
        has_failures = config.stash.get(HAS_FAILURES, False)
        lines = list(Run(environment).describe(has_failures=has_failures))
    if lines:
        terminalreporter.section("tigerd")
    for line in lines:
        terminalreporter.line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's instance, after everything else; workers leave that to the controller."""
    environment = config.stash.get(ENVIRONMENT, None)
    if environment is None or environment.pid != os.getpid():
        return
    try:
        if _used(config) is not None:
            from tigerd.accounts import end_run  # noqa: PLC0415

            end_run(environment, has_failures=config.stash.get(HAS_FAILURES, False))
    finally:
        environment.leave()


def _used(config: pytest.Config) -> RunEnvironment | None:
    """Return the run's environment if some process of the run has used the instance."""
    environment = config.stash.get(ENVIRONMENT, None)
    is_used = environment is not None and os.path.lexists(environment.directory)
    return environment if is_used else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load what the fixtures need before a test puts something else in the place of a module."""
    is_run = not session.config.getoption("collectonly", False)
    if is_run and any("_tiger_worker" in _fixtures_of(item) for item in session.items):
        import tigerd.accounts  # noqa: F401, PLC0415


# --- Fixtures -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiger_seed() -> Any:
    """Return what every account begins with: None, a dict of lists of records, a path to such JSON.

    Or a file of `stripe fixtures`, or a function that is given a Stripe account. Override it in a
    conftest.py. Records are loaded once a run, requests made once a worker; accounts are forks.
    """
    return None


@pytest.fixture(scope="session")
def _tiger_worker(pytestconfig: pytest.Config) -> Worker:
    from tigerd.accounts import worker_of  # noqa: PLC0415
    from tigerd.runs import hide_library  # noqa: PLC0415

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
    """Give a store in an account of this test's own, which is gone after it."""
    yield from _account("tiger_store", request, _tiger_worker, tiger_seed)


@pytest.fixture
def tiger_store_aio(tiger_store: Store) -> Iterator[AsyncStore]:
    """Give a store of the same account as `tiger_store` whose writes are awaited."""
    from tigerd.accounts import async_store  # noqa: PLC0415

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
    from tigerd.accounts import Account  # noqa: PLC0415

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
    _show(environment)
    yield account.store
    account.is_left = True
    _show(environment)

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
    from tigerd.documents import InvalidDocument  # noqa: PLC0415

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


@contextlib.contextmanager
def failing_plainly() -> Iterator[None]:
    """Let an error of the store be the test's error, without the way it took through this code."""
    from tiger import TigerError  # noqa: PLC0415

    try:
        yield
    except (TigerError, OSError) as error:
        raise pytest.fail.Exception(f"tigerd: {error}", pytrace=False) from None


# --- Which account is found by what is started ----------------------------------------------------


def _show(environment: RunEnvironment, names: list[str | None] | None = None) -> None:
    """Let new processes find the narrowest account that the test of this thread uses, or none.

    Only what the test says that it uses counts, not what others have set up before.
    """
    item = environment.here.test
    if names is None and item is not None:
        accounts = (*_accounts_of(item, shared=True), *_accounts_of(item))
        names = [account.name for _, account in accounts if not account.is_left]
    environment.show(names[-1] if names else None)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let what a fixture of a wide scope starts find the account that the fixture asks for.

    It outlives the test that happens to be the first to need it, so that one's account is not its.
    """
    environment = request.config.stash.get(ENVIRONMENT, None)
    if environment is None or fixturedef.scope == "function":
        return (yield)
    wide = request.config.stash[WIDE]
    asked = [wide[name] for name in fixturedef.argnames if wide.get(name)]
    if fixturedef.argname not in SHARED:
        wide[fixturedef.argname] = asked[-1] if asked else None
    _show(environment, asked)
    try:
        return (yield)
    finally:
        _show(environment)


# --- A test that failed ---------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note what the accounts that tests share hold before this one."""
    item.stash[HAS_FAILED] = False  # it may have been run before
    if TOLD in item.stash:
        del item.stash[TOLD]
    environment = item.config.stash.get(ENVIRONMENT, None)
    if environment is None:
        return
    if environment.here.test is None:
        environment.begin()
    environment.here.test = item
    environment.here.accounts = []
    for _, account in _accounts_of(item, shared=True):
        account.mark()
    _show(environment)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """End the accounts after all fixtures: one of these may fail, and its report tells of them."""
    environment = item.config.stash.get(ENVIRONMENT, None)
    if environment is None:
        return (yield)
    here = environment.here
    ending = here.ending = []
    with ExitStack() as stack:
        try:
            return (yield)
        except BaseException:
            _note_failure(item)
            item.stash[TOLD] = list(_sections(item))
            raise
        finally:
            ending += [
                _closing(item, account) for account in here.accounts or [] if account.is_left
            ]
            here.ending = here.accounts = here.test = None
            environment.show(None)
            environment.end()
            for end in reversed(ending):
                stack.callback(end)
            for _, account in _accounts_of(item, shared=True):
                account.release_mark()  # it keeps the daemon from cleaning


def _closing(item: pytest.Item, account: Account) -> Callable[[], None]:
    """Return what ends an account that was begun without a fixture."""

    def end() -> None:
        with failing_plainly():
            account.close(has_failed=item.stash.get(HAS_FAILED, False))

    return end


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell in the report of a test that failed what it changed in its accounts."""
    report = yield
    if report.failed:
        _note_failure(item)
        told = item.stash.get(TOLD, None) if call.when == "teardown" else None
        error = call.excinfo.value if call.excinfo is not None else None
        for title, text in list(_sections(item, error)) if told is None else told:
            _add_section(report, title, text)
    return report


def _add_section(report: pytest.TestReport, title: str, text: str) -> None:
    """Add it to what tells of the error, which all kinds of reports show, or else beside it."""
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(title, text)
    else:
        report.sections.append((title, text))


def _note_failure(item: pytest.Item) -> None:
    for node in item.listchain():
        node.stash[HAS_FAILED] = True


def _sections(item: pytest.Item, error: BaseException | None = None) -> Iterator[tuple[str, str]]:
    """Yield the titles and texts of what there is to tell of a test."""
    environment = _used(item.config)
    if environment is None:
        return
    if type(error).__name__ == "FailedHealthCheck" and "tiger_store" in _fixtures_of(item):
        yield "tiger_store and hypothesis", HYPOTHESIS
    for fixture, account in (*_accounts_of(item, shared=True), *_accounts_of(item)):
        yield f"{fixture}: what this test changed", account.describe()
        failures = account.describe_failures()
        if failures is not None:
            yield f"{fixture}: requests that failed", failures
    for account in environment.here.accounts or []:
        yield f"{account.label}: what this test changed", account.describe()
    from tiger import TigerError  # noqa: PLC0415
    from tigerd.accounts import undone_by  # noqa: PLC0415
    from tigerd.runs import Run  # noqa: PLC0415

    for text in undone_by(error):
        yield "undone when the error left its block", text
    with contextlib.suppress(TigerError, OSError):  # then the accounts' sections say why
        outside = Run(environment).describe_outside()
        if outside is not None:
            yield "written outside of every account", outside


HYPOTHESIS = """\
All examples of @given would share the test's account. Give each one its own:
    def test_it(tiger_store_module, ...):
        with tiger_store_module.sandbox() as store:  # or fork(), which begins with the seed"""


def _accounts_of(item: pytest.Item, *, shared: bool = False) -> Iterator[tuple[str, Account]]:
    """Yield the accounts that a test uses, and their fixtures: its own, or those it shares."""
    for node in item.listchain()[:-1] if shared else [item]:
        for fixture, account in list(node.stash.get(ACCOUNTS, {}).items()):
            if not shared or fixture in _fixtures_of(item):
                yield fixture, account


def _fixtures_of(item: pytest.Item) -> list[str]:
    """Return the names of the fixtures that a test says it uses."""
    names: list[str] = getattr(item, "fixturenames", [])
    return names
