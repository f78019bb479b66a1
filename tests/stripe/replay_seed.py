"""Makes what recordings presuppose, by the public API: the same for each fake that is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Send = Callable[..., Any]
MONEY = [("currency", "usd")]


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
    if recorded.startswith("acct_"):
        return _able(send, shown or {})
    if recorded.startswith(("pi_", "ch_")) and shown is not None:
        return _paid(send, recorded, shown, ids)
    if recorded.startswith("cus_") and shown is None:  # what is charged without being shown
        return _made(send, "/v1/customers", [("source", "tok_visa")])
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


def _able(send: Send, shown: dict[str, Any]) -> str | None:
    """Make a connected account that may get money, and money that it can get."""
    send("POST", "/v1/charges", [*MONEY, ("amount", "1000000"), ("source", "tok_bypassPending")])
    profile = [("product_description", "x"), ("support_phone", "1"), ("url", "https://example.com")]
    bank = [("object", "bank_account"), ("country", "US"), ("account_number", "000123456789")]
    bank += [*MONEY, ("routing_number", "110000000")]
    pairs = [("type", shown.get("type") or "express"), ("country", "US")]
    pairs += [(name, shown[name]) for name in ("email", "business_type") if shown.get(name)]
    pairs += [("capabilities[transfers][requested]", "true")]
    pairs += [("tos_acceptance[date]", "1"), ("tos_acceptance[ip]", "192.0.2.1")]
    pairs += [(f"business_profile[{name}]", value) for name, value in profile]
    pairs += [(f"external_account[{name}]", value) for name, value in bank]
    return _made(send, "/v1/accounts", pairs)


def _paid(send: Send, recorded: str, shown: dict[str, Any], ids: dict[str, str]) -> str | None:
    """Make a payment as a whole: its customer, its payment method, the intent and the charge."""
    charge = shown if recorded.startswith("ch_") else shown.get("latest_charge")
    intent = shown.get("payment_intent") if recorded.startswith("ch_") else shown
    if not isinstance(intent, dict) or charge is None:
        return None
    customer, method = intent["customer"], intent["payment_method"]
    if not isinstance(customer, str) or not isinstance(method, str) or intent["description"]:
        return None  # made by an invoice, say
    made_customer = ids.get(customer) or _made(send, "/v1/customers", [])
    made_method = made_customer and _attached(send, made_customer)
    if not made_customer or not made_method:
        return None
    pairs = [("payment_method", made_method), ("confirm", "true"), ("customer", made_customer)]
    pairs += [("return_url", "http://localhost:3000/")]
    pairs += [(name, str(intent[name])) for name in ("amount", "currency", "capture_method")]
    sent = intent["shipping"] or {"address": {}}
    pairs += [(f"shipping[{name}]", sent[name]) for name in ("name", "phone") if sent.get(name)]
    pairs += [(f"shipping[address][{name}]", v) for name, v in sent["address"].items() if v]
    status, _, made = send("POST", "/v1/payment_intents", pairs)
    if status != 200:
        return None
    ids[customer], ids[method] = made_customer, made_method
    ids[intent["id"]] = str(made["id"])
    ids[charge if isinstance(charge, str) else charge["id"]] = str(made["latest_charge"])
    return ids[recorded]


def _attached(send: Send, customer: str) -> str | None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    return _made(send, path, [("customer", customer)])


def _made(send: Send, path: str, pairs: list[tuple[str, str]]) -> str | None:
    """Return the id of what a request made, or None if it was refused."""
    status, _, made = send("POST", path, pairs)
    return str(made["id"]) if status == 200 else None
