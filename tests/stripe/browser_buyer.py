"""A buyer with a browser, in each of the workers of a run: see test_browser.py, which starts it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    text_to_be_present_in_element,
    title_is,
    url_contains,
)
from selenium.webdriver.support.ui import Select, WebDriverWait

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
WAIT_S = 20
NO_JAVASCRIPT = {"profile.managed_default_content_settings.javascript": 2}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A Chromium that runs no page's JavaScript."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.add_experimental_option("prefs", NO_JAVASCRIPT)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture
def shop() -> Iterator[str]:
    """The address of a shop that buyers come back to."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Thank you</h1>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def open_checkout(browser: Any, shop: str) -> Any:
    session = stripe.checkout.Session.create(
        mode="payment",
        success_url=shop + "/done/{CHECKOUT_SESSION_ID}",
        line_items=[
            {
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 1500,
                    "product_data": {"name": "Mug"},
                },
                "quantity": 2,
            }
        ],
    )
    browser.get(session.url)
    return session


def pay(browser: Any, number: str) -> None:
    fill(browser, email="jane@example.com", number=number, expiry="12/40", cvc="123")
    press(browser, "Pay $30.00")


def fill(browser: Any, **filled: str) -> None:
    for name, text in filled.items():
        box = browser.find_element(By.NAME, name)
        box.clear()
        box.send_keys(text)


def wait_for(browser: Any, words: str) -> None:
    """Wait for a page that says something: a click may return before there is one."""
    WebDriverWait(browser, WAIT_S).until(
        text_to_be_present_in_element((By.TAG_NAME, "main"), words)
    )


def press(browser: Any, text: str) -> None:
    browser.find_element(By.XPATH, f'//button[.="{text}"]').click()


def arrive(browser: Any, session: Any) -> str:
    WebDriverWait(browser, WAIT_S).until(url_contains(f"/done/{session.id}"))
    assert browser.find_element(By.TAG_NAME, "h1").text == "Thank you"
    return str(stripe.checkout.Session.retrieve(session.id).payment_status)


def test_a_buyer_pays_with_one_card_after_the_other(
    tiger_stripe: Any, browser: Any, shop: str
) -> None:
    session = open_checkout(browser, shop)
    assert "no money moves" in browser.find_element(By.TAG_NAME, "header").text
    pay(browser, "4000000000000002")
    wait_for(browser, "Your card was declined.")
    pay(browser, "4242424242424242")
    assert arrive(browser, session) == "paid"

    session = open_checkout(browser, shop)
    pay(browser, "4000002760003184")
    WebDriverWait(browser, WAIT_S).until(title_is("3D Secure"))
    press(browser, "Complete authentication")
    assert arrive(browser, session) == "paid"

    charges = stripe.Charge.list().data
    assert [charge.status for charge in charges] == ["succeeded", "succeeded", "failed"]
    told = [event["type"] for event in tiger_stripe.events("checkout.session.*")]
    assert told == ["checkout.session.completed"] * 2


def test_a_customer_pays_an_invoice_and_helps_themselves(tiger_stripe: Any, browser: Any) -> None:
    product = stripe.Product.create(name="Club").id
    small, big = (
        stripe.Price.create(
            product=product, currency="usd", unit_amount=amount, recurring={"interval": "month"}
        ).id
        for amount in (1000, 2500)
    )
    customer = stripe.Customer.create(email="jane@example.com").id
    subscription = stripe.Subscription.create(
        customer=customer,
        items=[{"price": small}],
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice"],
    )
    browser.get(subscription.latest_invoice.hosted_invoice_url)
    fill(browser, number="4000002500003155", expiry="12/40", cvc="123")
    press(browser, "Pay $10.00")
    WebDriverWait(browser, WAIT_S).until(title_is("3D Secure"))
    press(browser, "Complete authentication")
    wait_for(browser, "Paid")
    assert stripe.Subscription.retrieve(subscription.id).status == "active"

    plans = [{"product": product, "prices": [small, big]}]
    update = {"enabled": True, "default_allowed_updates": ["price"], "products": plans}
    on = {"enabled": True}
    features = {
        "payment_method_update": on, "subscription_cancel": on, "subscription_update": update,
    }  # fmt: skip
    configuration = stripe.billing_portal.Configuration.create(features=features).id
    session = stripe.billing_portal.Session.create(customer=customer, configuration=configuration)
    browser.get(session.url)
    Select(browser.find_element(By.NAME, "price")).select_by_value(big)
    press(browser, "Update subscription")
    wait_for(browser, "Active, until")
    [item] = stripe.Subscription.retrieve(subscription.id)["items"].data
    assert item.price.id == big
    press(browser, "Cancel subscription")
    wait_for(browser, "Ends on")
    press(browser, "Don't cancel")
    wait_for(browser, "Active, until")
    assert not stripe.Subscription.retrieve(subscription.id).cancel_at_period_end
