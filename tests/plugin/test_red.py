"""The report of a test that failed tells what it changed."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Suite


def section(result: pytest.RunResult, test: str, fixture: str = "tiger_store") -> list[str]:
    """Return the lines of a test's section."""
    lines = result.outlines
    head = next(n for n, line in enumerate(lines) if line.strip("_ ").endswith(test))
    begin = next(
        n
        for n, line in enumerate(lines)
        if n > head and line.strip("-") == f" {fixture}: what this test changed "
    )
    end = next(n for n, line in enumerate(lines) if n > begin and line[:1] in "-_=")
    return lines[begin + 1 : end]


@pytest.mark.parametrize("workers", ["-n2", "-n0"])
def test_a_red_test_tells_what_it_changed(suite: Suite, workers: str) -> None:
    suite.add("red/changes.py")
    result = suite.run(workers)
    result.assert_outcomes(failed=5, passed=1, xfailed=1)
    four = [
        "created coupons new: percent_off=20",
        "updated coupons seed-1: percent_off 1 → 2",
        "deleted coupons seed-2: percent_off=1",
        "created plans last",
    ]
    for test in ("test_seeded", "test_without_daemon"):
        *changes, where = section(result, test)
        assert [line.rstrip(": ") for line in changes] == four
        assert where.startswith(f"(namespace {test}-")
        assert str(suite.directory()) in where
    assert section(result, "test_plain")[:-1] == ["created coupons seed-1: percent_off=2"]
    assert section(result, "test_nothing")[:-1] == ["(nothing changed)"]
    many = section(result, "test_many")[:-1]
    assert many[0] == "(20 earlier ones are left out)"
    assert [line.split()[2] for line in many[1:]] == [f"many-{n}:" for n in range(20, 50)]
    assert max(map(len, many)) <= 160
    for word in ("of-a-green-test", "of-an-expected"):
        assert word not in result.stdout.str()


@pytest.mark.parametrize("workers", ["-n1", "-n0"])
def test_of_shared_accounts_it_tells_what_this_test_changed(suite: Suite, workers: str) -> None:
    suite.add("red/shared.py")
    result = suite.run(workers)
    result.assert_outcomes(failed=3, passed=1)
    told = section(result, "test_second", "tiger_store_module")[:-1]
    assert [line.rstrip(": ") for line in told] == [
        "created coupons of-second",
        "updated coupons of-first: percent_off=5 is new",
    ]
    assert section(result, "test_second")[:-1] == ["(nothing changed)"]
    told = section(result, "test_third", "tiger_store_session")[:-1]
    assert [line.rstrip(": ") for line in told] == ["deleted coupons of-first"]
    assert result.stdout.str().count("what this test changed") == 3


def test_changes_undone_by_an_error_are_reported(suite: Suite) -> None:
    suite.add("red/blocks.py")
    result = suite.run("-n1")
    result.assert_outcomes(failed=5)
    text = result.stdout.str()
    for line in (
        "deleted coupons seed",
        "created coupons of-sandbox",
        "created coupons of-fork",
        "created coupons of-await",
    ):
        assert text.count(line) == 1, text
    assert text.count("undone when the error left its block") == 4
    told = section(result, "test_savepoint")[:-1]
    assert [line.rstrip(": ") for line in told] == ["created coupons before"]
    assert "created coupons of-expected" not in text


@pytest.mark.parametrize("workers", ["-n1", "-n0"])
def test_fixtures_that_fail(suite: Suite, workers: str) -> None:
    """The account of a test whose teardown fails is there when its report is made, and kept."""
    suite.add("red/fixtures.py")
    result = suite.run(workers, "--tigerd-keep", "failed")
    result.assert_outcomes(passed=3, errors=4)
    assert section(result, "setup of test_setup")[0].startswith("created coupons of-setup")
    for test in ("test_teardown", "test_outer"):
        told = section(result, f"teardown of {test}")[:-1]
        assert [line.rstrip(": ") for line in told] == ["created coupons of-test"]
    told = section(result, "teardown of test_teardown", "tiger_store_module")[:-1]
    assert [line.rstrip(": ") for line in told] == ["created coupons of-teardown"]
    assert section(result, "teardown of test_module", "tiger_store_module")[:-1] == [
        "(nothing changed)"
    ]

    import tiger

    suite.kept.append(suite.directory())
    with tiger.connect(suite.directory(), autostart=False) as store:
        kept = {name.rsplit("-", 1)[0]: count for name, count in store.namespaces().items()}
    assert kept.items() >= {"test_setup": 2, "test_teardown": 2, "test_outer": 2}.items()
