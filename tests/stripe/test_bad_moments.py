"""Requests at bad moments: with another process, and without a daemon that answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
import stripe

import tigerstripe
from tests.stripe.programs import requests
from tests.support import program
from tests.support.file_system import small_file_system


def test_of_two_requests_with_one_key_at_once_one_is_done(account) -> None:
    command = program.command(requests.creates_by_key, account.store.directory, account.name)
    asking = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in asking:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in asking:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, two = (json.loads(process.communicate(timeout=60)[0]) for process in asking)
    assert one == two
    assert account.store.customers.count() == 20
    assert len(account.events("customer.created")) == 20


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_a_cursor_of_another_list_is_refused(account, name) -> None:
    product = stripe.Product.create(name="Tea")
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as raised:
        stripe.Customer.list(**{name: product.id})
    assert raised.value.param == name
    with account.sandbox() as other:
        stranger = other.client().v1.customers.create({"name": "Jane"})
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            stripe.Customer.list(**{name: stranger.id})


def test_after_a_daemon_that_was_killed_nothing_is_lost_or_double(directory) -> None:
    with tigerstripe.connect(directory) as account, account.installed():
        stripe.Customer.create(name="Jane", idempotency_key="a")
        os.kill(account.store.ping()["pid"], signal.SIGKILL)
        assert [customer.name for customer in stripe.Customer.list()] == ["Jane"]
        stripe.Customer.create(name="Joe")
        again = stripe.Customer.create(name="Jane", idempotency_key="a")
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert account.store.customers.count() == len(account.events()) == 2


def test_a_full_store_is_told_of_and_nothing_is_half_done(directory, run_program) -> None:
    prefix = small_file_system(directory, "4m")
    told = run_program(requests.fills_the_store, directory, prefix=prefix)
    assert "tigerstripe's store could not do it: shared memory is full" in told
    assert "of 4.0 MiB are free there: clear namespaces, give it more" in told


def test_a_daemon_that_is_stopped_is_told_of_and_reads_go_on(directory) -> None:
    with tigerstripe.connect(directory, timeout_s=0.5) as account, account.installed():
        made = stripe.Customer.create(name="Jane", idempotency_key="j")
        daemon = account.store.ping()["pid"]
        os.kill(daemon, signal.SIGSTOP)
        try:
            assert stripe.Customer.create(name="Jane", idempotency_key="j") == made
            assert [customer.name for customer in stripe.Customer.list()] == ["Jane"]
            with pytest.raises(stripe.APIError, match="tigerstripe's store could not") as raised:
                stripe.Customer.create(name="Joe", idempotency_key="a")
            assert raised.value.headers["stripe-should-retry"] == "false"
        finally:
            os.kill(daemon, signal.SIGCONT)
        stripe.Customer.create(name="Joe", idempotency_key="a")
        assert account.store.customers.count() == 2
