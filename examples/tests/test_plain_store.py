"""The store without Stripe: a fake carrier whose own table several processes share."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tiger

CARRIER = """
import tiger

with tiger.connect() as store:  # the account of the test that started it
    parcel = store.parcels.wait_for(status="labelled")
    store.parcels.patch(parcel["id"], {"status": "delivered"})
"""


@pytest.fixture
def parcels(tiger_store):
    """The carrier's parcels: a table that is not Stripe's."""
    return tiger_store.define("parcels", prefix="par", indexes=["order"])


def take(parcel):
    """Put a label on a parcel, unless somebody was faster."""
    if parcel["status"] != "waiting":
        raise ValueError(parcel["status"])
    parcel["status"] = "labelled"


def hand_over(store, *ids):
    """Give several parcels to the carrier, in one commit."""
    with store.batch() as batch:
        for id in ids:
            batch.parcels.create({"id": id, "status": "waiting"})


def test_a_parcel_arrives(tiger_store, parcels):
    """`wait_for` returns as soon as the other process has written; nothing sleeps."""
    parcel = parcels.insert({"order": "order_1", "status": "waiting"})
    mark = tiger_store.mark()
    with subprocess.Popen([sys.executable, "-c", CARRIER]) as carrier:
        parcels.modify(parcel["id"], take)
        parcels.wait_for(id=parcel["id"], status="delivered", timeout_s=30)
    assert carrier.returncode == 0
    tiger_store.assert_changes(since=mark, updated={"parcels": 1})


def test_a_parcel_has_one_label(tiger_store, parcels):
    parcel = parcels.insert({"order": "order_1", "status": "waiting"})
    parcels.modify(parcel["id"], take)
    with pytest.raises(ValueError, match="labelled"):
        parcels.modify(parcel["id"], take)


def test_a_batch_is_done_as_a_whole_or_not_at_all(tiger_store, parcels):
    parcels.create({"id": "par_2", "order": "order_2"})
    with pytest.raises(tiger.AlreadyExists):
        hand_over(tiger_store, "par_1", "par_2")
    assert "par_1" not in parcels
