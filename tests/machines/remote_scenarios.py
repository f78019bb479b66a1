"""The scenarios of tests/sdks over three hosts: test_stripe.py runs this on the SDK's host.

The SDK's own HTTP client asks a server on another host, the first of `SERVERS`. The account beside
it, which the scenarios look into and whose clients answer in this process, is on a third one
(`DIRECTORY`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from stripe._api_requestor import _APIRequestor

import tiger
import tigerstripe
from tests.sdks.test_scenarios import *  # noqa: F403 - to be run
from tiger.namespaces import unique
from tigerstripe.transport import Transport

SERVERS = os.environ["SERVERS"].split()
DAY_S = 86_400


class Directed(stripe.RequestsClient):
    """Sends what the SDK sends to Stripe to a server, with the key of an account."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__()
        self._url = url
        self._key = key

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> Any:
        return super().request(method, self._there(url), self._with_key(headers), post_data)

    def request_stream(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> Any:
        return super().request_stream(method, self._there(url), self._with_key(headers), post_data)

    async def request_async(self, *request: Any) -> Any:
        return await asyncio.to_thread(self.request, *request)

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    def _there(self, url: str) -> str:
        return self._url + url[url.index("/", 8) :]

    def _with_key(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        found = dict(headers or {})
        if "sk_test_" in found.get("Authorization", ""):
            found["Authorization"] = f"Bearer {self._key}"
        return found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[tigerstripe.Account]:
    """An empty account: the server has it on its host, this process on another."""
    with tiger.connect(
        os.environ["DIRECTORY"], namespace=unique("sdk"), everywhere=True, timeout_s=30
    ) as store:
        account = tigerstripe.Account(store)
        directed = Directed(SERVERS[0], account.api_key)

        def client(requestor: Any) -> Any:
            own = requestor._client
            return own if isinstance(own, Transport) else directed

        monkeypatch.setattr(_APIRequestor, "_get_http_client", client)
        monkeypatch.setattr(stripe, "api_key", account.api_key)
        monkeypatch.setattr(stripe, "enable_telemetry", False)
        yield account


def test_webhooks_are_signed_as_the_sdk_checks_it(account) -> None:
    """By a server, to this host; the scenario itself takes them out of the account."""
    came: SimpleQueue[tuple[str, bytes]] = SimpleQueue()

    class Hooks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put((self.headers["Stripe-Signature"], body))
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer((own_address(), 0), Hooks) as shop:
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        host, port = shop.server_address[:2]
        endpoint = stripe.WebhookEndpoint.create(
            url=f"http://{host!s}:{port}/hooks", enabled_events=["customer.created"]
        )
        stripe.Customer.create(name="Jane")
        signature, body = came.get(timeout=30)
        shop.shutdown()
    event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
    assert (event.type, event.data.object.name) == ("customer.created", "Jane")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def own_address() -> str:
    """Return the address by which servers reach this host."""
    server = urlsplit(SERVERS[0])
    with socket.create_connection((server.hostname, server.port)) as connected:
        address: str = connected.getsockname()[0]
    return address


def test_a_request_is_done_once_whichever_host_it_comes_to(account) -> None:
    """Servers of two hosts, and a third host's account in this process."""
    key = account.api_key
    clients = [stripe.StripeClient(key, http_client=Directed(url, key)) for url in SERVERS]
    clients.append(account.client())

    def call(client: stripe.StripeClient, number: int) -> str:
        once: Any = {"idempotency_key": f"key-{number}"}
        params: Any = {"name": "Ann", "address": {"city": "Linz"}}
        try:
            return client.v1.customers.create(params, once).id
        except stripe.StripeError as error:
            assert error.http_status == 409  # noqa: PT017 - it is under way elsewhere
            return ""

    with ThreadPoolExecutor(len(clients)) as pool:
        for number in range(5):
            made = {*pool.map(call, clients, [number] * len(clients))}
            assert len(made - {""}) == 1
    assert [len(client.v1.customers.list().data) for client in clients] == [5] * len(clients)


def test_a_clock_that_one_host_advances_all_servers_show(account) -> None:
    key = account.api_key
    before = stripe.Customer.create().created
    account.advance(days=30)
    for url in SERVERS:
        client = stripe.StripeClient(key, http_client=Directed(url, key))
        assert client.v1.customers.create().created >= before + 30 * DAY_S
