"""The transport in the SDK: installed and put back, sync and async, threads and forks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.programs import requests
from tests.support import program


def test_nothing_of_the_sdk_is_changed_after_it(shared_store) -> None:
    def state() -> list[Any]:
        made = stripe.StripeClient("sk_test_x")
        transport = type(made._requestor._get_http_client())
        return [stripe.default_http_client, stripe.api_key, stripe.enable_telemetry, transport]

    before = state()
    with tigerstripe.Account(shared_store).installed() as account:
        assert state() != before
        with account.sandbox() as other, other.installed():
            stripe.Customer.create(name="Jane")
            assert other.store.customers.count() == 1
        assert account.store.customers.count() == 0
    assert state() == before


def test_a_client_made_before_it_is_on_the_account_too(shared_store) -> None:
    before = stripe.StripeClient("sk_test_x")
    with tigerstripe.Account(shared_store).installed() as account:
        before.v1.customers.create({"name": "Jane"})
        stripe.StripeClient("sk_test_y").v1.customers.create({"name": "Joe"})
        assert account.store.customers.count() == 2


def test_a_client_that_was_given_an_account_keeps_it(account) -> None:
    with account.sandbox() as other:
        other.client().v1.customers.create({"name": "Jane"})
        assert (account.store.customers.count(), other.store.customers.count()) == (0, 1)


def test_uninstall_without_install_is_fine() -> None:
    tigerstripe.uninstall()


def test_the_account_of_the_environment_is_installed(shared_directory, monkeypatch) -> None:
    monkeypatch.setenv("TIGERD_DIR", shared_directory)
    monkeypatch.setenv("TIGERD_NAMESPACE", "of the environment")
    account = tigerstripe.install()
    try:
        stripe.Customer.create(name="Jane")
        assert account.name == "of the environment"
        assert account.api_key == "sk_test_of%20the%20environment"
        account.store.clear_namespace()
    finally:
        tigerstripe.uninstall()


def test_async_calls_need_no_loop_of_ours(account, client) -> None:
    async def use() -> list[str]:
        made = await stripe.Customer.create_async(name="Jane")
        await client.v1.customers.create_async({"name": "Joe"})
        page = await stripe.Customer.list_async(limit=1)
        names = [customer.name async for customer in page.auto_paging_iter()]
        assert (await client.v1.customers.retrieve_async(made.id)).name == "Jane"
        return names

    assert asyncio.run(use()) == ["Joe", "Jane"]


def test_threads_share_an_account(account) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stripe.Customer.create(name=str(n)), range(20)))
    assert account.store.customers.count() == 20


def test_ids_with_what_urls_have_otherwise_are_found(account) -> None:
    stripe.Coupon.create(id="A B/C+ü", percent_off=5)
    assert stripe.Coupon.retrieve("A B/C+ü").id == "A B/C+ü"


def test_a_raw_request_is_answered(client) -> None:
    client.v1.coupons.create({"percent_off": 5, "id": "A"})
    raw = client.raw_request("get", "/v1/coupons/A")
    assert raw.headers["Request-Id"].startswith("req_")
    assert client.deserialize(raw, api_mode="V1").percent_off == 5


def test_of_processes_that_want_one_code_one_has_it(shared_directory, account) -> None:
    stripe.Coupon.create(id="C", percent_off=5)
    racers = [
        subprocess.Popen(
            program.command(requests.wins_of_a_code, shared_directory, account.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    won = [int(racer.communicate("go\n", timeout=60)[0]) for racer in racers]
    assert sum(won) == 1
    codes = [e for e in account.events() if e["type"] == "promotion_code.created"]
    assert len(codes) == account.store.promotion_codes.count() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_children_make_other_ids(account, run_program) -> None:
    run_program(requests.children_create, account.store.directory, account.name)
    assert account.store.customers.count() == 31


def test_importing_the_library_loads_nothing_of_it() -> None:
    code = "import sys, tiger, tigerd; assert not {'tigerstripe', 'stripe'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_it_loads_no_sdk() -> None:
    code = "import sys, tigerstripe; assert 'stripe' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_accounts_may_be_uninstalled_in_whatever_order(account) -> None:
    with account.sandbox() as first, account.sandbox() as second:
        one, two = first.installed(), second.installed()
        one.__enter__()
        two.__enter__()
        one.__exit__(None, None, None)
        stripe.Customer.create(name="Jane")
        assert second.store.customers.count() == 1
        two.__exit__(None, None, None)
        stripe.Customer.create(name="Joe")
        assert account.store.customers.count() == 1


def test_the_key_is_that_of_the_account_in_force_unless_it_is_the_applications(
    account, monkeypatch
) -> None:
    assert stripe.api_key == account.api_key
    with account.sandbox() as other:
        with other.installed():
            assert stripe.api_key == other.api_key
        assert stripe.api_key == account.api_key
        monkeypatch.setattr(stripe, "api_key", "sk_test_mine")
        with other.installed():
            assert stripe.api_key == "sk_test_mine"


def test_without_the_sdk_it_is_said_what_to_install(run_program) -> None:
    assert "pip install tigerd[stripe]" in run_program(requests.error_without_the_sdk)
