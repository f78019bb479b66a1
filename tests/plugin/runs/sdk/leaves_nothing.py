"""Looks at what an account changes of the process, and at what is left of it."""

import os

import stripe
from stripe._api_requestor import _APIRequestor

import tigerstripe

BEFORE = os.environ.get("PYTHONPATH"), _APIRequestor._get_http_client, stripe.api_key


def test_uses(tiger_stripe: tigerstripe.Account) -> None:
    assert os.environ["PYTHONPATH"] != BEFORE[0]


def test_does_not() -> None:
    after = os.environ.get("PYTHONPATH"), _APIRequestor._get_http_client, stripe.api_key
    assert after == BEFORE
