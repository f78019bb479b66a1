"""Faults on request: the next requests that match fail, are slow or are lost."""

from __future__ import annotations

import asyncio
import subprocess

import pytest
import stripe

from tests.stripe.programs import requests
from tests.support import program


def test_the_next_request_that_matches_fails_and_does_nothing(account) -> None:
    account.fail_next("POST /v1/customers", status=500)
    stripe.Product.create(name="Tea")
    with pytest.raises(stripe.APIError, match="was asked for: fail_next") as raised:
        stripe.Customer.create(name="Jane")
    assert raised.value.http_status == 500
    assert raised.value.headers["stripe-should-retry"] == "false"
    assert account.store.customers.count() == 0
    assert stripe.Customer.create(name="Jane").name == "Jane"
    assert [r["status"] for r in account.requests("/v1/customers")] == [500, 200]


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"status": 429}, stripe.RateLimitError, {"code": "rate_limit"}),
        ({"code": "rate_limit"}, stripe.RateLimitError, {"code": "rate_limit"}),
        ({"status": 503}, stripe.APIError, {"type": "api_error"}),
        ({}, stripe.APIError, {"type": "api_error"}),
        ({"status": 401}, stripe.AuthenticationError, {}),
        ({"status": 403}, stripe.PermissionError, {}),
        (
            {"code": "card_declined", "decline_code": "lost_card", "message": "No."},
            stripe.CardError,
            {"decline_code": "lost_card", "message": "No.", "type": "card_error"},
        ),
        (
            {"code": "insufficient_funds"},
            stripe.CardError,
            {"code": "card_declined", "decline_code": "insufficient_funds"},
        ),
        ({"status": 402}, stripe.CardError, {"decline_code": "generic_decline"}),
        ({"code": "expired_card"}, stripe.CardError, {"code": "expired_card"}),
        (
            {"decline_code": "do_not_honor"},
            stripe.CardError,
            {"code": "card_declined", "decline_code": "do_not_honor"},
        ),
        (
            {"code": "parameter_invalid_empty", "param": "name"},
            stripe.InvalidRequestError,
            {"param": "name"},
        ),
    ],
)
def test_a_failure_is_the_error_that_the_sdk_knows(account, asked, kind, said) -> None:
    account.fail_next("* /v1/*", **asked)
    with pytest.raises(kind) as raised:
        stripe.Customer.list()
    error = raised.value.json_body["error"]
    assert {name: error[name] for name in said} == said


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("GET /v1/customers", False),
        ("GET /v1/customers/*", True),
        ("GET /v1/customers/{customer}", True),
        ("GET /v1/customers/cus_1", True),
        ("* /v1/customers/cus_*", True),
        ("POST /v1/customers/cus_1", False),
        ("GET /v1/customers/cus_2", False),
        ("GET /v1/{any}", False),
    ],
)
def test_a_match_is_of_method_and_path(account, match, fits) -> None:
    account.store.customers.insert(CUSTOMER)
    if match == "GET /v1/{any}":
        with pytest.raises(ValueError, match="Unrecognized request URL"):
            account.fail_next(match)
        return
    account.fail_next(match, status=500)
    if fits:
        with pytest.raises(stripe.APIError):
            stripe.Customer.retrieve("cus_1")
    assert stripe.Customer.retrieve("cus_1").id == "cus_1"


PAY = "POST /v1/payment_intents"
CUSTOMER = {"id": "cus_1", "object": "customer"}


def test_it_fails_so_many_times_in_the_order_asked_for(account) -> None:
    account.fail_next("GET /v1/customers", status=500, times=2)
    account.fail_next("GET /v1/customers", status=429)
    seen = []
    for _ in range(4):
        try:
            stripe.Customer.list()
            seen.append(200)
        except stripe.StripeError as error:
            seen.append(error.http_status)
    assert seen == [500, 500, 429, 200]


def test_the_sdk_retries_if_it_is_asked_for(account) -> None:
    client = account.client(max_network_retries=2)
    account.fail_next("POST /v1/customers", status=500, retry=True)
    assert client.v1.customers.create({"name": "Jane"}).name == "Jane"
    account.fail_next("POST /v1/customers", lost="answer", retry=True)
    again = client.v1.customers.create({"name": "Joe"})
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert account.store.customers.count() == 2


def test_a_connection_that_is_lost(account) -> None:
    account.fail_next("POST /v1/customers", lost="request")
    account.fail_next("POST /v1/customers", lost="answer")
    with pytest.raises(stripe.APIConnectionError):
        stripe.Customer.create(name="Jane", idempotency_key="k")
    assert account.store.customers.count() == 0
    with pytest.raises(stripe.APIConnectionError):
        stripe.Customer.create(name="Jane", idempotency_key="k")
    assert account.store.customers.count() == 1
    stripe.Customer.create(name="Jane", idempotency_key="k")
    assert account.store.customers.count() == 1


def test_a_fault_is_not_kept_under_the_idempotency_key(account) -> None:
    account.fail_next("POST /v1/customers", status=500)
    with pytest.raises(stripe.APIError):
        stripe.Customer.create(name="Jane", idempotency_key="k")
    made = stripe.Customer.create(name="Jane", idempotency_key="k")
    assert made.last_response.headers.get("Idempotent-Replayed") is None


def test_an_answer_is_late_in_sync_and_async(account, monkeypatch) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(("async", seconds))

    monkeypatch.setattr("tigerstripe.transport.time.sleep", lambda s: slept.append(("sync", s)))
    monkeypatch.setattr("tigerstripe.transport.asyncio.sleep", sleep)
    account.delay_next("GET /v1/customers", 2)
    account.delay_next("GET /v1/customers", 0.5)
    account.fail_next("GET /v1/customers", status=500)
    with pytest.raises(stripe.APIError):
        stripe.Customer.list()
    asyncio.run(stripe.Customer.list_async())
    stripe.Customer.list()
    assert slept == [("sync", 2.0), ("async", 0.5)]


def test_a_fault_is_of_one_account_and_of_what_was_forked_from_it(account) -> None:
    account.fail_next("GET /v1/customers", status=500)
    with account.sandbox() as other:
        other.client().v1.customers.list()
    with account.fork() as child, pytest.raises(stripe.APIError):
        child.client().v1.customers.list()
    with account.savepoint(), pytest.raises(stripe.APIError):
        stripe.Customer.list()
    with pytest.raises(stripe.APIError):
        stripe.Customer.list()


def test_an_operation_that_is_not_built_can_fail_too(account) -> None:
    account.fail_next("GET /v1/climate/orders", status=503)
    with pytest.raises(stripe.APIError, match="was asked for"):
        stripe.climate.Order.list()


def test_all_processes_use_up_what_was_asked_for_once(account) -> None:
    account.fail_next("GET /v1/customers", status=429, times=13)
    command = program.command(requests.rate_limited, account.store.directory, account.name)
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in asking) == 13


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a: a.fail_next("/v1/customers"), "use a method and a path"),
        (lambda a: a.fail_next("post /v1/customers"), "use a method and a path"),
        (lambda a: a.fail_next("POST /v1/customer"), "Unrecognized request URL"),
        (lambda a: a.fail_next("POST /v1/customers", status=200), "400 to 599"),
        (lambda a: a.fail_next("POST /v1/customers", times=0), "use 1 or more"),
        (lambda a: a.fail_next("POST /v1/customers", lost="all"), "'request' or 'answer'"),
        (lambda a: a.fail_next("POST /v1/customers", 500, lost="answer"), "leave out status"),
        (lambda a: a.delay_next("POST /v1/customers", 0), "a number above 0"),
        (lambda a: a.delay_next("POST /v1/customers", "2"), "a number above 0"),
        (lambda a: a.delay_next("POST /v1/customers", float("nan")), "a number above 0"),
        (lambda a: a.fail_next("POST /v1/customers", status="500"), "400 to 599"),
        (lambda a: a.fail_next("POST /v1/customers", status=500.0), "400 to 599"),
        (lambda a: a.fail_next("POST /v1/customers", times="2"), "use 1 or more"),
        (lambda a: a.fail_next("POST /v1/customers", times=1.5), "use 1 or more"),
        (lambda a: a.fail_next("POST /v1/customers", times=True), "use 1 or more"),
        (lambda a: a.fail_next(PAY, decline_code="lost_crad"), "did you mean 'lost_card'"),
        (lambda a: a.fail_next(PAY, decline_code="typo"), "do_not_honor, .*lost_card"),
        (lambda a: a.fail_next(PAY, decline_code="typo", status=500), "lost_card"),
        (lambda a: a.fail_next(PAY, code="card_decline"), "did you mean 'card_declined'"),
        (lambda a: a.fail_next(PAY, code=7), "no such name"),
        (lambda a: a.fail_next(PAY, decline="lost_card"), "did you mean 'decline_code'"),
        (lambda a: a.fail_next(PAY, type="card"), "use one of api_error, card_error"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(account, call, said) -> None:
    with pytest.raises(ValueError, match=said):
        call(account)
    assert account.waiting_faults() == []
