"""`tigerd stripe`: what its commands print, and what they say of wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import tigerstripe


@pytest.fixture
def cli(tigerd, shared_directory: str, mine: tigerstripe.Account) -> Any:
    """`cli("events", ...)`: `tigerd stripe events` on that account."""
    environment = {"TIGERD_DIR": shared_directory, "TIGERD_NAMESPACE": mine.name}

    def run(*arguments: str, **options: Any) -> Any:
        return tigerd("stripe", *arguments, directory=None, env=environment, **options)

    return run


def test_a_trigger_shows_in_events_and_requests(cli, mine) -> None:
    triggered = cli("trigger", "price.created", "--json")
    assert [e["type"] for e in json.loads(triggered.stdout)] == ["product.created", "price.created"]
    assert json.loads(cli("events", "--json").stdout) == mine.events()
    [row] = cli("events", "--type", "price.*").stdout.splitlines()
    price = mine.events("price.created")[0]
    assert row.split("\t") == [
        str(price["created"]), "price.created", price["data"]["object"]["id"], price["id"],
    ]  # fmt: skip
    rows = [row.split("\t")[:3] for row in cli("requests").stdout.splitlines()]
    assert rows == [["POST", "/v1/products", "200"], ["POST", "/v1/prices", "200"]]


def test_events_are_followed_as_they_happen(mine, shared_directory) -> None:
    with mine.installed():
        import stripe

        stripe.Customer.create(name="before")
        command = ["stripe", "events", "--follow", "--json", "--dir", shared_directory]
        follower = subprocess.Popen(
            [sys.executable, "-m", "tigerd", *command, "--namespace", mine.name],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        try:
            assert follower.stdout is not None
            names = []
            for name in ("first", "second"):
                names.append(json.loads(follower.stdout.readline())["data"]["object"]["name"])
                stripe.Customer.create(name=name)
            names.append(json.loads(follower.stdout.readline())["data"]["object"]["name"])
        finally:
            follower.terminate()
            follower.communicate()
    assert names == ["before", "first", "second"]


def test_the_clock_is_moved_and_what_waits_is_sent(cli, mine) -> None:
    mine.freeze(1_700_000_000)
    assert cli("advance", "--days", "1").stdout == "1700086400\n"
    past = cli("advance", "--to", "5")
    assert (past.returncode, "the clock shows 1700086400 already" in past.stderr) == (2, True)
    with mine.installed():
        import stripe

        stripe.WebhookEndpoint.create(url="http://127.0.0.1:1/", enabled_events=["*"])
        stripe.Customer.create()
    failed = cli("deliver")
    assert failed.returncode == 1
    assert failed.stdout.startswith("customer.created\thttp://127.0.0.1:1/\tpending\tConnection")


def test_a_session_is_completed_once(cli, mine) -> None:
    with mine.installed():
        import stripe

        session = stripe.checkout.Session.create(
            mode="setup", currency="usd", success_url="https://shop.test/"
        )
    declined = cli("complete", session.id, "--payment-method", "pm_card_chargeDeclined")
    assert (declined.returncode, "Your card was declined." in declined.stderr) == (1, True)
    with ThreadPoolExecutor(2) as pool:  # two processes: one of them wins
        both = [*pool.map(lambda _: cli("complete", session.id), range(2))]
    won, lost = sorted(both, key=lambda one: one.returncode)
    intent = session.setup_intent
    assert won.stdout == f"{session.id}\tcomplete\tno_payment_required\t{intent}\n"
    assert (lost.returncode, "has a status of `complete`" in lost.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("complete", "cs_x"), "No such checkout.session: cs_x"),
        (("advance",), "give --to, or some of --days"),
        (("advance", "--to", "5", "--days", "5"), "give --to, or some of --days"),
        (
            ("advance", "--days", "nan"),
            "tigerd: days=nan: expected a time span that ends before the year 2200",
        ),
        (("advance", "--days", "1e30"), "expected a time span that ends before the year 2200"),
        (("trigger", "prise.created"), "nothing here leads to 'prise.created'"),
        (("evnts",), "No such command 'evnts'. Did you mean 'events'"),
    ],
)
def test_wrong_usage_says_what_is_right(cli, arguments, message) -> None:
    wrong = cli(*arguments)
    assert wrong.returncode == 2
    assert message in wrong.stderr.replace("\n", " ")


def test_the_routes_are_those_that_are_built(cli) -> None:
    from tigerstripe.facts.table import facts
    from tigerstripe.objects import registry
    from tigerstripe.resources.tokens import RESOURCE as TOKENS

    rows = json.loads(cli("routes", "--all", "--json").stdout)
    built = {f"{row['method']} {row['path']}" for row in rows if row["state"] != "501"}
    assert built == set(registry.built())
    assert len(rows) == len(facts().operations)
    tokens = next(row for row in rows if (row["method"], row["path"]) == ("POST", "/v1/tokens"))
    assert (tokens["state"], tokens["not_yet"]) == ("in part", list(TOKENS.not_yet))


def test_a_command_and_what_it_starts_use_the_account(cli, mine) -> None:
    child = "import stripe; print(stripe.Customer.create(name='child').name)"
    code = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {child!r}]))"
    directory = str(mine.store.directory)
    done = cli("run", "--dir", directory, "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (0, "child\n")
    assert [e["type"] for e in mine.events()] == ["customer.created"]
