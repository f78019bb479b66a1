"""Calls that are refused, and the errors of them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe


def refused(call: Any, *given: Any, **params: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as raised:
        call(*given, **params)
    return raised.value


def declined(call: Any, *given: Any, **params: Any) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as raised:
        call(*given, **params)
    assert raised.value.http_status == 402
    return raised.value
