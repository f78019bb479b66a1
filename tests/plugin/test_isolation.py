"""Each test has an account of its own, in whatever process it runs; runs do not see each other."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import HOLDING, Suite

SEED = {"coupons": [{"id": "summer", "percent_off": 20}], "plans": [{"amount": 1}, {"amount": 2}]}

FOUR_HUNDRED = """
import pytest
from holding import held

def fill(store, number):
    store.coupons.create({"id": f"of-{number}"})
    store.coupons.create({"id": "the-same"})
    store.plans.create({"amount": number})

@pytest.mark.parametrize("number", range(200))
def test_empty(tiger_store, number):
    assert held(tiger_store) == {}
    assert tiger_store.coupons.count() == 0
    fill(tiger_store, number)
    assert tiger_store.coupons.count() == 2

@pytest.mark.tigerd(seed="seed.json")
@pytest.mark.parametrize("number", range(200))
def test_seeded(tiger_store, number):
    assert held(tiger_store) == {"coupons": 1, "plans": 2}
    assert tiger_store.coupons.list().data == [{"id": "summer", "percent_off": 20}]
    assert [plan["amount"] for plan in tiger_store.plans.list().data] == [1, 2]
    fill(tiger_store, number)
    tiger_store.coupons.delete("summer")
    assert tiger_store.coupons.count() == 2
"""


def test_of_400_tests_each_has_an_account_of_its_own(suite: Suite) -> None:
    suite.write("test_many.py", FOUR_HUNDRED)
    suite.write("seed.json", json.dumps(SEED))
    suite.run("-q", "-n4").assert_outcomes(passed=400)
    assert len(suite.directories()) == 1
    assert len({place.daemon for place in suite.places()}) == 1
    assert len(suite.places()) == 4


def test_two_runs_at_once_do_not_see_each_other(suite: Suite) -> None:
    suite.write(
        "test_one.py",
        """
        import os, time
        from pathlib import Path
        import tiger

        def test_it(tiger_store, tiger_instance):
            tiger_store.coupons.create({"id": "A"})
            Path(f"run-{os.environ['RUN']}").touch()
            deadline = time.monotonic() + 30
            while not (Path("run-1").exists() and Path("run-2").exists()):
                assert time.monotonic() < deadline
            with tiger.connect(tiger_instance.directory) as store:
                assert list(store.namespaces()) == [tiger_store.current_namespace]
        """,
    )
    runs = []
    for number in ("1", "2"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RUN", number)
            runs.append(suite.start("-n", number))
    for run in runs:
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 0, output
    assert len(suite.directories()) == 2


def test_accounts_of_modules_and_workers_are_shared_by_their_tests(suite: Suite) -> None:
    text = """
        from holding import held

        def test_first(tiger_store_module, tiger_store_session, tiger_store):
            names = {store.current_namespace for store in
                     (tiger_store_module, tiger_store_session, tiger_store)}
            assert len(names) == 3
            assert held(tiger_store_module) == {}
            for store in (tiger_store_module, tiger_store_session):
                store.coupons.create({})

        def test_second(tiger_store_module, tiger_store_session, tiger_store):
            assert tiger_store_module.coupons.count() == 1
            assert tiger_store_session.coupons.count() == EXPECTED
            assert held(tiger_store) == {}
    """
    suite.write("test_a.py", text.replace("EXPECTED", "1"))
    suite.write("test_b.py", text.replace("EXPECTED", "2"))
    suite.run().assert_outcomes(passed=4)
    suite.write("test_b.py", text.replace("EXPECTED", "1"))
    suite.run("-n2", "--dist", "loadscope").assert_outcomes(passed=4)


def test_the_tests_of_a_class_share_an_account(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        from holding import held

        class TestOne:
            def test_first(self, tiger_store_class, tiger_store):
                assert held(tiger_store_class) == held(tiger_store) == {}
                tiger_store_class.coupons.create({})

            def test_second(self, tiger_store_class):
                assert tiger_store_class.coupons.count() == 1

        class TestTwo:
            def test_third(self, tiger_store_class):
                assert held(tiger_store_class) == {}

        def test_fourth(tiger_store_class):
            assert held(tiger_store_class) == {}
            tiger_store_class.coupons.create({})

        def test_fifth(tiger_store_class):
            assert held(tiger_store_class) == {}
        """,
    )
    suite.run().assert_outcomes(passed=5)


CHILDREN = """
import multiprocessing, os, subprocess, sys
import pytest
import tiger

PROGRAM = "import tiger; s = tiger.connect(); s.coupons.create({'id': 'C'}); s.close()"

def child():
    with tiger.connect() as store:
        store.coupons.create({"id": "C"})

def test_subprocess(tiger_store):
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    assert tiger_store.coupons.get("C") == {"id": "C"}

@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_multiprocessing(tiger_store, method):
    process = multiprocessing.get_context(method).Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert tiger_store.coupons.get("C") == {"id": "C"}

def test_the_newest_account_is_found(tiger_store_session, tiger_store_module):
    assert os.environ["TIGERD_NAMESPACE"] == tiger_store_module.current_namespace

def test_command_line(tiger_store):
    put = [sys.executable, "-m", "tigerd", "put", "coupons"]
    subprocess.run(put, input=b'{"id": "D"}', check=True)
    assert tiger_store.coupons.count() == 1
"""


def test_processes_that_a_test_starts_find_its_account(suite: Suite) -> None:
    suite.write("test_children.py", CHILDREN)
    suite.run("-n1").assert_outcomes(passed=5)


def test_settings_of_processes_go_with_the_account(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        import os

        def test_inside(tiger_store):
            assert os.environ["TIGERD_DIR"] == str(tiger_store.directory)
            assert os.environ["TIGERD_NAMESPACE"] == tiger_store.current_namespace

        def test_after():
            assert os.environ["TIGERD_NAMESPACE"].startswith("outside-main-")
        """,
    )
    suite.run().assert_outcomes(passed=2)


def test_odd_and_long_names(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        r"""
        import pytest

        LONG = pytest.param("", id="x" * 5000)

        @pytest.mark.parametrize("it", ["", "a/b\\c", "ä\n\x00", "..", LONG, "💥 '\"", "[]"])
        def test_it(tiger_store, it):
            tiger_store.coupons.create({"id": "A"})
            assert len(tiger_store.current_namespace) < 120
        """,
    )
    suite.run("-n2").assert_outcomes(passed=7)


def test_a_run_inside_a_test_uses_the_same_instance(suite: Suite) -> None:
    """As a suite does that tests a plugin of its own; in the same process too."""
    suite.conftest("pytest_plugins = 'pytester'")
    suite.write(
        "test_outer.py",
        """
        import os
        import pytest

        @pytest.mark.parametrize("how", ["subprocess", "inprocess"])
        def test_outer(tiger_store, pytester, how):
            tiger_store.coupons.create({"id": "A"})
            pytester.makepyfile(test_inner='''
                import os
                from holding import held

                def test_inner(tiger_store, tiger_instance):
                    assert held(tiger_store) == {}
                    assert os.environ["TIGERD_NAMESPACE"] == tiger_store.current_namespace
                    assert str(tiger_instance.directory) == %r
            ''' % str(tiger_store.directory))
            pytester.makepyfile(holding=HOLDING)
            namespace = os.environ["TIGERD_NAMESPACE"]
            run = pytester.runpytest_subprocess if how == "subprocess" else pytester.inline_run
            assert run().ret == 0
            assert os.environ["TIGERD_NAMESPACE"] == namespace
            assert list(tiger_store.namespaces()) == [namespace]
            assert tiger_store.ping()["pid"]
        """.replace("HOLDING", repr(HOLDING)),
    )
    suite.run().assert_outcomes(passed=2)
