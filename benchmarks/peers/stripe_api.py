"""What answers the official Stripe SDK, each with a `client` of it that a program would have."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from benchmarks.peers.base import CHUNK, Peer
from benchmarks.peers.tigerd import Tigerd
from benchmarks.records import identifier

START_TIMEOUT_S = 20.0
NAMESPACE = "bench"
PARAMS = {
    "name": "Ada Byron",
    "email": "ada@example.com",
    "address": {"line1": "1 Main Street", "city": "Dublin", "postal_code": "D01", "country": "IE"},
    "metadata": {"order": "6735"},
}
"""What a customer is created with."""
PAYMENT = {"amount": 2000, "currency": "usd", "payment_method_types": ["card"]}
"""What a payment intent is created with."""
PAYS = {"payment_method": "pm_card_visa"}
"""What it is confirmed with."""


class StripeApi(Peer):
    """What a `stripe.StripeClient` is made for."""

    client: Any

    def fill(self, table: str, count: int) -> None:
        """Create so many customers, each by a request."""
        for _ in range(count):
            self.client.v1.customers.create(PARAMS)

    def _over_http(self, directory: Path, key: str) -> Any:
        url = (directory / "url").read_text()
        return import_module("stripe").StripeClient(key, base_addresses={"api": url})


class SdkFloor(StripeApi):
    """The SDK alone, which is answered at once."""

    name = "floor, sdk"
    needs = ("stripe",)
    private = True

    def open(self, directory: Path, table: str) -> None:
        transport = import_module("benchmarks.at_once").AtOnce()
        self.client = import_module("stripe").StripeClient("sk_test_floor", http_client=transport)

    def fill(self, table: str, count: int) -> None:
        """Hold nothing."""


class Tigerstripe(Tigerd, StripeApi):
    """An account in this process: no socket between the SDK and the store."""

    name = "tigerstripe"
    needs: tuple[str, ...] = ("stripe", "tigerstripe")

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self.use(self._store)

    def use(self, store: Any) -> None:
        """Be the account that is a store's namespace."""
        self.account = import_module("tigerstripe").Account(store)
        self.client = self.account.client()

    def fill(self, table: str, count: int) -> None:
        """Create one customer by a request, and copy what that wrote under other ids.

        Of charges, one for each of so many customers.
        """
        if table == "charges":
            self._fill_charges(count)
            return
        self.client.v1.customers.create(PARAMS)
        customers, events, keys = map(
            self.account.store.table, ("customers", "events", "idempotency_keys")
        )
        (made,), (event,), (kept,) = customers, events, keys
        for begin in range(1, count, CHUNK):
            numbers = range(begin, min(begin + CHUNK, count))
            copies = [{**made, "id": identifier("cus", number)} for number in numbers]
            customers.insert_many(copies)
            events.insert_many(
                {**event, "id": identifier("evt", number), "data": {"object": copy}}
                for number, copy in zip(numbers, copies, strict=True)
            )
            keys.insert_many({**kept, "id": copy["id"], "key": copy["id"]} for copy in copies)

    def _fill_charges(self, count: int) -> None:
        self.fill("customers", count)
        self.client.v1.payment_intents.create({**PAYMENT, **PAYS, "confirm": True})
        charges = self.account.store.charges
        (made,) = charges
        owners = [customer["id"] for customer in self.account.store.customers]
        charges.insert_many(
            {**made, "id": made["id"] if number == 0 else identifier("ch", number), "customer": id}
            for number, id in enumerate(owners)
        )


class Batches(Tigerstripe):
    """A store without the API: what an account has made once is written again, in batches."""

    name = "floor, batches"


class TigerstripeServe(Tigerstripe):
    """`tigerd stripe serve`, asked over HTTP."""

    name = "tigerstripe serve"
    needs = ("stripe", "tigerstripe", "uvicorn")
    workers = 2
    _server: subprocess.Popen[str] | None = None

    def start(self, directory: Path) -> None:
        super().start(directory)
        command = ["stripe", "serve", "--dir", str(directory), "--port", "0"]
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tigerd", *command, "--workers", str(self.workers)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._server.stdout
        (directory / "url").write_text(json.loads(self._server.stdout.readline())["url"])

    def stop(self, directory: Path) -> None:
        if self._server:
            self._server.terminate()
            self._server.communicate(timeout=START_TIMEOUT_S)
        super().stop(directory)

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self.client = self._over_http(directory, f"sk_test_{NAMESPACE}")


class Localstripe(StripeApi):
    """localstripe, which is one process; what it saves at each write goes to the directory."""

    name = "localstripe"
    needs = ("stripe", "localstripe")
    _server: subprocess.Popen[bytes] | None = None

    PROGRAM = """
import sys
from localstripe import resources, server
path = sys.argv.pop(1)  # not /tmp/localstripe.pickle, which another may use
resources.open = lambda _, mode: open(path, mode)
server.start()
"""

    def start(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-c", self.PROGRAM, str(directory / "saved")]
        self._server = subprocess.Popen(
            [*command, "--port", str(port), "--from-scratch"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        self._wait_until_it_answers(url)
        (directory / "url").write_text(url)

    def stop(self, directory: Path) -> None:
        if self._server:
            self._server.terminate()
            self._server.wait(START_TIMEOUT_S)

    def open(self, directory: Path, table: str) -> None:
        self.client = self._over_http(directory, "sk_test_12345")

    def _wait_until_it_answers(self, url: str) -> None:
        assert self._server
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                urlopen(f"{url}/v1/customers", timeout=START_TIMEOUT_S).close()
            except HTTPError:  # of a request without a key
                return
            except URLError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
