"""Several processes want the same thing at the same moment."""

from __future__ import annotations

import stripe

import customers


def test_a_new_customer_is_made_once(tiger_stripe, crowd):
    """All use one idempotency key: one creates the customer, the others get its answer."""
    ids = crowd.run(customers.register, tiger_stripe.store, "ben@example.com")
    assert len(set(ids)) == 1
    assert len(stripe.Customer.list(email="ben@example.com").data) == 1


def test_a_code_is_given_out_once(tiger_stripe, crowd):
    """Two active promotion codes never have the same code."""
    outcomes = crowd.run(customers.give_out, tiger_stripe.store, "WINTER")
    assert sorted(outcomes) == ["given out", "taken", "taken"]


def test_a_balance_is_the_sum_of_what_all_have_done(tiger_stripe, crowd):
    ann = stripe.Customer.list(email="ann@example.com").data[0].id
    crowd.run(customers.give_back, tiger_stripe.store, ann, 5)
    assert stripe.Customer.retrieve(ann).balance == -15
    history = stripe.Customer.list_balance_transactions(ann, limit=100)
    assert sorted(entry.ending_balance for entry in history) == list(range(-15, 0))
