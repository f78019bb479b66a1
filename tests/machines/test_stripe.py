"""tigerstripe on several hosts: one account, whichever host a request comes to."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe

import tigerstripe
from tests.machines.machines import Machines, machines
from tests.support.processes import wait_for

DAY_S = 86_400


@pytest.fixture(scope="module")
def shared() -> Iterator[Machines]:
    """Two hosts that the tests of this module share; each has an account of its own."""
    with machines("A", "B") as made:
        yield made


Accounts = tuple[tigerstripe.Account, tigerstripe.Account]


@pytest.fixture
def accounts(shared: Machines, request: pytest.FixtureRequest) -> Iterator[Accounts]:
    """One account, as each of the hosts has it."""
    name = request.node.name
    with (
        shared["A"].connect(namespace=name, everywhere=True) as a,
        shared["B"].connect(namespace=name, everywhere=True) as b,
    ):
        yield tigerstripe.Account(a), tigerstripe.Account(b)


def both(accounts: Accounts, call: object) -> list[object]:
    """Call for each host's client at once; return what came, errors too."""

    def one(account: tigerstripe.Account) -> object:
        try:
            return call(account.client())  # type: ignore[operator]
        except stripe.StripeError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, accounts))


def test_what_one_host_creates_the_other_has(accounts: Accounts) -> None:
    a, b = (account.client() for account in accounts)
    made = a.v1.customers.create({"name": "Ann"})
    assert b.v1.customers.retrieve(made.id).name == "Ann"
    b.v1.customers.update(made.id, {"name": "Bo"})
    assert a.v1.customers.retrieve(made.id).name == "Bo"
    assert [event.type for event in a.v1.events.list().data] == [
        "customer.updated",
        "customer.created",
    ]


def test_an_idempotency_key_is_one_on_all_hosts(accounts: Accounts) -> None:
    for number in range(10):
        found = both(
            accounts,
            lambda client: client.v1.customers.create(
                {"name": "Ann"},
                {"idempotency_key": f"key-{number}"},  # noqa: B023 - called at once
            ),
        )
        ids = {each.id for each in found if isinstance(each, stripe.Customer)}
        assert len(ids) == 1, found
    assert len(accounts[0].client().v1.customers.list({"limit": 100}).data) == 10


def test_a_promotion_code_is_given_once_by_all_hosts(accounts: Accounts) -> None:
    coupon = accounts[0].client().v1.coupons.create({"percent_off": 10, "duration": "once"})
    promotion = {"type": "coupon", "coupon": coupon.id}
    for number in range(10):
        found = both(
            accounts,
            lambda client: client.v1.promotion_codes.create(
                {"promotion": promotion, "code": f"CODE{number}"}  # noqa: B023
            ),
        )
        kinds = Counter(isinstance(each, stripe.PromotionCode) for each in found)
        assert kinds == {True: 1, False: 1}, found


def test_a_clock_that_one_host_advances_is_everybodys(accounts: Accounts) -> None:
    a, b = accounts
    price = a.client().v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Plan"},
        }
    )
    customer = a.client().v1.customers.create({"email": "ann@example.com"})
    b.client().v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "collection_method": "send_invoice",
            "days_until_due": 3,
        }
    )
    before = a.now
    b.advance(days=40)
    assert a.now == b.now
    assert a.now - before >= 40 * DAY_S
    invoices = [account.client().v1.invoices.list().data for account in accounts]
    assert len(invoices[0]) == 2
    assert [each.id for each in invoices[0]] == [each.id for each in invoices[1]]


def test_webhooks_are_sent_once_though_all_hosts_send(accounts: Accounts) -> None:
    heard: Counter[str] = Counter()
    lock = threading.Lock()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                heard[json.loads(body)["id"]] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            a, b = accounts
            url = f"http://127.0.0.1:{server.server_port}/"
            a.client().v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
            for number in range(30):
                accounts[number % 2].client().v1.customers.create({"name": f"{number}"})
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(lambda account: account.deliver(), (a, b)))
            wait_for(lambda: len(heard) == 30, "30 events", 15)
        finally:
            server.shutdown()
            thread.join()
    assert set(heard.values()) == {1}
