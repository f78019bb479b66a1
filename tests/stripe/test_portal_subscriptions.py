"""What customers do with their subscriptions in the portal, and the flows that lead them there."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer, invoice_of
from tests.stripe.refusals import refused
from tests.stripe.visiting import visit

DAY_S = 24 * 3600
Configuration, Session = stripe.billing_portal.Configuration, stripe.billing_portal.Session
METHODS = {"payment_method_update": {"enabled": True}}
Subscription = stripe.Subscription


@pytest.fixture
def plans(served) -> dict[str, Any]:
    """A product with a price of 10 and one of 20 dollars a month, and one of 200 a year."""
    product = stripe.Product.create(name="Club").id

    def price(amount: int, interval: str = "month") -> str:
        recurring = {"interval": interval}
        money = {"currency": "usd", "unit_amount": amount, "recurring": recurring}
        return stripe.Price.create(product=product, **money).id

    return {
        "product": product, "small": price(1000), "big": price(2000), "year": price(20000, "year"),
    }  # fmt: skip


def updates(plans: dict[str, Any], **more: Any) -> Any:
    """Return a configuration that lets subscriptions be changed to all of the plans."""
    prices = [plans[name] for name in ("small", "big", "year")]
    products = [{"product": plans["product"], "prices": prices}]
    update = {
        "enabled": True, "products": products, "default_allowed_updates": ["price", "quantity"],
        **more,
    }  # fmt: skip
    return Configuration.create(features={**METHODS, "subscription_update": update})


def subscribed(price: str, method: str | None = "pm_card_visa", **more: Any) -> Any:
    return Subscription.create(customer=buyer(method).id, items=[{"price": price}], **more)


def opened(subscription: Any, configuration: Any = None, **more: Any) -> str:
    """Return the address of the portal of a subscription's customer."""
    if configuration is not None:
        more["configuration"] = configuration.id
    return Session.create(customer=subscription.customer, **more).url


def press(url: str, do: str, subscription: Any, **form: Any) -> tuple[int, str, str | None]:
    return visit(url, {"do": do, "subscription": subscription.id, **form})


def flow(kind: str, subscription: Any, after: dict[str, Any] | None = None, **more: Any) -> Any:
    data = {"type": kind, kind: {"subscription": subscription.id, **more}}
    return {**data, **({"after_completion": after} if after else {})}


class TestCanceling:
    def test_at_the_end_of_the_period_and_not_after_all(self, served, monthly) -> None:
        subscription = subscribed(monthly)
        url = opened(subscription)
        assert "Cancel subscription" in visit(url)[1]
        said = {"feedback": "too_expensive", "comment": "Sorry"}
        status, text, _ = press(url, "cancel", subscription, feedback="boredom")
        assert (status, "does not ask for this reason: boredom" in text) == (400, True)
        assert press(url, "cancel", subscription, **said)[0] == 303
        now = Subscription.retrieve(subscription.id)
        assert (now.status, now.cancel_at_period_end) == ("active", True)
        details = now.cancellation_details
        assert (details.feedback, details.comment) == ("too_expensive", "Sorry")
        assert details.reason == "cancellation_requested"
        assert "Ends on" in visit(url)[1]
        assert press(url, "keep", subscription)[0] == 303
        assert not Subscription.retrieve(subscription.id).cancel_at_period_end

    @pytest.mark.parametrize(
        ("behavior", "invoices"), [("none", 1), ("create_prorations", 1), ("always_invoice", 2)]
    )
    def test_at_once(self, served, monthly, behavior, invoices) -> None:
        how = {"enabled": True, "mode": "immediately", "proration_behavior": behavior}
        configuration = Configuration.create(features={"subscription_cancel": how})
        subscription = subscribed(monthly)
        served.advance(days=10)
        assert press(opened(subscription, configuration), "cancel", subscription)[0] == 303
        assert Subscription.retrieve(subscription.id).status == "canceled"
        assert len(stripe.Invoice.list(subscription=subscription.id).data) == invoices
        waiting = stripe.InvoiceItem.list(customer=subscription.customer, pending=True).data
        assert len(waiting) == (1 if behavior == "create_prorations" else 0)

    def test_only_one_s_own_and_only_if_it_is_enabled(self, served, monthly) -> None:
        mine, other = subscribed(monthly), subscribed(monthly)
        url = opened(mine)
        assert "No such subscription" in press(url, "cancel", other)[1]
        off = Configuration.create(features={"invoice_history": {"enabled": True}})
        url = opened(mine, off)
        assert "Cancel subscription" not in visit(url)[1]
        for do, name in (("cancel", "cancel"), ("pause", "pause"), ("change", "update")):
            status, text, _ = press(url, do, mine)
            assert (status, f"subscription {name} feature" in text) == (400, True), do
        assert "called dance" in press(url, "dance", mine)[1]
        assert "not for that" in press(url, "confirm", mine)[1]


class TestChanging:
    def test_to_another_price_and_quantity(self, served, plans) -> None:
        configuration = updates(plans, proration_behavior="always_invoice")
        subscription = subscribed(plans["small"])
        url = opened(subscription, configuration)
        text = visit(url)[1]
        for words in ("Club, $10.00 a month", "Club, $20.00 a month", "Club, $200.00 a year"):
            assert words in text
        assert press(url, "change", subscription, price=plans["big"], quantity="3")[0] == 303
        [item] = Subscription.retrieve(subscription.id)["items"].data
        assert (item.price.id, item.quantity) == (plans["big"], 3)
        amounts = [one.amount_paid for one in stripe.Invoice.list().data]
        assert amounts == [5000, 1000]  # 60 dollars less the 10 that are paid

    def test_without_prorations_by_default(self, served, plans) -> None:
        subscription = subscribed(plans["small"])
        url = opened(subscription, updates(plans))
        press(url, "change", subscription, price=plans["big"])
        assert len(stripe.Invoice.list().data) == 1
        assert not stripe.InvoiceItem.list(pending=True).data

    def test_an_unpaid_update_changes_nothing(self, served, plans) -> None:
        subscription = subscribed(plans["small"])
        bad = stripe.PaymentMethod.attach(
            "pm_card_chargeCustomerFail", customer=subscription.customer
        )
        stripe.Customer.modify(
            subscription.customer, invoice_settings={"default_payment_method": bad.id}
        )
        url = opened(subscription, updates(plans, proration_behavior="always_invoice"))
        status, text, _ = press(url, "change", subscription, price=plans["big"])
        assert (status, "Your card was declined." in text) == (402, True)
        [item] = Subscription.retrieve(subscription.id)["items"].data
        assert item.price.id == plans["small"]

    @pytest.mark.parametrize("behavior", ["end_trial", "continue_trial"])
    def test_in_a_trial(self, served, plans, behavior) -> None:
        subscription = subscribed(plans["small"], trial_period_days=10)
        url = opened(subscription, updates(plans, trial_update_behavior=behavior))
        assert press(url, "change", subscription, price=plans["big"])[0] == 303
        status = "active" if behavior == "end_trial" else "trialing"
        assert Subscription.retrieve(subscription.id).status == status

    def test_cheaper_ones_may_wait_for_the_end_of_the_period(self, served, plans) -> None:
        conditions = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
        configuration = updates(plans, schedule_at_period_end={"conditions": conditions})
        subscription = subscribed(plans["big"])
        url = opened(subscription, configuration)
        assert press(url, "change", subscription, price=plans["small"])[0] == 303
        now = Subscription.retrieve(subscription.id)
        assert now["items"].data[0].price.id == plans["big"]
        assert now.schedule is not None
        assert "several items, or a schedule" in press(
            url, "change", subscription, price=plans["year"]
        )[1]  # fmt: skip
        served.advance(days=32)
        now = Subscription.retrieve(subscription.id)
        assert now["items"].data[0].price.id == plans["small"]
        assert stripe.Invoice.list(limit=1).data[0].total == 1000

    def test_dearer_ones_do_not_wait(self, served, plans) -> None:
        conditions = [{"type": "decreasing_item_amount"}]
        configuration = updates(plans, schedule_at_period_end={"conditions": conditions})
        subscription = subscribed(plans["small"])
        press(opened(subscription, configuration), "change", subscription, price=plans["big"])
        now = Subscription.retrieve(subscription.id)
        assert (now["items"].data[0].price.id, now.schedule) == (plans["big"], None)

    def test_within_what_the_configuration_allows(self, served, plans, monthly) -> None:
        limits = {"enabled": True, "minimum": 2, "maximum": 5}
        products = [
            {"product": plans["product"], "prices": [plans["big"]], "adjustable_quantity": limits}
        ]
        configuration = updates(plans, products=products)
        subscription = subscribed(plans["small"])
        url = opened(subscription, configuration)
        for form, words in (
            ({"price": monthly}, "is not among those"),
            ({"price": plans["year"]}, "is not among those"),
            ({"quantity": "6"}, "may be from 2 to 5, and not 6"),
            ({"quantity": "-1"}, "is a whole number"),
            ({"price": plans["small"], "quantity": "1"}, "there are no changes to confirm"),
        ):
            status, text, _ = press(url, "change", subscription, **form)
            assert (status, words in text) == (400, True), form
        only_price = updates(plans, default_allowed_updates=["price"])
        status, text, _ = press(
            opened(subscription, only_price), "change", subscription, quantity="2"
        )
        assert (status, "does not let this quantity" in text) == (400, True)


def test_pausing_and_resuming(served, monthly) -> None:
    pause = {"enabled": True, "duration": {"type": "indefinite"}}
    configuration = Configuration.create(features={"subscription_pause": pause})
    subscription = subscribed(monthly)
    url = opened(subscription, configuration)
    assert press(url, "pause", subscription)[0] == 303
    assert Subscription.retrieve(subscription.id).status == "paused"
    assert "Resume" in visit(url)[1]
    assert press(url, "resume", subscription)[0] == 303
    assert Subscription.retrieve(subscription.id).status == "active"


def test_the_portal_shows_invoices(served, monthly) -> None:
    customer = buyer()
    invoice = invoice_of(served, 1234, customer=customer.id)
    text = visit(Session.create(customer=customer.id).url)[1]
    assert invoice.hosted_invoice_url in text
    assert f"{invoice.number}: $12.34, open" in text.replace("</a>", "")


class TestFlows:
    def test_canceling_leads_elsewhere(self, served, monthly) -> None:
        subscription = subscribed(monthly)
        after = {"type": "redirect", "redirect": {"return_url": "https://shop.test/bye"}}
        session = Session.create(
            customer=subscription.customer,
            flow_data=flow("subscription_cancel", subscription, after),
        )
        assert session.flow.subscription_cancel.to_dict() == {
            "retention": None, "subscription": subscription.id,
        }  # fmt: skip
        text = visit(session.url)[1]
        assert ("Cancel your subscription" in text, "Payment methods" in text) == (True, False)
        assert "not for that" in press(session.url, "pause", subscription)[1]
        assert visit(session.url, {"do": "cancel"})[2] == "https://shop.test/bye"
        assert Subscription.retrieve(subscription.id).cancel_at_period_end
        assert "is already set to be canceled at period end" in str(
            refused(
                Session.create,
                customer=subscription.customer,
                flow_data=flow("subscription_cancel", subscription),
            )
        )

    def test_a_coupon_makes_a_customer_stay(self, served, monthly) -> None:
        subscription = subscribed(monthly)
        coupon = stripe.Coupon.create(percent_off=30, duration="forever")
        retention = {"type": "coupon_offer", "coupon_offer": {"coupon": coupon.id}}
        data = flow("subscription_cancel", subscription, retention=retention)
        session = Session.create(customer=subscription.customer, flow_data=data)
        assert "Stay, with 30 % off" in visit(session.url)[1]
        assert visit(session.url, {"do": "stay"})[0] == 303
        now = Subscription.retrieve(subscription.id, expand=["discounts"])
        assert [one.source.coupon for one in now.discounts] == [coupon.id]
        assert not now.cancel_at_period_end

    def test_updating(self, served, plans) -> None:
        subscription = subscribed(plans["small"])
        after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Yes!"}}
        session = Session.create(
            customer=subscription.customer,
            configuration=updates(plans).id,
            flow_data=flow("subscription_update", subscription, after),
        )
        assert "Update your subscription" in visit(session.url)[1]
        status, text, _ = visit(session.url, {"do": "change", "price": plans["big"]})
        assert (status, "Yes!" in text) == (200, True)
        [item] = Subscription.retrieve(subscription.id)["items"].data
        assert item.price.id == plans["big"]

    def test_confirming_an_update(self, served, plans) -> None:
        subscription = subscribed(plans["small"])
        allowed = ["price", "quantity", "promotion_code"]
        coupon = stripe.Coupon.create(percent_off=50, duration="once")
        configuration = updates(
            plans, proration_behavior="always_invoice", default_allowed_updates=allowed
        )
        item = {"id": subscription["items"].data[0].id, "price": plans["big"], "quantity": 2}
        data = flow(
            "subscription_update_confirm", subscription, items=[item],
            discounts=[{"coupon": coupon.id}],
        )  # fmt: skip
        session = Session.create(
            customer=subscription.customer, configuration=configuration.id, flow_data=data
        )
        assert session.flow.subscription_update_confirm.to_dict() == {
            "discounts": [{"coupon": coupon.id, "promotion_code": None}],
            "items": [item],
            "subscription": subscription.id,
        }
        assert "Your new plan: 2 of Club, $20.00 a month" in visit(session.url)[1]
        assert visit(session.url, {"do": "confirm", "price": plans["year"]})[0] == 303
        [item] = Subscription.retrieve(subscription.id)["items"].data
        assert (item.price.id, item.quantity) == (plans["big"], 2)

    def test_an_action_that_customers_do_not_have_is_refused(self, served, plans, monthly) -> None:
        subscription, other = subscribed(plans["small"]), subscribed(monthly)
        own = subscription["items"].data[0].id
        can, cannot = updates(plans), Configuration.create(features=METHODS)
        item = {"id": own, "price": plans["big"]}
        confirm, of = "subscription_update_confirm", "flow_data[subscription_update_confirm]"
        for configuration, data, words, param in (
            (cannot, flow("subscription_update", subscription),
             "This subscription cannot be updated because the subscription update feature in the "
             "portal configuration is disabled.", None),
            (cannot, flow("subscription_cancel", subscription), "cancel feature", None),
            (cannot, flow("subscription_pause", subscription), "pause feature", None),
            (can, flow("subscription_update", other), "No such subscription",
             "flow_data[subscription_update][subscription]"),
            (can, flow(confirm, subscription, items=[{**item, "id": "si_x"}]),
             "No such subscription_item", f"{of}[items][0][id]"),
            (can, flow(confirm, subscription, items=[{**item, "price": monthly}]),
             "is not among those", f"{of}[items][0][price]"),
            (can, flow(confirm, subscription, items=[item, item]), "exceeded maximum",
             f"{of}[items]"),
        ):  # fmt: skip
            error = refused(
                Session.create, customer=subscription.customer,
                configuration=configuration.id, flow_data=data,
            )  # fmt: skip
            assert words in str(error), data
            assert error.param == param
        assert not served.events("billing_portal.session.created")


def test_a_flow_of_what_cannot_be_changed_any_more_says_so(served, plans) -> None:
    subscription = subscribed(plans["small"])
    session = Session.create(
        customer=subscription.customer,
        configuration=updates(plans).id,
        flow_data=flow("subscription_update", subscription),
    )
    stripe.SubscriptionSchedule.create(from_subscription=subscription.id)
    status, text, _ = visit(session.url)
    assert (status, "cannot be changed here any more" in text) == (200, True)
    Subscription.cancel(subscription.id)
    assert "The subscription is over." in visit(session.url)[1]
    assert visit(session.url, {"do": "change", "price": plans["big"]})[0] == 400


class TestConfigurations:
    def test_products_are_there_when_they_are_expanded(self, served, plans) -> None:
        made = updates(plans)
        assert "products" not in made.features.subscription_update
        found = Configuration.retrieve(
            made.id, expand=["features.subscription_update.products"]
        ).features.subscription_update
        [product] = found.products
        assert product.product == plans["product"]
        assert product.adjustable_quantity.to_dict() == {
            "enabled": True, "maximum": None, "minimum": 1,
        }  # fmt: skip
        Configuration.modify(made.id, features={"subscription_update": {"enabled": False}})
        still = Configuration.retrieve(made.id, expand=["features.subscription_update.products"])
        assert still.features.subscription_update.products == found.products

    def test_parameters_that_exclude_each_other_are_refused(self, served, plans, price) -> None:
        update = {"enabled": True, "default_allowed_updates": ["price"]}
        error = refused(Configuration.create, features={"subscription_update": update})
        assert "while payment method update is disabled" in str(error)
        for product in (
            {"product": "prod_x", "prices": []},
            {"product": plans["product"], "prices": [price]},
            {"product": plans["product"], "prices": ["price_x"]},
        ):
            features = {**METHODS, "subscription_update": {**update, "products": [product]}}
            error = refused(Configuration.create, features=features)
            assert error.param.startswith("features[subscription_update][products][0][pr")
