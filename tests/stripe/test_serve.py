"""`tigerd stripe serve`: the API over HTTP, with several workers on one store."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import stripe

import tigerstripe
from tests.stripe.serving import Served, serving
from tigerstripe.http import api
from tigerstripe.http.api import Api
from tigerstripe.requests.messages import Headers, Request, Response
from tigerstripe.webhooks import sending
from tigerstripe.work import clock
from tigerstripe.work.scope import Scope


@pytest.fixture(scope="module")
def server(shared_directory: str) -> Iterator[Served]:
    """A server with two workers on the shared instance."""
    with serving(shared_directory, "--port", "0", "--workers", "2") as served:
        yield served


@pytest.fixture
def remote(server: Served, mine: tigerstripe.Account) -> stripe.StripeClient:
    """The official SDK, with its own HTTP client, on that account."""
    return server.client(mine.name)


def ask(
    url: str, method: str, path: str, body: bytes | str | None = None, **headers: str
) -> tuple[int, Any]:
    """Return status and JSON of one request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


@pytest.fixture
def control(server: Served, mine: tigerstripe.Account) -> Any:
    """`control("POST", "advance", {"days": 1})`: status and JSON."""

    def act(method: str, action: str, params: Any = None) -> tuple[int, Any]:
        body = None if params is None else json.dumps(params)
        path = f"/_tiger/{action}"
        return ask(server.url, method, path, body, Authorization=f"Bearer {mine.api_key}")

    return act


def checkout(remote: stripe.StripeClient) -> stripe.checkout.Session:
    """Return a new session of one mug."""
    mug = {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Mug"}}
    return remote.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.test/done",
            "line_items": [{"price_data": mug, "quantity": 1}],
        }
    )


# --- The API ---


def test_the_sdk_over_http_sees_what_this_process_does(remote, mine) -> None:
    made = remote.v1.customers.create({"name": "Jane", "metadata": {"a": "b ü"}})
    assert made.last_response.headers["Request-Id"].startswith("req_")
    with mine.installed():
        assert stripe.Customer.retrieve(made.id).metadata["a"] == "b ü"
        stripe.Customer.modify(made.id, name="Joe")
    assert remote.v1.customers.retrieve(made.id).name == "Joe"
    assert [c.id for c in remote.v1.customers.list({"limit": 1}).data] == [made.id]
    assert [e["type"] for e in mine.events()] == ["customer.created", "customer.updated"]


def test_errors_are_those_of_the_api(remote, server) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refused:
        remote.v1.customers.retrieve("cus_none")
    assert refused.value.http_status == 404
    with pytest.raises(stripe.AuthenticationError, match="test keys only"):
        server.client("x", key="sk_live_51HabcdefghijkLMNO").v1.customers.list()
    with pytest.raises(stripe.APIError, match="nothing was done"):
        remote.v1.issuing.cards.create({"currency": "usd", "type": "virtual"})
    assert ask(server.url, "GET", "/v1/customers")[0] == 401


def test_a_key_is_obeyed_once_by_whichever_worker(remote) -> None:
    def create(_: int) -> str:
        return str(remote.v1.customers.create({}, {"idempotency_key": "k"}).id)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(16)))) == 1
    assert len(remote.v1.customers.list().data) == 1


def test_a_path_names_the_account_where_a_key_cannot(server, mine) -> None:
    prefix = f"/accounts/{quote(mine.name, safe='')}"
    headers = {"Authorization": "Bearer sk_test_x"}
    status, made = ask(server.url, "POST", f"{prefix}/v1/customers", "name=Jane", **headers)
    assert status == 200
    assert made["id"] in mine.store.customers
    assert ask(server.url, "GET", f"{prefix}/_tiger/events")[1]["data"] == mine.events()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_is_413_and_nothing_is_written(server, mine, is_chunked) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as raw:
        head = f"POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mine.api_key}\r\n"
        if is_chunked:
            raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
            for _ in range(17):
                raw.sendall(chunk)
        else:
            raw.sendall(f"{head}Content-Length: 99999999\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
    assert mine.events() == []


# --- Faults ---


def test_a_connection_can_be_lost_and_an_answer_be_late(remote, control, mine) -> None:
    assert control("POST", "fail", {"match": "POST /v1/customers", "lost": "request"})[0] == 200
    with pytest.raises(stripe.APIConnectionError):
        remote.v1.customers.create({})
    assert mine.events() == []
    control("POST", "fail", {"match": "POST /v1/customers", "status": 429, "code": "rate_limit"})
    with pytest.raises(stripe.RateLimitError):
        remote.v1.customers.create({})
    control("POST", "fail", {"match": "POST /v1/customers", "seconds": 0.1})
    assert remote.v1.customers.create({}).id


# --- Control ---


def test_health_needs_no_key(server, shared_directory) -> None:
    status, health = ask(server.url, "GET", "/_tiger/health")
    assert (status, health["ok"], health["directory"]) == (200, True, shared_directory)


def test_the_clock_is_moved_for_all(control, mine, remote) -> None:
    assert control("POST", "freeze", {"at": 1_700_000_000}) == (200, {"now": 1_700_000_000})
    assert control("POST", "advance", {"days": 1}) == (200, {"now": 1_700_086_400})
    assert mine.now == 1_700_086_400
    assert remote.v1.customers.create({}).created == 1_700_086_400


def test_buyers_and_banks_act_by_control(control, remote) -> None:
    pay = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method_types": ["card"]}
    intents = remote.v1.payment_intents
    waits = intents.create({**pay, "payment_method": "pm_card_threeDSecure2Required"})
    status, answer = control("POST", "authenticate", {"intent": waits.id})
    assert (status, answer["data"]["status"]) == (200, "succeeded")
    paid = intents.create({**pay, "payment_method": "pm_card_visa"})
    dispute = control("POST", "dispute", {"charge": paid.id, "reason": "duplicate"})[1]["data"]
    assert (dispute["reason"], dispute["charge"]) == ("duplicate", paid.latest_charge)
    won = control("POST", "settle", {"id": dispute["id"], "succeed": True})[1]["data"]
    assert won["status"] == "won"


def test_events_and_requests_are_told(control, remote, mine) -> None:
    remote.v1.customers.create({})
    assert control("GET", "events?type=customer.*")[1]["data"] == mine.events()
    [entry] = control("GET", "requests?path=/v1/customers")[1]["data"]
    assert (entry["method"], entry["status"]) == ("POST", 200)


def test_a_fork_is_an_account_of_its_own_until_it_is_reset(control, server, mine, remote) -> None:
    made = remote.v1.customers.create({})
    status, child = control("POST", "fork", {})
    assert status == 200
    forked = server.client(child["account"])
    assert forked.v1.customers.delete(made.id).deleted
    assert "deleted" not in remote.v1.customers.retrieve(made.id)
    key = {"Authorization": f"Bearer {child['api_key']}"}
    assert ask(server.url, "POST", "/_tiger/reset", "", **key) == (200, {"ok": True})
    assert control("POST", "reset") == (200, {"ok": True})
    assert mine.events() == []


def test_a_session_is_completed_by_control_and_on_the_server_s_own_page(
    remote, control, server
) -> None:
    session = checkout(remote)
    assert session.url is not None
    assert session.url.startswith(f"{server.url}/accounts/")
    status, declined = control("POST", "complete", {
        "session": session.id, "payment_method": "pm_card_visa_chargeDeclined",
    })  # fmt: skip
    assert (status, declined["error"]["code"]) == (402, "card_declined")
    place = urlsplit(session.url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    connection.request("POST", place.path, "number=4242424242424242&expiry=12/40&cvc=123")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("location")) == (303, "https://shop.test/done")
    connection.close()
    assert remote.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    status, done = control("POST", "complete", {"session": checkout(remote).id})
    assert (status, done["data"]["status"]) == (200, "complete")


def invoice_of(remote: Any) -> str:
    """The id of a draft over 9 dollars."""
    customer = remote.v1.customers.create().id
    remote.v1.invoice_items.create({"customer": customer, "amount": 900, "currency": "usd"})
    wanted = {"customer": customer, "pending_invoice_items_behavior": "include"}
    return str(remote.v1.invoices.create(wanted).id)


def test_an_invoice_is_paid_by_control(remote, control) -> None:
    invoice = invoice_of(remote)
    remote.v1.invoices.finalize_invoice(invoice)
    wrong = {"invoice": invoice, "payment_method": "pm_card_visa_chargeDeclined"}
    status, declined = control("POST", "pay", wrong)
    assert (status, declined["error"]["code"]) == (402, "card_declined")
    status, paid = control("POST", "pay", {"invoice": invoice})
    assert (status, paid["data"]["status"], paid["data"]["amount_paid"]) == (200, "paid", 900)


@pytest.mark.parametrize(
    ("method", "action", "params", "status", "message"),
    [
        ("POST", "advance", {"to": 5}, 400, "the clock shows"),
        ("POST", "advance", {"dys": 5}, 400, "unknown parameters: dys; it takes to, weeks"),
        ("POST", "advance", {"days": "x"}, 400, "days: expected a number, got 'x'"),
        ("POST", "advance", {"days": 1e300}, 400, "/_tiger/advance: "),
        ("POST", "fail", {"match": 5}, 400, "match: expected a text, got 5"),
        ("POST", "advance", [5], 400, "expected a JSON object, got list"),
        ("POST", "fail", {}, 400, "match is missing"),
        ("POST", "reset", {"now": True}, 400, "it takes none"),
        ("GET", "advance", None, 405, "takes POST, not GET"),
        ("POST", "events", {}, 405, "takes GET, not POST"),
        ("POST", "nonsense", {}, 404, "use one of advance, authenticate"),
        ("POST", "settle", {"id": "du_1"}, 400, "the account has no dispute du_1"),
        ("POST", "authenticate", {}, 400, "intent: expected an id, got None"),
        ("POST", "complete", {}, 400, "session is missing"),
        ("POST", "pay", {}, 400, "invoice is missing"),
        ("POST", "pay", {"invoice": "in_x"}, 404, "No such invoice: 'in_x'"),
        ("POST", "pay", {"invoice": "in_x", "tip": 5}, 400, "tip"),
        ("POST", "onboard", {}, 400, "account is missing"),
        ("POST", "onboard", {"account": "acct_x"}, 403, "does not have access"),
        ("POST", "complete", {"session": "cs_x"}, 404, "No such checkout.session: cs_x"),
    ],
)
def test_a_wrong_control_says_what_is_right(control, method, action, params, status, message):
    got, answer = control(method, action, params)
    assert got == status
    assert message in answer["error"]["message"]


def test_control_without_a_key_is_401_and_a_body_that_is_no_json_400(server, mine) -> None:
    assert ask(server.url, "POST", "/_tiger/reset")[0] == 401
    key = {"Authorization": f"Bearer {mine.api_key}"}
    status, answer = ask(server.url, "POST", "/_tiger/reset", "{", **key)
    assert (status, "not JSON" in answer["error"]["message"]) == (400, True)


def test_a_page_in_a_browser_controls_nothing(server, mine, remote) -> None:
    remote.v1.customers.create({})
    path = f"/accounts/{quote(mine.name, safe='')}/_tiger/reset"
    assert ask(server.url, "POST", path, "", Origin="https://evil.test")[0] == 403
    assert len(mine.events()) == 1


# --- Webhooks ---


class Hook(BaseHTTPRequestHandler):
    """Keeps what comes, and answers as the server's `answers` say, then 200."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hooks: Any = self.server
        hooks.got.append((body, self.headers["Stripe-Signature"]))
        self.send_response(hooks.answers.pop(0) if hooks.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hooks() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as hooks:
        hooks.got, hooks.answers = [], []  # type: ignore[attr-defined]
        hooks.url = f"http://127.0.0.1:{hooks.server_address[1]}/"  # type: ignore[attr-defined]
        thread = threading.Thread(target=hooks.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield hooks
        hooks.shutdown()
        thread.join()


def test_webhooks_are_sent_at_once_whoever_made_the_event(remote, mine, hooks, wait_until) -> None:
    params: Any = {"url": hooks.url, "enabled_events": ["*"]}
    secret = remote.v1.webhook_endpoints.create(params).secret
    remote.v1.customers.create({"name": "over HTTP"})
    with mine.installed():
        stripe.Customer.create(name="in this process")
    wait_until(lambda: len(hooks.got) == 2)
    events = [stripe.Webhook.construct_event(*got, secret) for got in hooks.got]
    assert [e.data.object.name for e in events] == ["over HTTP", "in this process"]
    wait_until(lambda: all(d["status"] == "succeeded" for d in mine.deliveries()))
    assert mine.deliver() == []


def test_a_webhook_says_where_the_server_s_pages_are(remote, server, hooks, wait_until) -> None:
    params: Any = {"url": hooks.url, "enabled_events": ["invoice.finalized"]}
    secret = remote.v1.webhook_endpoints.create(params).secret
    remote.v1.invoices.finalize_invoice(invoice_of(remote))
    wait_until(lambda: hooks.got)
    event = stripe.Webhook.construct_event(*hooks.got[0], secret)
    assert event.data.object.hosted_invoice_url.startswith(f"{server.url}/accounts/")


def test_a_webhook_that_fails_is_sent_again_after_a_pause(remote, mine, hooks, wait_until) -> None:
    hooks.answers += [500]
    params: Any = {"url": hooks.url, "enabled_events": ["customer.created"]}
    remote.v1.webhook_endpoints.create(params)
    remote.v1.customers.create({})
    wait_until(lambda: [d["status"] for d in mine.deliveries()] == ["succeeded"])
    [delivery] = mine.deliveries()
    first, second = delivery["attempts"]
    assert (first["status"], second["status"]) == (500, 200)
    assert second["at"] - first["at"] >= 1.0


def test_a_webhook_whose_sender_was_killed_is_sent_by_another(
    remote, mine, hooks, wait_until
) -> None:
    params: Any = {"url": hooks.url, "enabled_events": ["customer.created"]}
    remote.v1.webhook_endpoints.create(params)
    remote.v1.customers.create({})
    wait_until(lambda: [d["status"] for d in mine.deliveries()] == ["succeeded"])
    [sent] = mine.deliveries()
    claim = {"host": Scope(mine.store).host, "process": 1, "until": time.time() + 1}
    mine.store.webhook_deliveries.insert(
        {**sent, "id": "whd_left", "status": "sending", "sender": claim, "attempts": []}
    )
    wait_until(lambda: len(hooks.got) == 2)
    remote.v1.customers.create({})
    wait_until(lambda: len(hooks.got) == 3)


def test_a_due_entry_runs_when_the_clock_shows_its_time(remote, mine, wait_until) -> None:
    mine.freeze(1_700_000_000)
    session = remote.v1.checkout.sessions.create({
        "mode": "setup", "currency": "usd", "success_url": "https://shop.test/",
        "expires_at": 1_700_001_800,
    })  # fmt: skip
    with tigerstripe.Account(mine.store) as other:
        clock.move(other.engine.account(mine.name)[0], 1_700_001_799)
    assert remote.v1.checkout.sessions.retrieve(session.id).status == "open"
    mine.thaw()
    assert wait_until(lambda: mine.events("checkout.session.expired"))


# --- Processes ---


def _workers(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = [line.split(None, 2) for line in found]
    return [int(p) for p, parent, command in rows if int(parent) == pid and "worker" in command]


def test_a_worker_that_is_killed_is_replaced_and_no_request_is_lost(
    directory, wait_until, is_alive
) -> None:
    with serving(directory, "--port", "0", "--workers", "2") as served:
        client = served.client("shop", max_network_retries=5)
        first = wait_until(lambda: (found := _workers(served.process.pid))[1:] and found)
        for round in range(4):
            client.v1.customers.create({"name": str(round)})
            if round == 1:
                os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: len(set(_workers(served.process.pid)) - {first[0]}) == 2)
        with tigerstripe.connect(directory, namespace="shop") as account:
            assert len(account.events()) == 4
        last = _workers(served.process.pid)
        served.process.terminate()
        assert served.process.wait(20) == 0
        assert not any(map(is_alive, last))
        with pytest.raises(OSError, match="refused"):
            ask(served.url, "GET", "/_tiger/health")


def test_a_daemon_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(
    directory, wait_until
) -> None:
    with serving(directory, "--port", "0") as served:
        client = served.client("shop", max_network_retries=5)
        made = [client.v1.customers.create({}).id]
        daemon = ask(served.url, "GET", "/_tiger/health")[1]["daemon"]
        os.kill(daemon, signal.SIGKILL)
        made += [client.v1.customers.create({}).id for _ in range(3)]
        assert [c.id for c in client.v1.customers.list().data] == made[::-1]
        assert ask(served.url, "GET", "/_tiger/health")[1]["daemon"] != daemon
        with tigerstripe.connect(directory, namespace="shop") as account:
            assert len(account.events()) == 4
            account.delay_next("POST /v1/products", 0.5)
            with ThreadPoolExecutor(1) as pool:  # a request under way is answered before the end
                slow = pool.submit(client.v1.products.create, {"name": "Mug"})
                wait_until(lambda: account.events("product.created"))
                served.process.terminate()
                assert slow.result().name == "Mug"
            assert served.process.wait(20) == 0


def test_while_the_daemon_is_stopped_reads_are_answered_and_writes_wait(server, mine) -> None:
    def make(name: str) -> int:
        return ask(server.url, "POST", "/v1/customers", f"name={name}", **key)[0]

    key = {"Authorization": f"Bearer {mine.api_key}"}
    make("Jane")
    daemon = mine.store.ping()["pid"]
    with ThreadPoolExecutor(4) as pool:
        os.kill(daemon, signal.SIGSTOP)
        try:
            writes = [pool.submit(make, name) for name in "abcd"]
            reads = [ask(server.url, "GET", "/v1/customers", **key) for _ in range(20)]
            is_waiting = not any(write.done() for write in writes)
        finally:
            os.kill(daemon, signal.SIGCONT)
        assert {(status, len(answer["data"])) for status, answer in reads} == {(200, 1)}
        assert is_waiting
        assert [write.result() for write in writes] == [200] * 4


def test_a_write_that_finds_no_free_thread_is_refused_in_time(mine, monkeypatch) -> None:
    monkeypatch.setattr(api, "THREADS", 1)
    monkeypatch.setattr(api, "FREE_S", 0.01)
    goes_on = threading.Event()

    def slow(*_: Any) -> Response:
        goes_on.wait(30)
        return Response(200, "{}", Headers())

    async def answers() -> list[Response]:
        monkeypatch.setattr(mine.engine, "answer", slow)
        its = Api(mine.engine)
        asked = [asyncio.create_task(its.answered(Request("POST", "/"))) for _ in range(2)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        goes_on.set()
        return [await one for one in asked]

    one, two = asyncio.run(answers())
    assert (one.status, two.status, two.headers["Stripe-Should-Retry"]) == (200, 503, "true")
    assert "1 requests wait for its daemon" in two.body


def test_workers_end_with_a_parent_that_is_killed(directory, wait_until, is_alive, tmp_path):
    path = str(Path(directory).parent / f"{Path(directory).name}.s")  # short, as sockets' are
    with serving(directory, "--unix", path, "--namespace", "shop") as served:
        workers = _workers(served.process.pid)
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(path)
            raw.sendall(b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n")
            raw.sendall(b"Authorization: Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 200 ")
        assert os.stat(path).st_mode & 0o777 == 0o600
        with tigerstripe.connect(directory, namespace="shop") as account:
            assert len(account.events()) == 1  # --namespace: the account of all keys
        served.process.kill()
        wait_until(lambda: not any(map(is_alive, workers)))
    with serving(directory, "--unix", path) as served:  # what was left behind is replaced
        assert served.url == f"http+unix://{quote(path, safe='')}"
    assert not os.path.exists(path)


def test_an_address_that_cannot_be_listened_on_is_reported(
    tigerd, server, shared_directory, tmp_path
) -> None:
    port = str(urlsplit(server.url).port)
    taken = tigerd("stripe", "serve", "--dir", shared_directory, "--port", port, directory=None)
    assert taken.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: " in taken.stderr
    (tmp_path / "file").write_text("precious")
    place = str(tmp_path / "file")
    wrong = tigerd("stripe", "serve", "--dir", shared_directory, "--unix", place, directory=None)
    assert (wrong.returncode, "cannot listen on" in wrong.stderr) == (1, True)
    assert (tmp_path / "file").read_text() == "precious"


def test_without_the_extra_it_says_how_to_install_it(tigerd, tmp_path, shared_directory) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('no', name='uvicorn')")
    lacking = tigerd(
        "stripe", "serve", "--dir", shared_directory, directory=None,
        env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert lacking.returncode == 1
    assert "needs uvicorn, which is not installed: pip install 'tigerd[stripe]'" in lacking.stderr


def test_a_fault_in_the_engine_is_an_answer_that_an_sdk_can_read(mine, monkeypatch, caplog) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(mine.engine, "answer", broken)
    headers = sending.signed("", b"")
    answer = sending.to_asgi(Api(mine.engine), "http://x/v1/customers", headers, b"")
    assert answer.status == 500
    assert json.loads(answer.body)["error"]["type"] == "api_error"
    assert "boom" in caplog.text
