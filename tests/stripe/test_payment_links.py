"""Payment links: what they sell, and what is changed of it."""

from __future__ import annotations

import pytest
import stripe


def test_a_link_is_made_of_its_items(account, price) -> None:
    link = stripe.PaymentLink.create(
        line_items=[{"price": price, "quantity": 2}],
        after_completion={"type": "redirect", "redirect": {"url": "https://shop.test/"}},
        restrictions={"completed_sessions": {"limit": 3}},
        payment_intent_data={"description": "A mug"},
        metadata={"a": "1"},
        expand=["line_items"],
    )
    assert link.url.startswith("https://buy.stripe.com/test_")
    assert (link.currency, link.submit_type, link.customer_creation) == (
        "usd", "auto", "if_required",
    )  # fmt: skip
    assert link.after_completion.to_dict() == {
        "redirect": {"url": "https://shop.test/"}, "type": "redirect",
    }  # fmt: skip
    assert link.restrictions.completed_sessions.to_dict() == {"count": 0, "limit": 3}
    assert link.payment_intent_data.description == "A mug"
    assert [(i.quantity, i.amount_total) for i in link.line_items.data] == [(2, 3000)]
    assert "line_items" not in stripe.PaymentLink.retrieve(link.id)


def test_a_link_is_changed_in_what_is_named(account, price) -> None:
    link = stripe.PaymentLink.create(
        line_items=[{"price": price, "quantity": 2}], inactive_message="Sold out"
    )
    item = stripe.PaymentLink.list_line_items(link.id).data[0]
    changed = stripe.PaymentLink.modify(
        link.id,
        active=False,
        line_items=[{"id": item.id, "quantity": 3}],
        custom_text={"submit": {"message": "Thanks"}},
    )
    assert (changed.active, changed.inactive_message, changed.url) == (False, "Sold out", link.url)
    assert changed.custom_text.submit.message == "Thanks"
    left = stripe.PaymentLink.list_line_items(link.id).data
    assert [(i.id, i.quantity, i.amount_total) for i in left] == [(item.id, 3, 4500)]
    assert stripe.PaymentLink.list(active=True).data == []
    cleared = stripe.PaymentLink.modify(link.id, inactive_message="")
    assert (cleared.inactive_message, cleared.active) == (None, False)
    told = account.events("payment_link.*")
    assert [e["type"] for e in told] == ["payment_link.created", *["payment_link.updated"] * 2]
    assert told[1]["data"]["previous_attributes"]["active"] is True


def test_a_link_of_what_recurs_subscribes(account, monthly) -> None:
    link = stripe.PaymentLink.create(
        line_items=[{"price": monthly, "quantity": 1}], subscription_data={"trial_period_days": 7}
    )
    assert link.customer_creation == "always"
    assert link.subscription_data.trial_period_days == 7


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"line_items": [{"price": "price_x", "quantity": 1}]}, "No such price: 'price_x'"),
        ({"line_items": [{"price": None, "quantity": 0}]}, "greater than or equal to 1"),
        (
            {
                "line_items": [{"price": None, "quantity": 1}],
                "after_completion": {"type": "redirect"},
            },
            r"after_completion\[redirect\]",
        ),
        (
            {"line_items": [{"price": None, "quantity": 1}], "currency": "eur"},
            "supports currencies of `usd`",
        ),
    ],
)
def test_a_link_that_cannot_be_is_refused(account, price, params, message) -> None:
    items = [{**i, "price": i["price"] or price} for i in params["line_items"]]
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.PaymentLink.create(**{**params, "line_items": items})
    assert account.events("payment_link.*") == []
