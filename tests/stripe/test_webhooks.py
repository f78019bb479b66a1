"""Webhook endpoints, and what is delivered to them: signed, once, in the endpoint's version."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

import tigerstripe
from tigerstripe.webhooks import delivery, sending
from tigerstripe.work import events
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope


def endpoint(events: list[str] | None = None, **options: Any) -> Any:
    url = options.pop("url", "https://shop.test/hooks?from=stripe")
    return stripe.WebhookEndpoint.create(url=url, enabled_events=events or ["*"], **options)


class Inbox:
    """A function that webhooks are delivered to: verifies each and keeps its event."""

    def __init__(self, secret: str, status: int = 200) -> None:
        self.secret = secret
        self.status = status
        self.events: list[Any] = []
        self.paths: list[str] = []

    def __call__(self, path: str, headers: Any, body: bytes) -> int:
        signature = headers["Stripe-Signature"]
        self.events.append(stripe.Webhook.construct_event(body, signature, self.secret))
        self.paths.append(path)
        return self.status

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


# --- The endpoint ---


def test_only_the_answer_to_create_has_the_secret(account) -> None:
    made = endpoint(["customer.created"], metadata={"a": "b"})
    assert made.secret.startswith("whsec_")
    assert (made.status, made.api_version, made.application) == ("enabled", None, None)
    found = stripe.WebhookEndpoint.retrieve(made.id)
    assert "secret" not in found
    assert "secret" not in stripe.WebhookEndpoint.list().data[0]
    assert "secret" not in stripe.WebhookEndpoint.modify(made.id, description="x")
    assert account.events() == []  # nothing is told of endpoints


def test_an_endpoint_is_disabled_enabled_and_deleted(account) -> None:
    made = endpoint()
    assert stripe.WebhookEndpoint.modify(made.id, disabled=True).status == "disabled"
    assert stripe.WebhookEndpoint.modify(made.id, disabled=False).status == "enabled"
    assert stripe.WebhookEndpoint.delete(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        stripe.WebhookEndpoint.retrieve(made.id)


@pytest.mark.parametrize("url", ["shop.test/hooks", "ftp://shop.test", "https://", "http://a b/"])
def test_a_url_that_nothing_can_be_sent_to_is_refused(account, url) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        endpoint(url=url)
    assert (refused.value.code, refused.value.param) == ("url_invalid", "url")
    assert stripe.WebhookEndpoint.list().data == []


@pytest.mark.parametrize("events", [["no.such"], ["*", "customer.created"]])
def test_events_that_are_none_are_refused(account, events) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        endpoint(events)


def test_an_account_has_sixteen_endpoints_at_most(account) -> None:
    made = [endpoint() for _ in range(16)]
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        endpoint()
    stripe.WebhookEndpoint.delete(made[3].id)
    endpoint()


# --- What waits ---


def test_an_event_counts_the_endpoints_that_want_it(account) -> None:
    endpoint(["customer.created"])
    endpoint(["*"])
    endpoint(["product.created"])
    endpoint(["*"], connect=True)  # for the events of connected accounts alone
    stripe.WebhookEndpoint.modify(endpoint(["*"]).id, disabled=True)
    stripe.Customer.create()
    assert [event["pending_webhooks"] for event in account.events()] == [2]
    assert [d["status"] for d in account.deliveries("customer.*")] == ["pending", "pending"]
    assert account.deliveries("product.*") == []


def test_a_delivery_that_succeeded_is_counted_off_and_not_sent_again(account) -> None:
    inbox = Inbox(endpoint(["customer.created", "customer.updated"]).secret)
    customer = stripe.Customer.create(name="Jane")
    stripe.Customer.modify(customer.id, name="Joe")
    sent = account.deliver(inbox)
    assert inbox.types == ["customer.created", "customer.updated"]
    assert inbox.paths == ["/hooks?from=stripe"] * 2
    assert inbox.events[1].data.previous_attributes.to_dict() == {"name": "Jane"}
    assert [d["attempts"][0]["status"] for d in sent] == [200, 200]
    assert [event["pending_webhooks"] for event in account.events()] == [0, 0]
    assert account.deliver(inbox) == []
    assert account.deliveries() == sent


def test_a_test_client_s_response_is_an_answer(account) -> None:
    inbox = Inbox(endpoint().secret)
    stripe.Customer.create()

    def post(path: str, headers: Any, body: bytes) -> Any:
        return SimpleNamespace(status_code=inbox(path, headers, body) + 4)

    [sent] = account.deliver(post)
    assert (sent["status"], sent["attempts"][0]["status"]) == ("succeeded", 204)
    stripe.Customer.create()
    with pytest.raises(TypeError, match="returned None: expected a status, as 200, or a response"):
        account.deliver(lambda path, headers, body: None)


def test_a_delivery_that_failed_is_sent_again_by_the_next_call_up_to_a_limit(account) -> None:
    inbox = Inbox(endpoint().secret, status=500)
    stripe.Customer.create()
    for _ in range(delivery.ATTEMPTS_MAX):
        assert len(account.deliver(inbox)) == 1
    assert account.deliver(inbox) == []
    [failed] = account.deliveries()
    assert failed["status"] == "failed"
    assert account.events()[0]["pending_webhooks"] == 1


def test_deliveries_to_a_deleted_endpoint_are_not_sent(account) -> None:
    made = endpoint()
    stripe.Customer.create()
    stripe.WebhookEndpoint.delete(made.id)
    assert [d["status"] for d in account.deliver(Inbox(made.secret))] == ["canceled"]
    assert account.events()[0]["pending_webhooks"] == 0


def test_a_fork_sends_what_is_told_in_it_and_nothing_of_its_origin(account) -> None:
    inbox = Inbox(endpoint(["customer.created"]).secret)
    stripe.Customer.create(name="Jane")
    with account.fork() as child:
        child.client().v1.customers.create({"name": "Joe"})
        (sent,) = child.deliver(inbox)
        assert child.deliveries() == [sent]
        with child.fork() as grandchild:
            assert grandchild.deliver(inbox) == grandchild.deliveries() == []
    account.deliver(inbox)
    assert [event.data.object.name for event in inbox.events] == ["Joe", "Jane"]


def test_a_savepoint_takes_back_what_waits(account) -> None:
    inbox = Inbox(endpoint().secret)
    with account.savepoint():
        stripe.Customer.create()
    assert account.deliver(inbox) == []


def test_an_event_of_a_connected_account_goes_to_endpoints_for_these(account) -> None:
    theirs = Inbox(endpoint(["*"], connect=True).secret)
    endpoint(["customer.created"])
    connected = stripe.Account.create(type="custom", country="US")
    stripe.Customer.create(stripe_account=connected.id)
    sent = account.deliver(theirs)
    assert {(d["event_type"], d["account"]) for d in sent} == {("customer.created", connected.id)}
    assert theirs.events[0].account == connected.id
    [told] = stripe.Event.list(type="customer.created", stripe_account=connected.id).data
    assert told.pending_webhooks == 0


# --- What is sent ---


def test_an_event_is_rendered_in_the_version_of_the_endpoint(account) -> None:
    wanted = ["promotion_code.created", "promotion_code.updated"]
    old = Inbox(endpoint(wanted, api_version="2025-08-27.basil").secret)
    coupon = stripe.Coupon.create(percent_off=5)
    promotion = {"type": "coupon", "coupon": coupon.id}
    code = stripe.PromotionCode.create(promotion=promotion, code="SPRING")
    stripe.PromotionCode.modify(code.id, active=False)
    account.deliver(old)
    created, updated = old.events
    assert created.api_version == "2025-08-27.basil"
    assert created.data.object.coupon.id == coupon.id
    assert "promotion" not in created.data.object
    assert updated.data.previous_attributes.to_dict() == {"active": True}
    assert account.events("promotion_code.created")[0]["data"]["object"]["promotion"]


def test_events_are_listed_in_their_own_version(account) -> None:
    coupon = stripe.Coupon.create(percent_off=5)
    stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": coupon.id})
    listed = stripe.Event.list(type="promotion_code.created", stripe_version="2025-08-27.basil")
    assert "promotion" in listed.data[0].data.object
    assert "coupon" not in listed.data[0].data.object


def test_a_signature_is_of_the_machines_clock_not_the_accounts(account) -> None:
    inbox = Inbox(endpoint().secret)
    account.freeze(1_500_000_000)
    stripe.Customer.create()
    account.deliver(inbox)  # verified within 300 s of now
    assert inbox.events[0].created == 1_500_000_000


def test_a_wsgi_application_gets_what_a_server_would_give(account) -> None:
    secret = endpoint().secret
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        stripe.Webhook.construct_event(body, environ["HTTP_STRIPE_SIGNATURE"], secret)
        seen.append(environ)
        start_response("202 Accepted", [])
        return [b"thanks"]

    stripe.Customer.create()
    [sent] = account.deliver(application)
    assert (sent["attempts"][0]["status"], sent["attempts"][0]["body"]) == (202, "thanks")
    assert seen[0]["PATH_INFO"] == "/hooks"
    assert seen[0]["QUERY_STRING"] == "from=stripe"
    assert seen[0]["HTTP_HOST"] == "shop.test"


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    event = json.loads(message["body"])
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": event["type"].encode()})


class AsgiApp:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _asgi(scope, receive, send)


@pytest.mark.parametrize("application", [_asgi, AsgiApp()])
@pytest.mark.parametrize("is_in_loop", [False, True])
def test_an_asgi_application_is_called_whether_a_loop_runs_or_not(
    account, application, is_in_loop
) -> None:
    import asyncio

    endpoint()
    stripe.Customer.create()

    async def deliver() -> Any:
        return account.deliver(application)

    [sent] = asyncio.run(deliver()) if is_in_loop else account.deliver(application)
    assert (sent["attempts"][0]["status"], sent["attempts"][0]["body"]) == (201, "customer.created")


@pytest.mark.parametrize("target", [5, "http://x", lambda: 200, lambda a: 200])
def test_an_invalid_target_is_refused_and_nothing_sent(account, target) -> None:
    endpoint()
    stripe.Customer.create()
    with pytest.raises(TypeError, match="expected a WSGI application"):
        account.deliver(target)
    assert account.deliveries()[0]["attempts"] == []


def test_an_error_of_a_function_is_raised_and_the_delivery_waits_on(account) -> None:
    endpoint()
    stripe.Customer.create()

    def broken(path: str, headers: Any, body: bytes) -> int:
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"):
        account.deliver(broken)
    [waiting] = account.deliveries()
    assert waiting["status"] == "pending"
    assert waiting["attempts"][0]["error"] == "RuntimeError: no database"


def test_an_application_that_makes_events_and_delivers_itself_gets_each_once(account) -> None:
    endpoint(["customer.created", "product.created"])
    got: list[str] = []

    def application(path: str, headers: Any, body: bytes) -> int:
        event = json.loads(body)
        got.append(event["type"])
        if event["type"] == "customer.created":
            stripe.Product.create(name="Mug")
            account.deliver(application)
        return 200

    stripe.Customer.create()
    account.deliver(application)
    assert got == ["customer.created", "product.created"]


# --- URLs ---


class Handler(BaseHTTPRequestHandler):
    """Answers by path: /ok, /500, /redirect, /hang, /drip, /close."""

    def do_POST(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers["Content-Length"]))
        getattr(self, self.path[1:].replace("500", "error"))()

    def ok(self) -> None:
        self._answer(200)

    def error(self) -> None:
        self._answer(500)

    def redirect(self) -> None:
        self._answer(302, Location="/ok")

    def hang(self) -> None:
        self.server.released.wait(20)  # type: ignore[attr-defined]

    def drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.released.wait(0.02):  # type: ignore[attr-defined]
            self.wfile.write(b"X: y\r\n")

    def close(self) -> None:
        self.connection.close()

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "2"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that went away is expected here."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.seen, server.released = [], threading.Event()  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "status", "error", "left"),
    [
        ("/ok", 200, None, "succeeded"),
        ("/500", 500, None, "pending"),
        ("/redirect", 302, None, "pending"),
        ("/close", None, "RemoteDisconnected", "pending"),
    ],
)
def test_a_url_is_posted_to_and_its_answer_kept(account, server, path, status, error, left) -> None:
    server.seen.clear()
    endpoint(url=server.url + path)
    stripe.Customer.create()
    [sent] = account.deliver()
    [attempt] = sent["attempts"]
    assert (attempt["status"], sent["status"]) == (status, left)
    assert error is None or error in attempt["error"]
    assert server.seen == [path]  # a redirect is not followed


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_an_endpoint_that_does_not_answer_in_time_is_given_up(server, path) -> None:
    answer = sending.to_url(server.url + path, sending.signed("x", b"{}"), b"{}", 0.3)
    assert answer.error == "no answer within 0.3 s"


def test_an_endpoint_where_nothing_listens_is_a_failure_that_waits_on(account) -> None:
    endpoint(url="http://127.0.0.1:1/")
    stripe.Customer.create()
    [sent] = account.deliver()
    assert sent["status"] == "pending"
    assert "ConnectionRefusedError" in sent["attempts"][0]["error"]


# --- Many processes ---


def test_of_many_that_deliver_at_once_each_sends_some_and_none_twice(
    account, server, shared_directory
) -> None:
    server.seen.clear()
    endpoint(url=server.url + "/ok")
    for _ in range(20):
        stripe.Customer.create()
    accounts = [tigerstripe.connect(shared_directory, namespace=account.name) for _ in range(4)]
    threads = [threading.Thread(target=one.deliver) for one in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in accounts:
        one.close()
    assert len(server.seen) == 20
    assert {d["status"] for d in account.deliveries()} == {"succeeded"}


def test_a_claim_of_a_process_that_is_gone_runs_out(account, monkeypatch) -> None:
    inbox = Inbox(endpoint().secret)
    stripe.Customer.create()
    scope = Scope(account.store)
    [waiting] = delivery.waiting(scope)
    claimed = delivery._claimed(scope, Log(scope), waiting["id"])
    assert claimed is not None
    assert claimed["status"] == events.SENDING
    assert account.deliver(inbox) == []  # another process is at it
    later = time.time() + delivery.CLAIM_S + 1
    monkeypatch.setattr(delivery.time, "time", lambda: later)
    assert len(account.deliver(inbox)) == 1


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_claim_of_another_host_runs_out_by_this_clock(account, monkeypatch, hours) -> None:
    inbox = Inbox(endpoint().secret)
    stripe.Customer.create()
    scope = Scope(account.store)
    [waiting] = delivery.waiting(scope)
    until = time.time() + 3600 * hours
    claim = {"host": scope.host + 1, "process": 1, "until": until}
    account.store.webhook_deliveries.update({**waiting, "status": events.SENDING, "sender": claim})
    now = time.monotonic()
    clock = SimpleNamespace(time=time.time, monotonic=lambda: now)
    monkeypatch.setattr(delivery, "time", clock)
    assert account.deliver(inbox) == []
    now += delivery.CLAIM_S - 1
    assert account.deliver(inbox) == []
    now += 2
    assert len(account.deliver(inbox)) == 1


def test_a_claim_of_another_host_runs_out_however_many_others_are_seen(
    account, monkeypatch
) -> None:
    scope = Scope(account.store)

    def claimed(number: int) -> dict[str, Any]:
        return {"id": f"d{number}", "sender": {"host": scope.host + 1, "until": 0.0}}

    now = 0.0
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now))
    assert delivery.held_s(scope, claimed(0)) == delivery.CLAIM_S
    for number in range(1, 3_000):
        delivery.held_s(scope, claimed(number))
    now = delivery.CLAIM_S + 1
    assert delivery.held_s(scope, claimed(0)) < 0
    now *= 3
    delivery.held_s(scope, claimed(3_000))
    assert len(scope.claims_seen) == 1


def test_an_endpoint_of_a_seed_is_signed_for_with_its_own_secret(account) -> None:
    account.store.webhooks.insert({
        "id": "we_seed", "object": "webhook_endpoint", "api_version": None, "status": "enabled",
        "enabled_events": ["*"], "secret": "whsec_seed", "url": "http://shop.test/",
    })  # fmt: skip
    inbox = Inbox("whsec_seed")
    stripe.Customer.create()
    account.deliver(inbox)
    assert inbox.types == ["customer.created"]


def test_a_delivery_that_a_savepoint_took_back_while_it_was_sent_is_forgotten(account) -> None:
    endpoint()
    with account.savepoint():
        stripe.Customer.create()
        [waiting] = account.deliveries()

        def clearing(path: str, headers: Any, body: bytes) -> int:
            account.store.webhook_deliveries.delete(waiting["id"])
            return 200

        assert account.deliver(clearing) == []
    assert account.deliveries() == []
