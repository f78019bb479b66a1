"""The pytest plugin: one store for all workers of a run, and in it an account for each test.

    def test_checkout(tiger_store):
        tiger_store.coupons.insert({"id": "summer", "percent_off": 20})

This module is loaded in every pytest run of the environment, so it imports next to nothing: what
the fixtures need is loaded by the first test that uses one. And whatever runs the tests, it leaves
alone what does not use it.

The process that the person started is the controller: xdist's, or without it the only one. It
chooses the instance's directory (tigerd.pytest.run_environment) and ends the instance; whichever
process is first to need it makes and starts it. `docs/testing.md` is the page for users.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from tigerd.pytest.nodes import ENVIRONMENT, WIDE, fixtures_of, used
from tigerd.pytest.run_environment import KEEP, NONE, RUN, RunEnvironment

if TYPE_CHECKING:
    import argparse

PARTS = ("tigerd.pytest.fixtures", "tigerd.pytest.reports", "tigerd.pytest.stripe_fixtures")
"""The rest of the plugin, which it registers."""

HAS_FAILURES = pytest.StashKey[bool]()
"""In the config, at the end of the session: whether a test of any worker has failed."""
XDIST_WORKER = "PYTEST_XDIST_WORKER"
"""The variable that names a worker of xdist; processes that it starts have it too."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("tigerd", "a store that all workers share (tigerd)")
    group.addoption(
        "--tigerd-dir",
        dest="tigerd_dir",
        metavar="DIR",
        help="use the instance that runs at DIR, and leave it running. Default: TIGERD_DIR, or "
        "else an instance of this run's own",
    )
    group.addoption(
        "--tigerd-log",
        dest="tigerd_log",
        metavar="URL",
        help="make this run's own instance follow a log that several machines share, "
        "nats://HOST:4222/STREAM. Default: TIGERD_LOG, or none",
    )
    group.addoption(
        "--tigerd-keep",
        dest="tigerd_keep",
        choices=KEEP,
        default=NONE,
        help="after the run, keep the records of failed tests, of all, or of none (the default); "
        "`tigerd namespaces --dir ...` shows them",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Choose the run's instance before anything of the suite is imported, which may connect."""
    if os.name == "posix":
        # A worker is known as one later; until then, by what xdist and its controller have told it.
        worker = os.environ.get(XDIST_WORKER) if RUN in os.environ else None
        _enter(early_config, early_config.known_args_namespace, worker)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and choose the instance by the suite's settings."""
    config.addinivalue_line(
        "markers",
        "tigerd(seed=FILE): begin this test's tiger_store with the records of a JSON file "
        '({"coupons": [...], ...}) or of such a dict, instead of tiger_seed.',
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
    for part in PARTS:
        config.pluginmanager.import_plugin(part)


def _enter(config: pytest.Config, options: argparse.Namespace, worker: str | None) -> None:
    """Pass the run's instance to all processes that are started from now on."""
    before = config.stash.get(ENVIRONMENT, None)
    if before is not None:
        before.leave()
    environment = RunEnvironment(
        getattr(options, "tigerd_dir", None),
        keep=getattr(options, "tigerd_keep", NONE),
        worker=worker,
        root=str(config.rootpath),
        log=getattr(options, "tigerd_log", None),
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
            f"write it as --tigerd-dir={option}: pytest looks for its settings before it knows "
            f"this option, and has taken the directory for a directory of tests"
        )


def _added_options() -> list[str]:
    try:
        return shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    except ValueError:
        return []


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the instance in the header, if it is not the run's own."""
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
    """Say where the kept records are, and which records were written outside of all accounts."""
    environment = used(config)
    if environment is None or environment.is_worker:
        return
    from tiger import TigerError  # noqa: PLC0415
    from tigerd.pytest.runs import Run  # noqa: PLC0415

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
        if used(config) is not None:
            from tigerd.pytest.accounts import end_run  # noqa: PLC0415

            end_run(environment, has_failures=config.stash.get(HAS_FAILURES, False))
    finally:
        environment.leave()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load the fixtures' modules before a test can replace one of them."""
    is_run = not session.config.getoption("collectonly", False)
    if is_run and any("_tiger_worker" in fixtures_of(item) for item in session.items):
        import tigerd.pytest.accounts  # noqa: F401, PLC0415
