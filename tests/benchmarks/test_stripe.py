"""What answers the SDK in the benchmarks: the floor answers as much as an account does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import stripe

from benchmarks.at_once import CUSTOMER, AtOnce
from benchmarks.peers.stripe_api import PARAMS, PAYMENT, PAYS, SdkFloor, StripeApi, Tigerstripe


def test_the_floor_answers_with_an_object_as_large_as_a_real_one(shared_store) -> None:
    peer = account_of(shared_store)
    real = peer.client.v1.customers.create(PARAMS)
    floor = stripe.StripeClient("sk_test_floor", http_client=AtOnce()).v1.customers.create(PARAMS)
    assert size(real) == size(floor) == len(json.dumps(CUSTOMER))
    assert real.to_dict().keys() == floor.to_dict().keys()
    sent = {name.lower() for name in floor.last_response.headers}
    assert real.last_response.headers.keys() == sent


def test_the_floor_answers_a_payment_and_a_page_as_an_account_does(shared_store) -> None:
    real, floor = account_of(shared_store), SdkFloor()
    floor.open(Path(), "charges")
    for peer in (real, floor):
        peer.fill("charges", 100)
    theirs, mine = page(real), page(floor)
    assert len(theirs) == len(mine) == 100
    assert theirs[0].keys() == mine[0].keys()
    assert theirs[0]["customer"].keys() == mine[0]["customer"].keys()
    assert paid(real).keys() == paid(floor).keys()


def test_the_floor_lists_ten() -> None:
    customers = stripe.StripeClient("sk_test_floor", http_client=AtOnce()).v1.customers
    assert len(customers.list({"limit": 10}).data) == 10
    assert customers.retrieve("cus_1").object == "customer"


def test_an_account_is_filled_with_what_so_many_creates_write(shared_store) -> None:
    peer = account_of(shared_store)
    peer.fill("customers", 120)
    tables = ("customers", "events", "idempotency_keys")
    assert [shared_store.table(table).count() for table in tables] == [120] * 3
    page = peer.client.v1.customers.list({"limit": 100})
    ids = [customer.id for customer in page.auto_paging_iter()]
    assert len(set(ids)) == 120
    assert peer.client.v1.customers.retrieve(ids[60]).name == PARAMS["name"]


def account_of(store) -> Tigerstripe:
    peer = Tigerstripe()
    peer.use(store)
    return peer


def paid(peer: StripeApi) -> dict[str, Any]:
    intents = peer.client.v1.payment_intents
    intent = intents.confirm(intents.create(PAYMENT).id, PAYS)
    assert intent.status == "succeeded"
    return intent.to_dict()


def page(peer: StripeApi) -> list[dict[str, Any]]:
    found = peer.client.v1.charges.list({"limit": 100, "expand": ["data.customer"]})
    return [charge.to_dict() for charge in found.data]


def size(customer: stripe.Customer) -> int:
    return len(json.dumps(customer.to_dict()))
