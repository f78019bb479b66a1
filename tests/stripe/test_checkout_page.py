"""How the page of a checkout session looks, and what it asks."""

from __future__ import annotations

from typing import Any

import stripe

from tests.stripe.shop import HERE, Session, paid
from tigerstripe.facts.kinds import Kind, List, Obj, Page, Ref
from tigerstripe.facts.table import facts


def test_parameters_are_echoed(price) -> None:
    session = paid(
        price,
        client_reference_id="order-7",
        custom_fields=[
            {
                "key": "size",
                "label": {"type": "custom", "custom": "Size"},
                "type": "dropdown",
                "dropdown": {"options": [{"label": "S", "value": "s"}]},
            }
        ],
        optional_items=[{"price": price, "quantity": 1}],
        custom_text={"submit": {"message": "Soon yours"}},
        consent_collection={"terms_of_service": "required"},
        locale="de",
        metadata={"order": "7"},
        phone_number_collection={"enabled": True},
        shipping_address_collection={"allowed_countries": ["DE"]},
        tax_id_collection={"enabled": True},
        after_expiration={"recovery": {"enabled": True}},
    )
    shown = session.to_dict()
    assert shown["custom_fields"] == [
        {
            "dropdown": {
                "default_value": None,
                "options": [{"label": "S", "value": "s"}],
                "value": None,
            },
            "key": "size",
            "label": {"custom": "Size", "type": "custom"},
            "optional": False,
            "type": "dropdown",
        }
    ]
    assert shown["custom_text"]["submit"] == {"message": "Soon yours"}
    assert shown["custom_text"]["after_submit"] is None
    assert shown["consent_collection"] == {
        "payment_method_reuse_agreement": None,
        "promotions": None,
        "terms_of_service": "required",
    }
    assert shown["tax_id_collection"] == {"enabled": True, "required": "never"}
    assert shown["after_expiration"]["recovery"]["url"] is None
    assert shown["optional_items"] == [
        {"adjustable_quantity": None, "price": price, "quantity": 1}
    ]  # fmt: skip
    assert (shown["client_reference_id"], shown["locale"]) == ("order-7", "de")
    assert (shown["metadata"], shown["phone_number_collection"]) == (
        {"order": "7"},
        {"enabled": True},
    )


def faults_of(value: Any, kind: Kind, at: str) -> list[str]:
    """Return what is not there though the table says it always is, or is and not in the table."""
    if isinstance(kind, Ref):
        kind = facts().fields(kind.to)
    if isinstance(value, dict) and isinstance(kind, Page):
        return faults_of(value["data"], List(kind.of), at)
    if isinstance(value, list) and isinstance(kind, List):
        return [fault for item in value for fault in faults_of(item, kind.of, f"{at}[]")]
    if not isinstance(value, dict) or not isinstance(kind, Obj):
        return []
    always = {name for name, field in kind.fields.items() if field.is_required and field.until < 0}
    found = [f"{at}.{name}" for name in (always - set(value)) | (set(value) - set(kind.fields))]
    for name in set(value) & set(kind.fields):
        found += faults_of(value[name], kind.fields[name].kind, f"{at}.{name}")
    return found


def test_every_answer_agrees_with_the_table_in_all_its_parts(price, monthly) -> None:
    rate = stripe.TaxRate.create(display_name="VAT", percentage=19, inclusive=False).id
    coupon = stripe.Coupon.create(percent_off=10).id
    shipping = {
        "display_name": "Post",
        "type": "fixed_amount",
        "fixed_amount": {"amount": 5, "currency": "usd"},
    }
    custom = {"type": "custom", "custom": "A"}
    full = paid(
        price,
        line_items=[
            {
                "price": price,
                "quantity": 1,
                "tax_rates": [rate],
                "adjustable_quantity": {"enabled": True},
            }
        ],
        adaptive_pricing={"enabled": False},
        after_expiration={"recovery": {"enabled": True}},
        branding_settings={"display_name": "Shop"},
        consent_collection={"promotions": "auto"},
        custom_fields=[
            {"key": "a", "label": custom, "type": "text"},
            {"key": "b", "label": custom, "type": "numeric"},
        ],
        custom_text={"submit": {"message": "Go"}},
        customer=stripe.Customer.create(email="a@b.c").id,
        discounts=[{"coupon": coupon}],
        invoice_creation={
            "enabled": True,
            "invoice_data": {"rendering_options": {"amount_tax_display": "exclude_tax"}},
        },
        name_collection={"business": {"enabled": True}},
        optional_items=[{"price": price, "quantity": 1}],
        saved_payment_method_options={"payment_method_save": "enabled"},
        shipping_address_collection={"allowed_countries": ["US"]},
        shipping_options=[{"shipping_rate_data": shipping}],
        tax_id_collection={"enabled": True},
        wallet_options={"link": {"display": "never"}},
        expand=[
            "line_items.data.discounts",
            "line_items.data.taxes",
            "shipping_cost.taxes",
            "total_details.breakdown",
        ],
    )
    items = [{"price": monthly, "quantity": 1}]
    sessions = [
        full,
        Session.expire(full.id),
        Session.create(mode="subscription", line_items=items, **HERE),
        Session.create(mode="setup", currency="usd", customer_email="a@b.c", **HERE),
        paid(price, ui_mode="elements", return_url="https://shop.test/", success_url=None),
    ]
    for session in sessions:
        assert faults_of(session.to_dict(), facts().fields("checkout.session"), "") == []
    assert full.name_collection.business.optional is False


def test_a_page_within_the_application_s_own(price) -> None:
    items = [{"price": price, "quantity": 1}]
    session = Session.create(
        mode="payment", line_items=items, ui_mode="embedded_page", return_url="https://a.b/"
    )
    assert session.client_secret.startswith(f"{session.id}_secret_")
    assert (session.url, session.redirect_on_completion) == (None, "always")
    never = Session.create(
        mode="payment", line_items=items, ui_mode="custom", redirect_on_completion="never"
    )
    assert (never.ui_mode, never.return_url) == ("elements", None)


def test_the_page_s_kind_has_the_name_of_the_version(price) -> None:
    session = paid(price)
    assert session.ui_mode == "hosted_page"
    for version, name in (("2025-08-27.basil", "hosted"), ("2026-03-25.dahlia", "hosted_page")):
        assert Session.retrieve(session.id, stripe_version=version).ui_mode == name
    old = Session.retrieve(session.id, stripe_version="2025-08-27.basil").to_dict()
    assert "managed_payments" not in old
    assert "branding_settings" not in old


def test_the_payment_methods_of_buyers(price) -> None:
    assert paid(price).payment_method_types == ["card", "link"]
    only = paid(price, allowed_payment_method_types=["card"])
    assert (only.payment_method_types, only.allowed_payment_method_types) == (["card"], ["card"])
    assert paid(price, excluded_payment_method_types=["card"]).payment_method_types == ["link"]
    old = paid(price, payment_method_types=["klarna"])
    assert (old.payment_method_types, old.payment_method_configuration_details) == (
        ["klarna"],
        None,
    )
    options = paid(price, payment_method_options={"card": {"request_three_d_secure": "any"}})
    assert options.payment_method_options.card.request_three_d_secure == "any"
