"""The way of a request: keys, routes, versions, parameters, expansion, idempotency."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from tigerstripe.requests import idempotency
from tigerstripe.requests.engine import Engine
from tigerstripe.requests.messages import Request, Response
from tigerstripe.work import scope


@pytest.fixture
def ask(account: Any) -> Any:
    """`ask("POST /v1/coupons", "percent_off=5", **request)`: the answer."""

    def ask(operation: str, body: str | None = None, **more: Any) -> Response:
        method, _, url = operation.partition(" ")
        path, _, query = url.partition("?")
        more.setdefault("authorization", f"Bearer {account.api_key}")
        return Engine(account.store).answer(Request(method, path, query, body, **more))

    return ask


def error(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.body)["error"]
    return found


def test_without_a_version_parameters_of_all_versions_are_taken(account, ask) -> None:
    """Stripe's CLI sends none, and triggers `customer.discount.created` with `coupon`."""
    ask("POST /v1/coupons", "id=A&percent_off=5")
    assert ask("POST /v1/customers", "coupon=A").status == 200
    (told,) = account.events("customer.discount.created")
    assert told["data"]["object"]["source"]["coupon"] == "A"
    refused = ask("POST /v1/customers", "coupon=A", version="2026-10-28.endive")
    assert error(refused)["message"] == "Received unknown parameter: coupon"
    assert error(ask("POST /v1/coupons", "id=B&coupon=A"))["code"] == "parameter_unknown"


def test_private_records_are_no_change_of_the_account(account) -> None:
    mark = account.store.mark()
    stripe.Customer.create(idempotency_key="once")
    stripe.Customer.create(idempotency_key="once")
    account.advance(days=1)
    account.store.assert_changes(since=mark, created={"customers": 1, "events": 1})
    account.store.assert_changes(
        since=mark, created={"customers": 1, "events": 1, "idempotency_keys": 1}
    )
    assert scope.OWN_TABLES.keys() > scope.KEPT


# --- Keys ---


def test_a_key_names_its_account(account, ask) -> None:
    ask("POST /v1/coupons", "id=A&percent_off=5")
    assert [c["id"] for c in account.store.coupons] == ["A"]
    named = ask("GET /v1/coupons/A", authorization="Bearer sk_test_another%20one")
    assert named.status == 404
    name = account.name.replace("/", "%2F")
    assert ask(f"GET /accounts/{name}/v1/coupons/A", authorization="Bearer sk_test_x").status in (
        200,
        404,
    )


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "You did not provide an API key"),
        ("Bearer ", "You did not provide an API key"),
        ("Bearer nonsense", "Invalid API Key provided: nonsense"),
        ("Bearer sk_live_51HabcdefghijkLMNO", "test keys only"),
        ("Basic ???", "You did not provide an API key"),
    ],
)
def test_a_key_that_opens_nothing_is_401(ask, authorization, message) -> None:
    response = ask("GET /v1/coupons", authorization=authorization)
    assert response.status == 401
    assert message in error(response)["message"]
    assert response.headers["www-authenticate"] == 'Bearer realm="Stripe"'
    assert "idempotency-key" not in response.headers


def test_an_account_that_is_not_connected_is_403(ask) -> None:
    response = ask("GET /v1/coupons", account="acct_none")
    assert response.status == 403
    assert error(response)["code"] == "account_invalid"


# --- Routes ---


@pytest.mark.parametrize(
    ("operation", "status", "message"),
    [
        ("GET /v1/widgets", 404, "Unrecognized request URL (GET: /v1/widgets). Please see"),
        ("POST /v1/coupons/", 404, "remove the trailing slash"),
        ("DELETE /v1/coupons", 404, "Unrecognized request URL"),
        ("GET /v1/reporting/report_types", 501, "does not have GET /v1/reporting"),
    ],
)
def test_what_is_not_there_says_so(ask, operation, status, message) -> None:
    response = ask(operation)
    assert response.status == status
    assert message in error(response)["message"]
    assert response.headers.get("stripe-should-retry", "false") == "false"


def test_an_operation_that_is_not_built_is_not_tried_again(account) -> None:
    with pytest.raises(stripe.APIError, match="does not have"):
        stripe.issuing.Cardholder.create(
            name="Jane", billing={"address": {"city": "x", "country": "US", "line1": "x"}}
        )
    assert len(account.requests("/v1/issuing/cardholders")) == 1


# --- Versions ---


def test_the_version_asked_for_is_echoed(ask) -> None:
    asked = ask("GET /v1/coupons", version="2025-08-27.basil")
    assert asked.headers["Stripe-Version"] == "2025-08-27.basil"
    assert ask("GET /v1/coupons").headers["Stripe-Version"] == "2026-10-28.endive"


@pytest.mark.parametrize(
    "version",
    ["soon", "2025-08-27", "2026-08-27.basil", "2020-08-28", "2023-10-16.acacia", "1999-01-01"],
)
def test_a_version_that_stripe_does_not_have_is_refused(ask, version) -> None:
    refused = ask("GET /v1/coupons", version=version)
    assert refused.status == 400
    assert error(refused)["message"] == f"Invalid Stripe API version: {version}"


@pytest.mark.parametrize("version", ["2015-01-11", "2024-04-10", "2025-03-31.preview"])
def test_all_that_stripe_has_are_taken(ask, version) -> None:
    assert ask("GET /v1/coupons", version=version).status == 200


def test_of_a_version_newer_than_the_table_it_is_said_once(account) -> None:
    engine = Engine(account.store)
    version = "2027-01-27.fungus"
    request = Request("GET", "/v1/coupons", authorization="Bearer sk_test_x", version=version)
    answer = engine.answer(request)
    assert (answer.status, answer.headers["stripe-version"]) == (200, version)
    assert "as 2026-10-28.endive" in str(answer.headers.get("stripe-notice"))
    assert "stripe-notice" not in engine.answer(request).headers


def test_an_old_version_is_noticed_once(account) -> None:
    engine = Engine(account.store)
    request = Request("GET", "/v1/coupons", authorization="Bearer sk_test_x", version="2022-11-15")
    assert "2025-03-31.basil" in str(engine.answer(request).headers.get("stripe-notice"))
    assert "stripe-notice" not in engine.answer(request).headers


def test_without_a_version_an_intent_may_be_one_of_cards_alone(ask) -> None:
    """Stripe's CLI sends none, and confirms intents without types and `return_url`."""
    body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_visa"
    assert json.loads(ask("POST /v1/payment_intents", body).body)["status"] == "succeeded"
    newest = error(ask("POST /v1/payment_intents", body, version="2026-10-28.endive"))
    assert "return_url" in newest["message"]


def test_a_payment_is_as_in_the_version_asked_for(account, ask) -> None:
    body = "amount=500&currency=usd&source=tok_visa"
    versions = ("2023-10-16", "2024-12-18.acacia", "2025-04-30.basil", "2026-10-28.endive")
    oldest, old, basil, newest = (
        json.loads(ask("POST /v1/charges", body, version=version).body) for version in versions
    )
    assert (oldest["invoice"], old["invoice"]) == (None, None)
    assert "invoice" not in basil
    assert "network_decline_code" not in oldest["outcome"]
    assert old["outcome"]["network_decline_code"] is None
    assert ("tax_id" in old["billing_details"], "tax_id" in basil["billing_details"]) == (0, 1)
    codes = [
        charge["payment_method_details"]["card"]["authorization_code"] for charge in (basil, newest)
    ]
    assert codes[0] is None
    assert codes[1] is not None


def test_moved_or_new_fields_are_where_the_version_has_them(account) -> None:
    old = "2024-04-10"
    with pytest.warns(UserWarning, match="answered as in that version"):
        session = stripe.checkout.Session.create(
            mode="setup", currency="usd", success_url="https://a.b/", stripe_version=old
        )
    assert session.shipping_details is None
    newest = stripe.checkout.Session.retrieve(session.id)
    assert "shipping_details" not in newest
    stripe.Charge.create(amount=5000, currency="usd", source="tok_bypassPending")
    payout = stripe.Payout.create(amount=100, currency="usd", stripe_version=old)
    assert ("trace_id" in payout, "payout_method" in payout) == (False, False)
    assert stripe.Payout.retrieve(payout.id).trace_id.status == "pending"


def test_fields_of_an_older_version_can_be_expanded_in_it(ask) -> None:
    body = "amount=500&currency=usd&source=tok_visa&expand[]=invoice.subscription"
    older = json.loads(ask("POST /v1/charges", body, version="2024-06-20").body)
    assert older["invoice"] is None
    refused = error(ask("POST /v1/charges", body, version="2025-03-31.basil"))
    assert refused["message"] == "This property cannot be expanded (invoice)."


# --- Parameters ---


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        ("wat=1&percent_off=x", "parameter_unknown", "wat", "Received unknown parameter: wat"),
        ("a=1&b=2", "parameter_unknown", "a", "Received unknown parameters: a, b"),
        (
            "applies_to[x]=1",
            "parameter_unknown",
            "applies_to[x]",
            "unknown parameter: applies_to[x]",
        ),
        ("amount_off=abc", "parameter_invalid_integer", "amount_off", "Invalid integer: abc"),
        ("duration=never", None, "duration", "must be one of forever, once, or repeating"),
        ("applies_to=x", None, "applies_to", "Invalid object"),
        ("expand=x", None, "expand", "Invalid array"),
        ("expand[1]=x", None, "expand", "You passed the keys `1`"),
        ("max_redemptions=", "parameter_invalid_empty", "max_redemptions", "cannot be unset"),
    ],
)
def test_wrong_parameters_are_named(account, ask, body, code, param, message) -> None:
    response = ask("POST /v1/coupons", body)
    found = error(response)
    assert response.status == 400
    assert (found.get("code"), found["param"]) == (code, param)
    assert message in found["message"]
    assert ("doc_url" in found) is (code is not None)
    assert account.store.coupons.count() == 0


def test_missing_parameters_come_last(ask) -> None:
    found = error(ask("POST /v1/products", "active=maybe"))
    assert found["message"] == "Invalid boolean: maybe"
    found = error(ask("POST /v1/products", "active=True"))
    assert (found["code"], found["param"]) == ("parameter_missing", "name")


# --- Expansion ---


def test_an_id_is_expanded(client) -> None:
    product = client.v1.products.create({"name": "Mug", "default_price_data": {
        "currency": "usd", "unit_amount": 500}})  # fmt: skip
    got = client.v1.products.retrieve(product.id, {"expand": ["default_price.product"]})
    assert got.default_price.product.id == product.id
    found = client.v1.prices.list({"expand": ["data.product"]})
    assert found.data[0].product.name == "Mug"
    assert client.v1.prices.list().data[0].product == product.id


def test_of_a_list_what_is_in_it_is_expanded(account) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"expanding 'data\.customer' instead"):
        stripe.Charge.list(expand=["customer"])
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(wat\)\.$"):
        stripe.Charge.list(expand=["data.wat"])


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["name"], r"This property cannot be expanded \(name\)\.$"),
        (["default_price.wat"], r"cannot be expanded \(wat\)"),
        (["default_price.product.default_price.product.default_price"], "more than 4 levels"),
    ],
)
def test_an_impossible_expansion_is_refused_before_anything_is_done(
    account, paths, message
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.Product.create(name="Mug", expand=paths)
    assert account.store.products.count() == 0


def test_metadata_is_the_caller_s_whatever_it_looks_like(account) -> None:
    metadata = {"object": "promotion_code", "_": "x", "promotion": "y"}
    product = stripe.Product.create(name="Mug", metadata=metadata)
    got = stripe.Product.retrieve(
        product.id, expand=["default_price"], stripe_version="2025-08-27.basil"
    )
    assert got.to_dict()["metadata"] == metadata
    assert account.store.products.get(product.id)["metadata"] == metadata


# --- Idempotency ---


def test_a_key_gives_the_same_answer_again(account) -> None:
    made = [stripe.Customer.create(name="Jane", idempotency_key="k") for _ in range(2)]
    assert made[0] == made[1]
    assert account.store.customers.count() == 1
    assert len(account.events()) == 1
    replayed = made[1].last_response.headers
    assert replayed["idempotent-replayed"] == "true"
    assert replayed["original-request"] == made[0].last_response.request_id
    assert account.events()[0]["request"]["idempotency_key"] == "k"


def test_a_key_is_of_one_request(account) -> None:
    stripe.Customer.create(name="Jane", idempotency_key="k")
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        stripe.Customer.create(name="Joe", idempotency_key="k")
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        stripe.Product.create(name="Jane", idempotency_key="k")


def test_a_key_gives_the_answer_again_though_the_request_would_be_refused_by_now(account) -> None:
    made = [stripe.Coupon.create(id="C", percent_off=5, idempotency_key="k") for _ in range(2)]
    assert made[0] == made[1]
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        stripe.Coupon.create(id="C", percent_off=9, idempotency_key="k")


def test_a_key_ends_after_a_day_of_the_account(account) -> None:
    account.freeze()
    stripe.Customer.create(name="Jane", idempotency_key="k")
    account.advance(hours=23)
    stripe.Customer.create(name="Jane", idempotency_key="k")
    assert account.store.customers.count() == 1
    account.advance(hours=2)
    stripe.Customer.create(name="Jane", idempotency_key="k")
    assert account.store.customers.count() == 2


def test_a_refusal_is_not_kept(account) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Coupon.create(percent_off=0, idempotency_key="k")
    assert stripe.Coupon.create(percent_off=5, idempotency_key="k").percent_off == 5


# --- The log ---


def test_the_log_has_what_was_asked(account) -> None:
    stripe.Customer.create(name="Jane")
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Customer.retrieve("cus_none")
    wrote, read = account.requests()
    assert (wrote["method"], wrote["path"], wrote["params"]) == (
        "POST",
        "/v1/customers",
        {"name": "Jane"},
    )
    assert (read["status"], read["error"]["code"]) == (404, "resource_missing")
    assert account.requests("/v1/customers") == [wrote]


def test_an_error_of_the_store_says_so_and_is_not_tried_again(account, monkeypatch) -> None:
    import tiger
    from tigerstripe.work.unit import Work

    def fail(*_: object) -> None:
        raise tiger.StoreFull("shared memory is full")

    monkeypatch.setattr(Work, "commit", fail)
    with pytest.raises(stripe.APIError, match="shared memory is full") as raised:
        stripe.Customer.create(name="Jane")
    assert raised.value.http_status == 500


LONG = "x" * 300


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [
        (f"GET /v1/customers/{LONG}", None, 404),
        ("GET /v1/customers/%00", None, 404),
        ("GET /v1/customers?starting_after=%00", None, 400),
        (f"GET /v1/customers?starting_after={LONG}", None, 400),
        ("GET /v1/customers?limit=99999999999999999999", None, 400),
        ("GET /v1/customers?created[gte]=x", None, 400),
        ("GET /accounts", None, 404),
        ("GET /accounts/x", None, 404),
        ("GET //v1//customers", None, 404),
        ("GET /", None, 404),
        ("POST /v1/coupons", f"percent_off=5&id={LONG}", 400),
        ("POST /v1/coupons", "percent_off=1e999", 400),
        ("POST /v1/coupons", "percent_off=nan", 400),
        ("POST /v1/coupons", "amount_off=9999999999999999999&currency=usd", 400),
        ("POST /v1/coupons", "=&==&[=&[]=&a[=1", 400),
        ("POST /v1/customers", "metadata[a][b]=1", 400),
        ("POST /v1/customers", "name[0]=1", 400),
        ("POST /v1/customers/cus_none/tax_ids", "type=eu_vat&value=1", 404),
    ],
)
def test_an_invalid_frame_is_refused_and_changes_nothing(
    account, ask, operation, body, status
) -> None:
    ask(operation, body)  # an instance that is new gets its tables first
    before = account.store.ping()["commit"]
    response = ask(operation, body)
    assert response.status == status, response.body
    assert error(response)["type"] == "invalid_request_error"
    assert account.store.ping()["commit"] == before


def test_answers_that_have_expired_are_removed_some_at_a_time(account, ask) -> None:
    account.freeze()
    for n in range(idempotency.PRUNED + 5):
        ask("POST /v1/coupons", "percent_off=5", idempotency_key=f"old-{n}")
    kept = account.store.table(scope.IDEMPOTENCY_KEYS)
    account.advance(hours=23)
    ask("POST /v1/coupons", "percent_off=5", idempotency_key="young")
    assert kept.count() == idempotency.PRUNED + 6
    account.advance(hours=2)
    ask("POST /v1/coupons", "percent_off=5", idempotency_key="old-0")
    assert kept.count() == 4 + 2
    ask("POST /v1/coupons", "percent_off=5", idempotency_key="new")
    assert sorted(record["key"] for record in kept) == ["new", "old-0", "young"]


def test_the_body_of_a_get_is_not_read(account, ask) -> None:
    ask("POST /v1/coupons", "id=A&percent_off=5")
    assert ask("GET /v1/coupons/A", "wat=1").status == 200
    assert ask("GET /v1/coupons/A?wat=1").status == 400
