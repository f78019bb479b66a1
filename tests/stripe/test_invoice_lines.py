"""The lines of a draft: put on it, changed and taken off, until it is finalized."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import amounts


@pytest.fixture
def draft(client) -> Any:
    customer = stripe.Customer.create(email="jane@example.com")
    return stripe.Invoice.create(customer=customer.id, currency="usd")


def test_lines_are_put_on_a_draft_with_what_waits(draft) -> None:
    waiting = stripe.InvoiceItem.create(customer=draft.customer, amount=300, currency="usd")
    done = stripe.Invoice.add_lines(
        draft.id,
        lines=[
            {"amount": 500, "description": "Setup"},
            {"invoice_item": waiting.id},
            {"quantity": 3, "price_data": {"currency": "usd", "product_data": {"name": "Hour"},
                                           "unit_amount": 100}},
        ],
        invoice_metadata={"order": "7"},
    )  # fmt: skip
    assert (amounts(done), done.total) == ([500, 300, 300], 1100)
    assert done.metadata["order"] == "7"
    assert stripe.InvoiceItem.retrieve(waiting.id).invoice == draft.id


def test_a_changed_line_stays_where_it_is_and_what_it_is(draft) -> None:
    done = stripe.Invoice.add_lines(draft.id, lines=[{"amount": 500}, {"amount": 300}])
    first = done.lines.data[0]
    line = stripe.InvoiceLineItem.modify(draft.id, first.id, amount=700, description="More")
    assert (line.id, line.amount, line.description) == (first.id, 700, "More")
    assert amounts(stripe.Invoice.retrieve(draft.id)) == [700, 300]
    changes = [
        {"id": one.id, "metadata": {"place": str(n)}} for n, one in enumerate(done.lines.data)
    ]
    done = stripe.Invoice.update_lines(draft.id, lines=changes)
    assert [one.metadata["place"] for one in done.lines.data] == ["0", "1"]
    assert done.total == 1000


def test_a_line_taken_off_is_deleted_or_waits_again(draft) -> None:
    done = stripe.Invoice.add_lines(draft.id, lines=[{"amount": 500}, {"amount": 300}])
    kept, gone = (line.parent.invoice_item_details.invoice_item for line in done.lines.data)
    done = stripe.Invoice.remove_lines(
        draft.id,
        lines=[
            {"id": done.lines.data[0].id, "behavior": "unassign"},
            {"id": done.lines.data[1].id, "behavior": "delete"},
        ],
    )
    assert (amounts(done), done.total) == ([], 0)
    assert stripe.InvoiceItem.retrieve(kept).invoice is None
    with pytest.raises(stripe.InvalidRequestError, match="No such invoiceitem"):
        stripe.InvoiceItem.retrieve(gone)


def test_a_line_of_a_subscription_is_changed_on_its_draft(account, client) -> None:
    account.freeze()
    price = stripe.Price.create(
        product_data={"name": "Club"},
        unit_amount=900,
        currency="usd",
        recurring={"interval": "month"},
    ).id
    customer = stripe.Customer.create(email="jane@example.com").id
    made = stripe.Subscription.create(
        customer=customer,
        items=[{"price": price}],
        collection_method="send_invoice",
        days_until_due=7,
        expand=["latest_invoice"],
    )
    line = made.latest_invoice.lines.data[0]
    stripe.InvoiceLineItem.modify(made.latest_invoice.id, line.id, amount=500)
    account.advance(hours=2)
    invoice = stripe.Invoice.retrieve(made.latest_invoice.id)
    assert (invoice.status, invoice.amount_due) == ("open", 500)
    with pytest.raises(stripe.InvalidRequestError, match="this invoice is open"):
        stripe.InvoiceLineItem.modify(invoice.id, line.id, amount=5)


@pytest.mark.parametrize(
    ("call", "params", "message"),
    [
        ("add_lines", {"lines": [{"amount": 5}, {"pricing": {"price": "price_x"}}]}, "price_x"),
        ("add_lines", {"lines": [{"invoice_item": "ii_x"}]}, "ii_x"),
        ("update_lines", {"lines": [{"id": "il_x", "amount": 5}]}, "No such line_item: 'il_x'"),
        ("remove_lines", {"lines": [{"id": "il_x", "behavior": "delete"}]}, "il_x"),
    ],
)
def test_lines_that_cannot_be_change_nothing(draft, call, params, message) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        getattr(stripe.Invoice, call)(draft.id, **params)
    assert refused.value.param.startswith("lines[")
    assert stripe.Invoice.retrieve(draft.id) == draft
    assert not stripe.InvoiceItem.list().data
