"""Makes what recordings presuppose, by the public API: the same for each fake that is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Send = Callable[..., Any]
MONEY = [("currency", "usd")]
PRODUCTS = {"prod_EYTX7RYhRjcwKD": [("name", "Test Subscription"), ("unit_label", "user")]}
OTHER_PRODUCTS = [("name", "VCR Test Product")]
"""What lines of invoices tell of products that no answer shows."""
TAXED = ("default", "small-monthly")
"""Plans whose prices are said to be without tax."""
TYPES = (
    "acss_debit", "afterpay_clearpay", "alipay", "bancontact", "cashapp", "eps", "ideal", "klarna",
    "link", "sepa_debit", "us_bank_account", "wechat_pay",
)  # fmt: skip
"""Types of payment methods that an account may take, beside cards."""


def seed(
    send: Send, recorded: str, shown: dict[str, Any] | None, ids: dict[str, str]
) -> str | None:
    """Make what a cassette presupposes; return its id, or None to let the judge make it.

    The judge makes payment methods that no answer shows loose; but they are named as the default of
    the customer before them, which must be the customer's own.
    """
    if recorded.startswith("pm_") and shown is None:
        customers = [id for id in ids.values() if id.startswith("cus_")]
        return _attached(send, customers[-1]) if customers else None
    if recorded.startswith("prod_") and shown is None:
        return _made(send, "/v1/products", PRODUCTS.get(recorded, OTHER_PRODUCTS))
    if recorded.startswith("acct_"):
        return _able(send, shown or {})
    if recorded.startswith(("pi_", "ch_")) and shown is not None:
        return _payment(send, recorded, shown, ids)
    if recorded.startswith("pi_"):  # what is refunded without being shown
        paid = [*MONEY, ("amount", "1000"), ("payment_method", "pm_card_visa"), ("confirm", "true")]
        return _made(send, "/v1/payment_intents", [*paid, ("return_url", "http://localhost:3000/")])
    if recorded.startswith("cus_") and shown is None:  # what is charged without being shown
        known = [("source", "tok_visa"), ("email", "person1@example.com")]
        return _made(send, "/v1/customers", known)
    if (shown or {}).get("object") == "invoice":
        return _invoice(send, shown or {}, ids)
    if (shown or {}).get("object") in ("plan", "price") and not recorded.startswith("price_"):
        return _plan(send, recorded, shown or {}, ids)
    default = ((shown or {}).get("invoice_settings") or {}).get("default_payment_method")
    if not recorded.startswith("cus_") or not isinstance(default, str) or shown is None:
        return None
    names = ("email", "name", "description", "phone")
    pairs = [(name, shown[name]) for name in names if shown.get(name)]
    pairs += [(f"metadata[{name}]", value) for name, value in shown["metadata"].items() if value]
    customer = _made(send, "/v1/customers", pairs)
    method = ids.get(default) or (customer and _attached(send, customer))
    if not customer or not method:
        return None
    ids[default] = method
    wanted = [("invoice_settings[default_payment_method]", method)]
    return _made(send, f"/v1/customers/{customer}", wanted)


def _plan(send: Send, recorded: str, shown: dict[str, Any], ids: dict[str, str]) -> str | None:
    """Make a plan under its own id, with what only lines and its price tell of it."""
    of = shown["product"]
    ids[of] = ids.get(of) or seed(send, of, None, ids) or ""
    amount = shown.get("amount") or shown.get("unit_amount")
    rhythm = shown.get("recurring") or shown
    pairs = [("id", recorded), ("product", ids[of]), ("currency", shown["currency"])]
    pairs += [("amount", str(amount)), ("interval", rhythm["interval"])]
    pairs += [("nickname", shown["nickname"])] if shown.get("nickname") else []
    made = _made(send, "/v1/plans", pairs)
    if made and recorded in TAXED:
        send("POST", f"/v1/prices/{made}", [("tax_behavior", "exclusive")])
    return made


def _invoice(send: Send, shown: dict[str, Any], ids: dict[str, str]) -> str | None:
    """Make a draft with the lines that somebody put on it, of a customer that is there."""
    customer = ids.get(shown["customer"])
    lines = shown["lines"]["data"]
    if customer is None or any(_is_of_subscription(line) for line in lines):
        return None
    for line in reversed(lines):
        pairs = [("customer", customer), ("currency", line["currency"])]
        pairs += [("amount", str(line["amount"])), ("description", line["description"] or "")]
        _made(send, "/v1/invoiceitems", [pair for pair in pairs if pair[1]])
    include = ("pending_invoice_items_behavior", "include")
    return _made(send, "/v1/invoices", [("customer", customer), include])


def _is_of_subscription(line: dict[str, Any]) -> bool:
    parent = line.get("parent") or {}
    return bool(line.get("subscription") or parent.get("subscription_item_details"))


def _able(send: Send, shown: dict[str, Any]) -> str | None:
    """Make a connected account that may get money, and money that it can get."""
    send("POST", "/v1/charges", [*MONEY, ("amount", "1000000"), ("source", "tok_bypassPending")])
    profile = [("product_description", "x"), ("support_phone", "1"), ("url", "https://example.com")]
    bank = [("object", "bank_account"), ("country", "US"), ("account_number", "000123456789")]
    bank += [*MONEY, ("routing_number", "110000000")]
    pairs = [("type", shown.get("type") or "express"), ("country", "US")]
    pairs += [(name, shown[name]) for name in ("email", "business_type") if shown.get(name)]
    able = {"card_payments", "transfers", *(shown.get("capabilities") or ())}
    pairs += [(f"capabilities[{name}][requested]", "true") for name in sorted(able)]
    pairs += [("tos_acceptance[date]", "1"), ("tos_acceptance[ip]", "192.0.2.1")]
    pairs += [(f"business_profile[{name}]", value) for name, value in profile]
    pairs += [(f"external_account[{name}]", value) for name, value in bank]
    return _made(send, "/v1/accounts", pairs)


def _payment(send: Send, recorded: str, shown: dict[str, Any], ids: dict[str, str]) -> str | None:
    """Make a payment as a whole: its customer, its payment method, the intent and its charge."""
    charge = shown if recorded.startswith("ch_") else shown.get("latest_charge")
    intent = shown.get("payment_intent") if recorded.startswith("ch_") else shown
    if not isinstance(intent, dict) or intent["description"]:  # made by an invoice, say
        return None
    customer, method = intent["customer"], intent["payment_method"]
    pairs = [(name, str(intent[name])) for name in ("amount", "currency", "capture_method")]
    if isinstance(customer, str):
        made_customer = ids.get(customer) or _made(send, "/v1/customers", [])
        if not made_customer:
            return None
        ids[customer] = made_customer
        pairs.append(("customer", made_customer))
    if method is not None:
        made_method = _method(send, method, ids.get(customer))
        if not made_method:
            return None
        pairs.append(("payment_method", made_method))
    if charge is not None:
        pairs += [("confirm", "true"), ("return_url", "http://localhost:3000/")]
    pairs += _details(intent)
    status, _, made = send("POST", "/v1/payment_intents", pairs + _taken(intent))
    if status != 200:  # a fake that knows no such parameter
        status, _, made = send("POST", "/v1/payment_intents", pairs)
    if status != 200:
        return None
    ids[intent["id"]] = str(made["id"])
    if method is not None:
        ids[method if isinstance(method, str) else method["id"]] = str(made["payment_method"])
    if charge is not None:
        ids[charge if isinstance(charge, str) else charge["id"]] = str(made["latest_charge"])
    return ids[recorded]


def _details(intent: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the parameters of what an intent shows beside the money."""
    names = ("setup_future_usage", "statement_descriptor_suffix", "transfer_group")
    pairs = [(name, intent[name]) for name in names if intent.get(name)]
    pairs += [(f"metadata[{name}]", value) for name, value in intent["metadata"].items()]
    sent = intent["shipping"] or {"address": {}}
    pairs += [(f"shipping[{name}]", sent[name]) for name in ("name", "phone") if sent.get(name)]
    pairs += [(f"shipping[address][{name}]", v) for name, v in sent["address"].items() if v]
    usage = (intent["payment_method_options"].get("card") or {}).get("setup_future_usage")
    if usage:
        pairs.append(("payment_method_options[card][setup_future_usage]", usage))
    return pairs


def _taken(intent: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the parameters by which an intent takes what it took in the recorded account."""
    automatic = intent["automatic_payment_methods"]
    if automatic is None:
        return [("payment_method_types[]", name) for name in intent["payment_method_types"]]
    pairs = [(f"automatic_payment_methods[{name}]", _text(v)) for name, v in automatic.items()]
    if "excluded_payment_method_types" in intent:
        return pairs
    others = (name for name in TYPES if name not in intent["payment_method_types"])
    return pairs + [("excluded_payment_method_types[]", name) for name in others]


def _text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _method(send: Send, shown: str | dict[str, Any], customer: str | None) -> str | None:
    """Make a card, as far as it is shown; a customer's, if there is one."""
    if isinstance(shown, str) or "card" not in shown:
        return _attached(send, customer) if customer else "pm_card_visa"
    pairs = [("type", "card"), ("card[token]", f"tok_{shown['card']['brand']}")]
    details = shown["billing_details"]
    names = ("email", "name", "phone")
    pairs += [(f"billing_details[{name}]", details[name]) for name in names if details[name]]
    address = details["address"].items()
    pairs += [(f"billing_details[address][{name}]", value) for name, value in address if value]
    made = _made(send, "/v1/payment_methods", pairs)
    if made is None or customer is None:
        return made
    return _made(send, f"/v1/payment_methods/{made}/attach", [("customer", customer)])


def _attached(send: Send, customer: str) -> str | None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    return _made(send, path, [("customer", customer)])


def _made(send: Send, path: str, pairs: list[tuple[str, str]]) -> str | None:
    """Return the id of what a request made, or None if it was refused."""
    status, _, made = send("POST", path, pairs)
    return str(made["id"]) if status == 200 else None
