"""A test from its setup to its report; the report of a failed test shows its changes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tigerd.pytest.nodes import (
    ENVIRONMENT,
    HAS_FAILED,
    accounts_of,
    failing_plainly,
    fixtures_of,
    note_failure,
    show,
    used,
)

if TYPE_CHECKING:
    from tigerd.pytest.accounts import Account

TOLD = pytest.StashKey[list[tuple[str, str]]]()
"""In a test whose teardown failed: the sections of its report."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Mark the state of shared accounts before this test."""
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
    for _, account in accounts_of(item, shared=True):
        account.mark()
    show(environment)


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
            note_failure(item)
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
            for _, account in accounts_of(item, shared=True):
                account.release_mark()  # it keeps the daemon from cleaning


def _closing(item: pytest.Item, account: Account) -> Callable[[], None]:
    """Return a function that ends an account that was begun without a fixture."""

    def end() -> None:
        with failing_plainly():
            account.close(has_failed=item.stash.get(HAS_FAILED, False))

    return end


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test the changes in its accounts."""
    report = yield
    if report.failed:
        note_failure(item)
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


def _sections(item: pytest.Item, error: BaseException | None = None) -> Iterator[tuple[str, str]]:
    """Yield the titles and texts of a test's sections."""
    environment = used(item.config)
    if environment is None:
        return
    if type(error).__name__ == "FailedHealthCheck" and "tiger_store" in fixtures_of(item):
        yield "tiger_store and hypothesis", HYPOTHESIS
    begun = [(account.label, account) for account in environment.here.accounts or []]
    for name, account in (*accounts_of(item, shared=True), *accounts_of(item), *begun):
        yield f"{name}: what this test changed", account.describe()
        failures = account.describe_failures()
        if failures is not None:
            yield f"{name}: requests that failed", failures
    from tiger import TigerError  # noqa: PLC0415
    from tigerd.pytest.accounts import undone_by  # noqa: PLC0415
    from tigerd.pytest.runs import Run  # noqa: PLC0415

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
