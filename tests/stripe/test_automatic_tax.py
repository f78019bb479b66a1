"""Automatic tax: by the place of the customer, from the small table."""

from __future__ import annotations

import pytest
import stripe

CALIFORNIA = {"country": "US", "state": "CA"}


def invoice(address: dict[str, str], behavior: str = "exclusive", **params):
    """A draft with one line of 100.00, taxed automatically."""
    customer = stripe.Customer.create(address=address, **params).id
    price = stripe.Price.create(
        product_data={"name": "Mug"}, unit_amount=10000, currency="usd", tax_behavior=behavior
    ).id
    stripe.InvoiceItem.create(customer=customer, pricing={"price": price})
    return stripe.Invoice.create(
        customer=customer, automatic_tax={"enabled": True}, pending_invoice_items_behavior="include"
    )


@pytest.mark.parametrize(
    ("address", "behavior", "total", "tax"),
    [
        ({"country": "DE"}, "exclusive", 11900, 1900),
        ({"country": "DE"}, "inclusive", 10000, 1597),
        (CALIFORNIA, "exclusive", 10725, 725),
        ({"country": "US", "state": "OR"}, "exclusive", 10000, 0),
        ({"country": "BR"}, "exclusive", 10000, 0),
    ],
)
def test_the_place_says_the_rate(client, address, behavior, total, tax) -> None:
    made = invoice(address, behavior)
    assert made.total == total
    assert sum(one.amount for one in made.total_taxes) == tax
    assert made.total_excluding_tax == total - tax
    assert made.automatic_tax.status == "complete"


def test_the_rate_of_a_place_is_one_object(client) -> None:
    first, second = (invoice({"country": "FR"}).total_taxes[0] for _ in range(2))
    assert first.tax_rate_details.tax_rate == second.tax_rate_details.tax_rate
    assert stripe.TaxRate.retrieve(first.tax_rate_details.tax_rate).percentage == 20


def test_an_exempt_customer_pays_no_tax(client) -> None:
    assert invoice({"country": "DE"}, tax_exempt="exempt").total == 10000


def test_without_a_place_nothing_is_made(client) -> None:
    customer = stripe.Customer.create(email="jane@example.com").id
    with pytest.raises(stripe.InvalidRequestError, match="isn't recognized") as refused:
        stripe.Invoice.create(customer=customer, automatic_tax={"enabled": True})
    assert refused.value.code == "customer_tax_location_invalid"
    assert not stripe.Invoice.list().data
