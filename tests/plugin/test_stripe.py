"""The fixtures of Stripe accounts, in a user's suite whose code knows nothing of them."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Suite


@pytest.mark.parametrize("workers", ["-n2", "-n0"])
def test_accounts_of_tests_and_of_what_they_share(suite: Suite, workers: str) -> None:
    suite.add("sdk/uses.py")
    loadscope = ["--dist=loadscope"] if workers == "-n2" else []
    suite.run(workers, *loadscope).assert_outcomes(passed=10)


def test_after_it_the_process_is_as_it_was(suite: Suite) -> None:
    suite.add("sdk/leaves_nothing.py")
    suite.run().assert_outcomes(passed=2)


FIXTURES = """
{"_meta": {"template_version": 0},
 "fixtures": [
   {"name": "tea", "path": "/v1/products", "method": "post", "params": {"name": "Tea"}},
   {"name": "price", "path": "/v1/prices", "method": "post",
    "params": {"product": "${tea:id}", "unit_amount": 900, "currency": "eur"}}]}
"""


@pytest.mark.parametrize(("kind", "workers"), [("function", 2), ("file", 0), ("dict", 0)])
def test_seeds_that_are_requests(suite: Suite, kind: str, workers: int) -> None:
    suite.write("shop.json", FIXTURES)
    suite.add("sdk/seeded.py")
    suite.add("sdk/seeds.py", "conftest.py", KIND=kind)
    suite.run(f"-n{workers}").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"fixtures": 5}', "fixtures is no list of requests"),
        ('{"fixtures": [{"method": "post"}]}', r"fixtures[0] needs a path"),
        ('{"fixtures": [{"path": "/v1/coupons"}]}', r"fixtures[0], POST /v1/coupons: answered wi"),
        ('{"fixtures": [{"path": "/v1/coupons/${a:id}"}]}', "${a:id} stands for nothing"),
    ],
)
def test_a_file_of_requests_that_is_wrong_is_said_so(suite: Suite, document, said) -> None:
    suite.write("shop.json", document)
    suite.write("test_it.py", "def test_it(tiger_stripe): pass")
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed():
            return "shop.json"
        """,
    )
    result = suite.run()
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str().replace("\nE   ", "")
    assert "Traceback" not in result.stdout.str()


def test_a_red_test_tells_of_requests_that_failed_and_of_what_changed(suite: Suite) -> None:
    suite.add("sdk/red.py")
    result = suite.run()
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    first, second = text.split("test_without_a_failed_request", 1)
    assert "tiger_store: requests that failed" in first
    assert "GET /v1/customers/cus_of_child 404 resource_missing: No such customer" in first
    assert "POST /v1/coupons 400" in first
    assert "fail_next('GET /v1/prices') waits" in first
    assert "created customers cus_" in first
    assert "created coupons C" in second
    assert "requests that failed" not in second
    for hidden in ("idempotency_keys", "request_log", "account_settings"):
        assert f"created {hidden}" not in text


def test_a_red_case_of_unittest_tells_of_requests_that_failed(suite: Suite) -> None:
    suite.add("sdk/case.py")
    result = suite.run()
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "stripe: requests that failed" in text
    assert "GET /v1/customers/cus_of_child 404 resource_missing: No such customer" in text
    assert "POST /v1/coupons 400" in text
    assert "cus_of_green" not in text


def test_without_the_sdk_it_is_said_what_to_install(suite: Suite) -> None:
    suite.write("conftest.py", "import sys; sys.modules['stripe'] = None")
    suite.write("test_it.py", "def test_it(tiger_stripe): pass")
    result = suite.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*tiger_stripe: the `stripe` package is not installed*"])
    assert "Traceback" not in result.stdout.str()


SEEDLESS = """
import pytest

@pytest.fixture(scope="session")
def tiger_seed():
    return None
"""


def test_a_seed_whose_function_fails_is_the_functions_error(suite: Suite) -> None:
    suite.add("sdk/uses_broken_seed.py", "z/test_it.py")
    suite.add("sdk/broken_seed.py", "conftest.py")
    suite.write("z/conftest.py", SEEDLESS)
    (suite.path / "test_a.py").write_text("def test_it(tiger_stripe): pass")
    result = suite.run("-n0")
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(["*No such product: 'prod_none'*"])
