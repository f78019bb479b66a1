"""The pytest plugin: one store for all workers of a run, and in it an account for each test.

    def test_checkout(tiger_store):
        tiger_store.coupons.insert({"id": "summer", "percent_off": 20})

This module is loaded in every pytest run of the environment, so it imports next to nothing: what
the fixtures need is loaded by the first test that uses one (tigerd.testing).

The process that the person started is the controller: xdist's, or without it the only one. It
chooses the instance's directory and ends the instance; whichever process is first to need it makes
and starts it. `docs/testing.md` is the page for users.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tiger import Store
    from tigerd.testing import Account, Instance, Run, Worker

KEEP = ("failed", "all", "none")

RUN = pytest.StashKey["Run"]()
"""In the config: the run, once something needed it."""
SETTINGS = pytest.StashKey[dict[str, Any]]()
"""In the config: what the controller chose: an instance to use, or the token of a new one."""
REPORTS = pytest.StashKey["Reports"]()
WORKER = pytest.StashKey["Worker"]()
"""In the config: this process's connection."""
ENDING = pytest.StashKey[list[Callable[[], None]]]()
"""In the config, while a test is torn down: what is to end after all of its fixtures."""
ACCOUNTS = pytest.StashKey[dict[str, "Account"]]()
"""In a test, module or session: the accounts that belong to it, by fixture."""
HAS_FAILED = pytest.StashKey[bool]()
"""In a test, module, or session: whether a test of it has failed."""
TOLD = pytest.StashKey[list[tuple[str, str]]]()
"""In a test whose teardown failed: the sections of its report."""


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
        default="none",
        help="after the run, keep the records of failed tests, of all, or of none (the default), "
        "to be looked at with `tigerd namespaces --dir ...`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and take over what the controller chose."""
    config.addinivalue_line(
        "markers",
        "tigerd(seed=FILE): let this test's tiger_store begin with the records of a JSON file "
        '({"coupons": [...], ...}) or of such a dict, instead of those of tiger_seed.',
    )
    config.stash[REPORTS] = Reports()
    config.pluginmanager.register(config.stash[REPORTS])
    if hasattr(config, "workerinput"):
        config.stash[SETTINGS] = config.workerinput["tigerd"]
        return
    # Taken now: fixtures put their own in its place.
    attached = config.getoption("tigerd_dir") or os.environ.get("TIGERD_DIR")
    if config.inipath is None and "--tigerd-dir" in config.invocation_params.args:
        raise pytest.UsageError(
            f"write it as --tigerd-dir={attached}: pytest, which does not know this option when it "
            f"looks for its settings, has taken the directory for one of tests"
        )
    config.stash[SETTINGS] = {
        "attached": os.path.abspath(attached) if attached else None,
        "token": os.urandom(8).hex(),
        "controller": os.getpid(),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist, also one that replaces another, which instance is the run's."""
    node.workerinput["tigerd"] = node.config.stash[SETTINGS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Look for the instance where a worker may have begun it and died before its first report."""
    if error:
        node.config.stash[REPORTS].may_be_used = True


def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    """Look for the instance where an interrupted controller hears no more of its workers."""
    code = pytest.ExitCode
    is_ended = exitstatus in (code.OK, code.TESTS_FAILED, code.NO_TESTS_COLLECTED)
    if session.config.pluginmanager.hasplugin("dsession") and not is_ended:
        session.config.stash[REPORTS].may_be_used = True


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell of an instance that is not the run's own."""
    attached = config.stash[SETTINGS].get("attached")
    return f"tigerd: using the instance at {attached}" if attached else None


class Reports:
    """What the tests' reports tell the controller, where those of all workers come together."""

    def __init__(self) -> None:
        """Begin with none."""
        self.has_failures = False
        self.may_be_used = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, and that the run has begun to use its instance."""
        self.has_failures = self.has_failures or report.failed
        self.may_be_used = self.may_be_used or getattr(report, "uses_tigerd", False)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where to look at what is kept."""
    run = _used_run(config)
    if run is not None and run.is_kept(has_failures=config.stash[REPORTS].has_failures):
        terminalreporter.section("tigerd")
        for line in run.describe_kept():
            terminalreporter.line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's instance, after everything else; workers leave that to the controller."""
    run = None if hasattr(config, "workerinput") else _used_run(config)
    if run is not None:
        run.end(has_failures=config.stash[REPORTS].has_failures)


def _used_run(config: pytest.Config) -> Run | None:
    """Return the run if its instance may be there.

    Asked at the end only: Ctrl-C in the middle of an import would leave half of a module.
    """
    if config.stash[REPORTS].may_be_used:
        return run_of(config)
    return config.stash.get(RUN, None)


def run_of(config: pytest.Config) -> Run:
    """Return the run that this process belongs to."""
    run = config.stash.get(RUN, None)
    if run is None:
        from tigerd.testing import Run  # noqa: PLC0415

        keep = config.getoption("tigerd_keep")
        run = config.stash[RUN] = Run.make(keep=keep, **config.stash[SETTINGS])
    return run


# --- Fixtures -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiger_seed() -> Any:
    """Return what every account begins with: None, a dict of lists of records, a path to such JSON.

    Override it in a conftest.py. It is loaded once a run, and forked for each account.
    """
    return None


@pytest.fixture(scope="session")
def _tiger_worker(pytestconfig: pytest.Config) -> Iterator[Worker]:
    from tigerd.testing import Worker, failing_plainly  # noqa: PLC0415

    with failing_plainly():
        worker = pytestconfig.stash[WORKER] = Worker(run_of(pytestconfig), pytestconfig.rootpath)
    yield worker
    del pytestconfig.stash[WORKER]
    _end(pytestconfig, worker.close)


@pytest.fixture(scope="session")
def tiger_instance(_tiger_worker: Worker) -> Instance:
    """Return the run's instance: `directory`, `socket`, and the daemon's `pid`."""
    return _tiger_worker.instance


@pytest.fixture
def tiger_store(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account of this test's own, which is gone after it."""
    yield from _account(request, _tiger_worker, tiger_seed)


@pytest.fixture(scope="module")
def tiger_store_module(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account that the tests of a module share."""
    yield from _account(request, _tiger_worker, tiger_seed)


@pytest.fixture(scope="session")
def tiger_store_session(
    request: pytest.FixtureRequest, _tiger_worker: Worker, tiger_seed: Any
) -> Iterator[Store]:
    """Give a store in an account that all tests of a worker share."""
    yield from _account(request, _tiger_worker, tiger_seed)


def _account(request: pytest.FixtureRequest, worker: Worker, seed: Any) -> Iterator[Store]:
    """Give an account for as long as the fixture lives."""
    from tigerd.testing import Account, failing_plainly, marked_seed  # noqa: PLC0415

    node = request.node
    with failing_plainly():
        if request.scope == "function":
            seed = marked_seed(node, seed)
        account = Account(worker, node.name, seed)
    fixture = request.fixturename
    assert fixture is not None
    node.stash.setdefault(ACCOUNTS, {})[fixture] = account
    yield account.store
    account.leave()

    def end() -> None:
        del node.stash[ACCOUNTS][fixture]
        with failing_plainly():
            account.close(has_failed=node.stash.get(HAS_FAILED, False))

    _end(request.config, end)


def _end(config: pytest.Config, end: Callable[[], None]) -> None:
    """End something now, or after the fixtures of the test that is torn down."""
    ending = config.stash.get(ENDING, None)
    if ending is None:
        end()
    else:
        ending.append(end)


# --- A test that failed ---------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note what the accounts that tests share hold before this one."""
    item.stash[HAS_FAILED] = False  # it may have been run before
    if TOLD in item.stash:
        del item.stash[TOLD]
    for _, account in _accounts_of(item, shared=True):
        account.mark()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """End the accounts after all fixtures: one of these may fail, and its report tells of them."""
    ending = item.config.stash[ENDING] = []
    with ExitStack() as stack:
        try:
            yield
        except BaseException:
            _note_failure(item)
            item.stash[TOLD] = list(_sections(item))
            raise
        finally:
            del item.config.stash[ENDING]
            for end in reversed(ending):
                stack.callback(end)
            for _, account in _accounts_of(item, shared=True):
                account.release_mark()  # it keeps the daemon from cleaning


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell in the report of a test that failed what it changed in its accounts."""
    report = yield
    if report.failed:
        _note_failure(item)
        told = item.stash.get(TOLD, None) if call.when == "teardown" else None
        report.sections.extend(_sections(item) if told is None else told)
    if RUN in item.config.stash:
        report.__dict__["uses_tigerd"] = True
    return report


def _note_failure(item: pytest.Item) -> None:
    for node in item.listchain():
        node.stash[HAS_FAILED] = True


def _sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    for fixture, account in (*_accounts_of(item, shared=True), *_accounts_of(item)):
        yield f"{fixture}: what this test changed", account.describe()


def _accounts_of(item: pytest.Item, *, shared: bool = False) -> Iterator[tuple[str, Account]]:
    """Yield the accounts that a test uses, and their fixtures: its own, or those it shares."""
    for node in item.listchain()[:-1] if shared else [item]:
        for fixture, account in node.stash.get(ACCOUNTS, {}).items():
            if not shared or fixture in getattr(item, "fixturenames", ()):
                yield fixture, account
