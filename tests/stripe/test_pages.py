"""The pages as a browser sees them: over HTTP, forms filled in, and where they lead."""

from __future__ import annotations

import re
import socket
import threading
import warnings
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import stripe

from tests.stripe.shop import HERE, paid, shipping_rate
from tests.stripe.visiting import CARD, fetched, visit
from tigerstripe.pages import server


def test_where_sockets_are_forbidden_addresses_stay_as_stripes(served, price, monkeypatch) -> None:
    """As pytest-socket forbids them, to a process that has not served a page yet."""

    def forbidden(*_: object, **__: object) -> None:
        warnings.warn("A test tried to use socket.socket.", stacklevel=1)
        raise RuntimeError("A test tried to use socket.socket.")

    monkeypatch.setattr(server, "_begun", {})
    monkeypatch.setattr(socket, "socket", forbidden)
    assert paid(price).url.startswith("https://checkout.stripe.com/c/pay/cs_test_")


def test_a_page_is_served_on_where_later_tests_forbid_sockets(served, price, monkeypatch) -> None:
    """To this thread they are allowed, as to the browser, which is another process."""
    session, real = paid(price), socket.socket

    def forbidden(*given: Any, **more: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("A test tried to use socket.socket.")
        return real(*given, **more)

    monkeypatch.setattr(socket, "socket", forbidden)
    assert visit(session.url)[0] == visit(session.url)[0] == 200


def test_all_processes_give_one_address_while_it_is_served(served, price, monkeypatch) -> None:
    session = paid(price)
    monkeypatch.setattr(server, "_begun", {})  # as another process has it
    assert stripe.checkout.Session.retrieve(session.id).url == session.url
    with served.fork() as fork, fork.installed():
        there = stripe.checkout.Session.retrieve(session.id).url
        assert urlsplit(there).netloc == urlsplit(session.url).netloc
        assert visit(there, CARD)[0] == 303
    assert visit(session.url)[0] == 200
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    served.store.account_settings.insert({"id": server.ID, "url": url})
    taken = stripe.checkout.Session.retrieve(session.id).url
    assert urlsplit(taken).netloc not in (urlsplit(session.url).netloc, urlsplit(url).netloc)
    assert visit(taken, CARD)[0] == 303


def test_a_page_takes_a_card_and_leads_on(served, price) -> None:
    session = paid(price, cancel_url="https://shop.test/")
    assert session.url.startswith("http://127.0.0.1:")
    status, text, _ = visit(session.url)
    assert status == 200
    for words in ("no money moves", "2 of Mug", "Pay $30.00", "https://shop.test/"):
        assert words in text
    status, text, _ = visit(session.url, {**CARD, "number": "4000 0000 0000 9995"})
    assert (status, "Your card has insufficient funds." in text) == (402, True)
    assert "Your card has insufficient funds." in visit(session.url)[1]
    status, text, _ = visit(session.url, {**CARD, "email": "jane"})
    assert (status, "Invalid email address: jane" in text, 'value="12/40"' in text) == (
        400, True, True,
    )  # fmt: skip
    assert "load it again" in visit(session.url, {**CARD, "expected_amount": "5"})[1]
    status, _, location = visit(session.url, {**CARD, "email": "jane@example.com"})
    assert (status, location) == (303, f"https://shop.test/thanks?id={session.id}")
    assert visit(session.url)[2] == location  # once more
    done = stripe.checkout.Session.retrieve(session.id)
    assert (done.payment_status, done.customer_details.email) == ("paid", "jane@example.com")
    receipt = stripe.Charge.list().data[0].receipt_url
    assert "Visa …4242" in visit(receipt)[1]


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
def test_a_buyer_authenticates_on_the_bank_s_page(served, price, outcome) -> None:
    session = paid(price)
    status, _, bank = visit(session.url, {**CARD, "number": "4000002760003184"})
    assert status == 303
    assert "to pay $30.00" in visit(bank)[1]
    assert visit(bank.replace("_secret_", "_secreT_"))[0] == 404
    back = visit(bank, {"outcome": outcome})[2]
    told = dict(parse_qsl(urlsplit(back).query))
    assert told["redirect_status"] == ("succeeded" if outcome == "succeed" else "failed")
    status, text, location = visit(back)
    if outcome == "succeed":
        assert location == f"https://shop.test/thanks?id={session.id}"
    else:
        assert (status, "failed authentication" in text) == (200, True)
        assert visit(session.url, CARD)[2] is not None


def test_the_bank_s_page_says_what_it_cannot_do(served) -> None:
    """The buyer of a bank transfer has nothing to authenticate."""
    by_card = stripe.PaymentIntent.create(
        amount=1500,
        currency="usd",
        confirm=True,
        payment_method="pm_card_threeDSecureRequired",
        payment_method_types=["card"],
        return_url="https://shop.test/back",
    )
    cash = {"funding_type": "bank_transfer", "bank_transfer": {"type": "us_bank_transfer"}}
    intent = stripe.PaymentIntent.create(
        amount=1500,
        currency="usd",
        confirm=True,
        customer=stripe.Customer.create(email="jane@example.com").id,
        payment_method_data={"type": "customer_balance"},
        payment_method_options={"customer_balance": cash},
        payment_method_types=["customer_balance"],
    )
    bank = by_card.next_action.redirect_to_url.url
    status, text, location = visit(bank, {})
    assert (status, location, "to pay $15.00" in text) == (200, None, True)
    bank = bank.replace(by_card.client_secret, intent.client_secret).replace(by_card.id, intent.id)
    status, text, _ = visit(bank, {"outcome": "succeed"})
    assert (status, "waits for its customer" in text) == (400, True)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "requires_action"


def test_an_intent_of_the_application_s_own_leads_to_the_bank_and_back(served) -> None:
    intent = stripe.PaymentIntent.create(
        amount=1500,
        currency="usd",
        confirm=True,
        payment_method="pm_card_threeDSecureRequired",
        return_url="https://shop.test/back?order=7#paid",
    )
    bank = intent.next_action.redirect_to_url.url
    back = urlsplit(visit(bank, {"outcome": "succeed"})[2])
    assert (back.netloc, back.fragment) == ("shop.test", "paid")
    told = dict(parse_qsl(back.query))
    assert (told["order"], told["payment_intent"]) == ("7", intent.id)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "succeeded"


def test_fields_that_a_session_asks_for_are_on_its_page(served, price) -> None:
    rates = [shipping_rate("Slow", 0), shipping_rate("Fast", 900)]
    session = paid(
        price,
        allow_promotion_codes=True,
        billing_address_collection="required",
        phone_number_collection={"enabled": True},
        shipping_address_collection={"allowed_countries": ["DE"]},
        shipping_options=[{"shipping_rate": rate} for rate in rates],
        custom_fields=[
            {"key": "note", "type": "text", "label": {"type": "custom", "custom": "<b>Note</b>"}}
        ],
    )
    text = visit(session.url)[1]
    names = set(re.findall(r'name="(\w+)"', text))
    filled = {
        **CARD,
        "name": "Jane",
        "phone": "+49",
        "custom_note": "Hello",
        "promotion_code": "",
        "shipping_name": "Joe",
        "shipping_rate": rates[1],
        **{f"{kind}_line1": "1 Main St" for kind in ("billing", "shipping")},
        **{f"{kind}_country": "DE" for kind in ("billing", "shipping")},
    }
    assert names >= filled.keys()
    assert "&lt;b&gt;Note&lt;/b&gt;" in fetched(session.url)[1]
    status, text, _ = visit(session.url, {**filled, "expected_amount": "3000"})
    assert (status, "The total is $39.00 now." in text, "Pay $39.00" in text) == (200, True, True)
    assert stripe.checkout.Session.retrieve(session.id).amount_total == 3900
    assert "custom_fields[note]" in visit(session.url, {**filled, "custom_note": ""})[1]
    text = visit(session.url, filled)[1]
    done = stripe.checkout.Session.retrieve(session.id)
    assert done.collected_information.shipping_details.name == "Joe", text


def test_a_debit_and_a_setup_have_pages_too(served) -> None:
    price = stripe.Price.create(currency="eur", unit_amount=1500, product_data={"name": "Mug"})
    debit = paid(price.id, payment_method_types=["sepa_debit"])
    assert "SEPA debit" in visit(debit.url)[1]
    filled = {"type": "sepa_debit", "iban": "DE89370400440532013000", "name": "Jane"}
    assert visit(debit.url, {**filled, "email": "jane@example.com"})[0] == 303
    assert stripe.checkout.Session.retrieve(debit.id).payment_status == "unpaid"
    customer = stripe.Customer.create(email="jane@example.com")
    setup = stripe.checkout.Session.create(
        mode="setup", currency="usd", customer=customer.id, **HERE
    )
    assert "Save a payment method" in visit(setup.url)[1]
    assert visit(setup.url, CARD)[0] == 303
    assert len(stripe.Customer.list_payment_methods(customer.id).data) == 1


def test_a_link_and_a_recovery_lead_to_sessions(served, price) -> None:
    link = stripe.PaymentLink.create(
        line_items=[{"price": price, "quantity": 2}],
        restrictions={"completed_sessions": {"limit": 1}},
        after_completion={"type": "redirect", "redirect": {"url": "https://shop.test/thanks"}},
        inactive_message="Sold out",
    )
    page = visit(link.url)[2]
    assert visit(page, CARD)[2] == "https://shop.test/thanks"
    session = stripe.checkout.Session.list(payment_link=link.id).data[0]
    assert (session.payment_status, session.amount_total) == ("paid", 3000)
    status, text, _ = visit(link.url)
    assert (status, "Sold out" in text) == (410, True)
    old = paid(price, after_expiration={"recovery": {"enabled": True}})
    served.expire_checkout(old)
    status, text, _ = visit(old.url)
    assert (status, "has expired" in text) == (410, True)
    again = re.search(r'href="([^"]+)"', text)
    assert again is not None
    new = visit(again[1])[2]
    assert visit(new, CARD)[0] == 303
    done = stripe.checkout.Session.list(status="complete").data[0]
    assert done.recovered_from == old.id


def test_a_customer_helps_themselves_in_the_portal(served) -> None:
    customer = stripe.Customer.create(email="jane@example.com")
    other = stripe.PaymentMethod.attach("pm_card_visa", customer=stripe.Customer.create().id)
    session = stripe.billing_portal.Session.create(
        customer=customer.id, return_url="https://shop.test/account"
    )
    assert "https://shop.test/account" in visit(session.url)[1]
    for number in ("5555 5555 5555 4444", "4242424242424242"):
        assert visit(session.url, {**CARD, "number": number})[2] == session.url
    text = visit(session.url)[1]
    assert ("Visa …4242 (12/2040) (default)" in text, "Mastercard …4444" in text) == (True, True)
    first = stripe.Customer.list_payment_methods(customer.id).data[-1].id
    assert visit(session.url, {"default": first})[0] == 303
    got = stripe.Customer.retrieve(customer.id)
    assert got.invoice_settings.default_payment_method == first
    assert visit(session.url, {"remove": first})[0] == 303
    assert len(stripe.Customer.list_payment_methods(customer.id).data) == 1
    assert visit(session.url, {"remove": other.id})[0] == 400
    declined = visit(session.url, {**CARD, "number": "4000000000000002"})
    assert (declined[0], "Your card was declined." in declined[1]) == (402, True)
    assert visit(session.url, {"details": "1", "email": "new@example.com"})[0] == 303
    assert stripe.Customer.retrieve(customer.id).email == "new@example.com"


@pytest.mark.parametrize("path", ["checkout/cs_x", "portal/x", "link/x", "receipt/x", "nothing/x"])
def test_a_missing_page_is_reported(served, price, path) -> None:
    base = paid(price).url.partition("checkout/")[0]
    status, text, _ = visit(base + path)
    assert (status, "There is no" in text) == (404, True)


def test_without_pages_addresses_are_stripe_s(account, price) -> None:
    assert paid(price).url.startswith("https://checkout.stripe.com/c/pay/")
