"""The fixtures of Stripe accounts, in a user's suite whose code knows nothing of them."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Suite

SHOP = """
import stripe

def sign_up(email):
    return stripe.Customer.create(email=email)
"""

SUITE = """
import os, subprocess, sys
import pytest
import stripe
import shop

@pytest.mark.parametrize("number", range(4))
def test_each_has_an_account(tiger_stripe, number):
    shop.sign_up(f"{number}@example.com")
    assert [customer.email for customer in stripe.Customer.list()] == [f"{number}@example.com"]

def test_a_child_uses_it(tiger_stripe):
    subprocess.run([sys.executable, "-c", "import shop; shop.sign_up('c@example.com')"], check=True)
    assert [customer.email for customer in stripe.Customer.list()] == ["c@example.com"]

@pytest.fixture(scope="module")
def worker(tiger_stripe_module):
    code = "import sys, shop; sys.stdin.readline(); shop.sign_up('worker@example.com')"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    yield process
    process.wait()

def test_a_process_of_the_module_uses_that_account(tiger_stripe_module, worker):
    worker.communicate(b"go")
    assert [customer.email for customer in stripe.Customer.list()] == ["worker@example.com"]

class TestOfAClass:
    def test_first(self, tiger_stripe_class):
        shop.sign_up("a@example.com")
    def test_second(self, tiger_stripe_class):
        assert tiger_stripe_class.store.customers.count() == 1

def test_the_session_has_one(tiger_stripe_session, tiger_stripe):
    assert stripe.api_key == tiger_stripe.api_key != tiger_stripe_session.api_key

def test_a_forked_child_uses_it(tiger_stripe):
    if (child := os.fork()) == 0:
        shop.sign_up("a@example.com")
        os._exit(0)
    os.waitpid(child, 0)
    shop.sign_up("b@example.com")
    assert tiger_stripe.store.customers.count() == 2
"""


@pytest.mark.parametrize("workers", ["-n2", "-n0"])
def test_accounts_of_tests_and_of_what_they_share(suite: Suite, workers: str) -> None:
    suite.write("shop.py", SHOP)
    suite.write("test_it.py", SUITE)
    suite.conftest("import sys; sys.path.insert(0, '.')")
    loadscope = ["--dist=loadscope"] if workers == "-n2" else []
    suite.run(workers, *loadscope).assert_outcomes(passed=10)


def test_after_it_the_process_is_as_it_was(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        import os, stripe
        from stripe._api_requestor import _APIRequestor

        BEFORE = os.environ.get("PYTHONPATH"), _APIRequestor._get_http_client, stripe.api_key

        def test_uses(tiger_stripe):
            assert os.environ["PYTHONPATH"] != BEFORE[0]

        def test_does_not():
            after = os.environ.get("PYTHONPATH"), _APIRequestor._get_http_client, stripe.api_key
            assert after == BEFORE
        """,
    )
    suite.run().assert_outcomes(passed=2)


FIXTURES = """
{"_meta": {"template_version": 0},
 "fixtures": [
   {"name": "tea", "path": "/v1/products", "method": "post", "params": {"name": "Tea"}},
   {"name": "price", "path": "/v1/prices", "method": "post",
    "params": {"product": "${tea:id}", "unit_amount": 900, "currency": "eur"}}]}
"""

SEEDED = """
import stripe

def test_it_begins_with_it(tiger_stripe, number=0):
    (price,) = stripe.Price.list(expand=["data.product"])
    assert (price.unit_amount, price.product.name) == (900, "Tea")
    stripe.Product.create(name="Cup")

def test_each_has_its_own(tiger_stripe):
    assert [product.name for product in stripe.Product.list()] == ["Tea"]
"""


@pytest.mark.parametrize("kind", ["function", "file", "dict"])
def test_seeds_that_are_requests(suite: Suite, kind: str) -> None:
    suite.write("shop.json", FIXTURES)
    suite.write("test_it.py", SEEDED)
    seed = {
        "function": "make",
        "file": "'shop.json'",
        "dict": "json.loads(pathlib.Path('shop.json').read_text())",
    }[kind]
    suite.conftest(f"""
        import json, pathlib, stripe

        def make(account):
            tea = stripe.Product.create(name="Tea")
            stripe.Price.create(product=tea.id, unit_amount=900, currency="eur")
            assert account.store.prices.count() == 1

        @pytest.fixture(scope="session")
        def tiger_seed():
            return {seed}
        """)
    suite.run("-n2").assert_outcomes(passed=2)


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
    suite.conftest("""
        @pytest.fixture(scope="session")
        def tiger_seed():
            return "shop.json"
        """)
    result = suite.run()
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str().replace("\nE   ", "")
    assert "Traceback" not in result.stdout.str()


RED = """
import subprocess, sys
import pytest, stripe

CHILD = '''
import stripe
try:
    stripe.Customer.retrieve("cus_of_child")
except stripe.InvalidRequestError:
    pass
'''

def test_red(tiger_stripe):
    stripe.Customer.create(name="Jane")
    stripe.Customer.list()
    tiger_stripe.fail_next("GET /v1/prices", status=500)
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    stripe.Coupon.create(percent_off=500)

def test_without_a_failed_request(tiger_stripe):
    stripe.Coupon.create(id="C", percent_off=50)
    assert False
"""


def test_a_red_test_tells_of_requests_that_failed_and_of_what_changed(suite: Suite) -> None:
    suite.write("test_it.py", RED)
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


CASE = """
import subprocess, sys, unittest
import stripe
from tigerd.testing import stripe_account

CHILD = "import stripe; stripe.Customer.retrieve('cus_of_child')"

class TestCase(unittest.TestCase):
    def setUp(self):
        block = stripe_account({"customers": [{"id": "cus_1", "object": "customer"}]})
        self.account = block.__enter__()
        self.addCleanup(block.__exit__, None, None, None)

    def test_red(self):
        subprocess.run([sys.executable, "-c", CHILD], stderr=subprocess.DEVNULL)
        stripe.Coupon.create(percent_off=500)

    def test_green(self):
        stripe.Customer.retrieve("cus_1")
        with self.assertRaises(stripe.InvalidRequestError):
            stripe.Customer.retrieve("cus_of_green")
"""


def test_a_red_case_of_unittest_tells_of_requests_that_failed(suite: Suite) -> None:
    suite.write("test_it.py", CASE)
    result = suite.run()
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "stripe: requests that failed" in text
    assert "GET /v1/customers/cus_of_child 404 resource_missing: No such customer" in text
    assert "POST /v1/coupons 400" in text
    assert "cus_of_green" not in text


def test_without_the_sdk_it_is_said_what_to_install(suite: Suite) -> None:
    suite.conftest("import sys; sys.modules['stripe'] = None")
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
    suite.write(
        "test_it.py",
        """
        def test_it(tiger_stripe):
            pass

        def test_nothing_of_it_is_left(tiger_store_session):
            seeds = [name for name in tiger_store_session.namespaces() if name.startswith("seed")]
            assert not seeds
        """,
    )
    suite.conftest("""
        import stripe

        @pytest.fixture(scope="session")
        def tiger_seed(request):
            def stock(account):
                stripe.Product.create(name="Tea")
                stripe.Price.create(product="prod_none", currency="eur", unit_amount=1)
            return stock
        """)
    suite.write("z/conftest.py", SEEDLESS)
    (suite.path / "test_it.py").rename(suite.path / "z" / "test_it.py")
    (suite.path / "test_a.py").write_text("def test_it(tiger_stripe): pass")
    result = suite.run("-n0")
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(["*No such product: 'prod_none'*"])
