"""tigerstripe on several hosts: one account, whichever host a request comes to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stripe

import tigerstripe
from tests.machines.machines import Machines, machines
from tests.stripe.node import run_scenario
from tests.stripe.serving import Served, serving
from tests.support.processes import PROJECT, Worker, wait_for

DAY_S = 86_400
COURIER = Path(__file__).with_name("courier.py")
SCENARIOS = "tests/machines/remote_scenarios.py"


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


def test_a_record_created_on_one_host_is_on_the_other(accounts: Accounts) -> None:
    a, b = (account.client() for account in accounts)
    made = a.v1.customers.create({"name": "Ann"})
    assert b.v1.customers.retrieve(made.id).name == "Ann"
    b.v1.customers.update(made.id, {"name": "Bo"})
    assert a.v1.customers.retrieve(made.id).name == "Bo"
    assert [event.type for event in a.v1.events.list().data] == [
        "customer.updated",
        "customer.created",
    ]


def test_a_savepoint_of_one_host_takes_back_what_both_did(accounts: Accounts) -> None:
    a, b = accounts
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Tea"}}
    kept = a.client().v1.customers.create({"name": "Ann"})
    before = len(a.events())
    with a.savepoint():
        a.client().v1.customers.update(kept.id, {"name": "Bo"})
        a.fail_next("POST /v1/customers", status=500)
        b.client().v1.prices.create(price)
        b.advance(days=2)
        assert len(b.events()) > before
    for account in accounts:
        assert account.client().v1.customers.retrieve(kept.id).name == "Ann"
        assert account.client().v1.prices.list().data == []
        assert len(account.events()) == before
    assert b.client().v1.customers.create({"name": "Cid"}).name == "Cid"  # no failure waits


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


@pytest.fixture
def shop() -> Iterator[ThreadingHTTPServer]:
    """A server that counts the events that it gets."""
    lock = threading.Lock()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                server.heard[json.loads(body)["id"]] += 1  # type: ignore[attr-defined]
            server.wait()  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.heard = Counter()  # type: ignore[attr-defined]
        server.wait = lambda: None  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def listen(shop: ThreadingHTTPServer, account: tigerstripe.Account) -> Counter[str]:
    """Have the shop get an account's events; return how often it got each."""
    url = f"http://127.0.0.1:{shop.server_port}/"
    account.client().v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    heard: Counter[str] = shop.heard  # type: ignore[attr-defined]
    return heard


def test_webhooks_are_sent_once_though_all_hosts_send(
    accounts: Accounts, shop: ThreadingHTTPServer
) -> None:
    heard = listen(shop, accounts[0])
    for number in range(30):
        accounts[number % 2].client().v1.customers.create({"name": f"{number}"})
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda account: account.deliver(), accounts))
    wait_for(lambda: len(heard) == 30, "30 events", 15)
    assert set(heard.values()) == {1}


@pytest.mark.parametrize("hours", [-5, 5])
def test_webhooks_are_sent_once_though_a_host_s_clock_is_hours_off(
    shared: Machines, accounts: Accounts, shop: ThreadingHTTPServer, hours: int
) -> None:
    """While the shop has not answered a webhook, others look whether there is one to be sent."""
    heard, answered = listen(shop, accounts[0]), threading.Event()
    shop.wait = lambda: answered.wait(30)  # type: ignore[attr-defined]
    with ExitStack() as stack:

        def start(name: str, seconds: int) -> None:
            courier = Worker(COURIER, shared[name].directory, seconds, accounts[0].name)
            stack.callback(courier.end)
            assert courier.hear() == 0

        start("A", 0)
        accounts[0].client().v1.customers.create({})
        wait_for(lambda: heard, "the first event")
        start("B", 3600 * hours)
        assert [account.deliver() for account in accounts] == [[], []]
        answered.set()
        accounts[1].client().v1.customers.create({})
        wait_for(lambda: len(heard) == 2, "the second event")
        sent = accounts[0].deliveries
        wait_for(lambda: {each["status"] for each in sent()} == {"succeeded"}, "their end")
    assert set(heard.values()) == {1}


# --- Hosts in a network ---


@pytest.fixture(scope="module")
def apart() -> Iterator[tuple[Machines, list[Served]]]:
    """Hosts A, B and C with a link each; A and B serve the API."""
    with machines(*"ABC", in_network=True) as made, ExitStack() as stack:
        assert made.network is not None
        servers = [
            stack.enter_context(
                serving(
                    str(made[name].directory),
                    *("--host", made.network.address(name), "--port", "0", "--workers", "2"),
                    prefix=made[name].prefix,
                    environment={"TIGERD_EVERYWHERE": "1"},
                )
            )
            for name in "AB"
        ]
        yield made, servers


def test_the_scenarios_of_the_sdk_pass_over_three_hosts(
    apart: tuple[Machines, list[Served]],
) -> None:
    """The SDK is on B, the server on A, and the account that is looked into on C."""
    made, servers = apart
    urls = " ".join(server.url for server in servers)
    where = {"SERVERS": urls, "DIRECTORY": str(made["C"].directory)}
    done = subprocess.run(
        [
            *made["B"].prefix,
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            SCENARIOS,
        ],
        cwd=PROJECT,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    made.settle()  # the servers try on to send what nobody takes


def test_the_scenario_of_the_sdk_of_node_passes_over_hosts(
    apart: tuple[Machines, list[Served]],
) -> None:
    made, servers = apart
    run_scenario(servers[0].url, "sk_test_node", made["C"].prefix)
    made.settle()
