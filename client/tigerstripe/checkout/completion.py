"""The end of a session: what its buyer pays or sets up, and what becomes of the session by it.

`confirmed` is one press of the page's button. It is one work with the intent, the charge, the
customer and the redemption of discounts. A card that is declined, or a buyer who has yet to
authenticate, leaves the session open; `heard` goes on when the buyer or the bank has done their
part.
"""

from __future__ import annotations

from tigerstripe import due, errors, registry
from tigerstripe.checkout import buyer, cart
from tigerstripe.engine import checked
from tigerstripe.errors import Declined, Refused
from tigerstripe.payments import hearing, moves, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.resource import Params, Record, private
from tigerstripe.work import PRIVATE, Work

TABLE = "checkout_sessions"
OF_INTENT = (
    "application_fee_amount", "capture_method", "description", "metadata", "on_behalf_of",
    "receipt_email", "setup_future_usage", "shipping", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip
"""Parameters of `payment_intent_data` that are those of the intent."""
PAID = {"succeeded": "paid", "processing": "unpaid", "requires_capture": "unpaid"}
"""What a session's `payment_status` is at its end, by the status of its intent."""
BY_WEB = {"type": "online", "online": {"ip_address": "192.0.2.1", "user_agent": "tigerstripe"}}
"""How the buyer of a page accepts the mandate of a debit."""


def begun(work: Work, session: Record) -> Record:
    """Return a new session with what it has from the start: in setup mode its intent, as recorded.

    The intent of a payment is made when the buyer pays.
    """
    if session["mode"] != "setup":
        return session
    intent = registry.need("setup_intent").make(work, _for_intent(session))
    hearing.belongs(work, intent, {"object": "checkout.session", "id": session["id"]})
    kept = {**private(session), "intent": intent["id"]}
    return {**session, "setup_intent": intent["id"], PRIVATE: kept}


def confirmed(work: Work, session: Record, params: Params) -> tuple[Record, Declined | None]:
    """Pay or set up what a session is for; return it as it is then, and why it was declined.

    Raises `Refused`, with nothing done, if the session or its page does not allow it.
    """
    _check_open(session)
    session = buyer.chosen(work, session, params)
    _check_amount(session, params.get("expected_amount"))
    cart.check_redeemable(work, session)
    is_free = session["mode"] == "payment" and session["amount_total"] == 0
    method = None if is_free else _method(work, params)
    session = buyer.told(work, session, params, method)
    session = _with_customer(work, session)
    if method is None:
        return _completed(work, session, None), None
    return _tried(work, session, method)


def by_buyer(work: Work, id: str, params: Params, *, authenticate: bool | None) -> Record:
    """Complete a session as a buyer would, who authenticates, or fails to, where the bank asks.

    None: they have not done so yet. Returns the session; raises `Refused`, or `Declined`, with what
    was tried in the work.
    """
    sessions = registry.need("checkout.session")
    confirm = "POST /v1/payment_pages/{session}/confirm"
    session, declined = confirmed(
        work, sessions.named(work, {"session": id}), checked(confirm, params, work.version)
    )
    if declined is None and session["status"] == "open" and authenticate is not None:
        intent = intent_of(work, session)
        assert intent is not None, session
        intent = moves.of(intent).authenticate(work, intent, succeed=authenticate)
        error = intent.get("last_payment_error") or intent.get("last_setup_error")
        if error is not None:
            raise Declined.of(error)
    if declined is not None:
        raise declined
    return using.shown(sessions.named(work, {"session": id}))


def choose(work: Work, id: str, params: Params) -> Record:
    """Store what a buyer chose of a session, and return it with its new total; raises `Refused`."""
    session = registry.need("checkout.session").named(work, {"session": id})
    _check_open(session)
    new: Record = buyer.chosen(work, session, params)
    work.put(TABLE, new)
    return new


def intent_of(work: Work, session: Record) -> Record | None:
    """Return the intent of a session, if it was tried."""
    id = private(session).get("intent")
    kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
    return work.get(registry.need(kind).table, id) if id is not None else None


def _check_open(session: Record) -> None:
    if session["mode"] == "subscription":
        raise errors.not_built("POST", "/v1/payment_pages/{session}/confirm in subscription mode")
    if session["status"] != "open":
        raise Refused(
            f'Only Checkout Sessions with a status in ["open"] can be completed. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    if (session["invoice_creation"] or {}).get("enabled"):
        raise errors.not_built_parameter("invoice_creation[enabled]")


def _check_amount(session: Record, expected: int | None) -> None:
    total = session["amount_total"] or 0
    if expected is not None and expected != total:
        raise Refused(
            f"The amount due of this Checkout Session is {total}, not {expected} as the page that "
            f"was confirmed showed: load it again.",
            code="checkout_amount_mismatch",
            param="expected_amount",
        )


def _method(work: Work, params: Params) -> Record:
    method = using.named(work, params)
    if method is None:
        raise errors.missing("payment_method")
    return method


# --- The customer ---


def _with_customer(work: Work, session: Record) -> Record:
    """Return a session whose customer is there, if it is to have one; the buyer is made one."""
    kept = private(session)
    id = session["customer"] or kept.get("customer")
    details, shipping = session["customer_details"], _shipping_of(session)
    customers = registry.need("customer")
    if id is not None:
        _update_customer(work, session, id)
        return session
    keeps = (kept.get("payment_intent_data") or {}).get("setup_future_usage")
    if session["customer_creation"] != "always" and not keeps:
        return session
    phone, address = details["phone"], details["address"]
    known = {"email": details["email"], "name": details["name"], "phone": phone}
    if any(address.values()):
        known["address"] = address
    if shipping is not None:
        known["shipping"] = shipping
    made = customers.create(work, {}, {n: v for n, v in known.items() if v is not None})
    return {**session, PRIVATE: {**kept, "customer": made["id"]}}


def _update_customer(work: Work, session: Record, id: str) -> None:
    """Let a customer have what their buyer told, where the session asks for that."""
    wanted = private(session).get("customer_update") or {}
    told = {
        "address": session["customer_details"]["address"],
        "name": session["customer_details"]["name"],
        "shipping": _shipping_of(session),
    }
    changes = {name: told[name] for name, how in wanted.items() if how == "auto" and told[name]}
    if changes:
        registry.need("customer").update(work, {"customer": id}, changes)


def _shipping_of(session: Record) -> Record | None:
    details: Record | None = session["collected_information"]["shipping_details"]
    return details


# --- The intent ---


def _tried(work: Work, session: Record, method: Record) -> tuple[Record, Declined | None]:
    """Try to pay or to set up; a session that was tried before has its intent still."""
    kept = private(session)
    kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
    intents = registry.need(kind)
    old = work.get(intents.table, kept.get("intent") or "")
    if old is None:
        intent = intents.make(work, {**_for_intent(session), "payment_method": method["id"]})
        session = {**session, PRIVATE: {**kept, "intent": intent["id"]}}
        hearing.belongs(work, intent, session)
    else:
        customer = session["customer"] or kept.get("customer")
        changes = {"customer": customer, "payment_method": method["id"]}
        intent = intents.change(work, old, _given(changes))
    attempt = Attempt(
        method,
        options=intent["payment_method_options"].get(method["type"]) or {},
        return_url=page_url(session),
        mandate_data=BY_WEB,
    )
    intent, declined = moves.of(intent).tried(work, intent, attempt)
    if intent["status"] in PAID:
        return _completed(work, session, intent), None
    work.put(TABLE, session)
    return session, declined


def _for_intent(session: Record) -> Params:
    """Return the parameters of the intent that a session is for."""
    kept = private(session)
    customer = session["customer"] or kept.get("customer")
    both = {
        "customer": customer,
        "payment_method_types": session["payment_method_types"],
        "payment_method_options": session["payment_method_options"],
    }
    if session["mode"] == "setup":
        data = kept.get("setup_intent_data") or {}
        names = ("description", "metadata")
        return _given({**both, **{name: data.get(name) for name in names}})
    data = kept.get("payment_intent_data") or {}
    shipping = _shipping_of(session)
    return _given({
        "amount": session["amount_total"],
        "currency": session["currency"],
        **both,
        **{name: data.get(name) for name in OF_INTENT},
        **({"shipping": shipping} if shipping is not None else {}),
    })  # fmt: skip


def _given(params: Params) -> Params:
    return {name: value for name, value in params.items() if value is not None}


def page_url(session: Record) -> str:
    """Return where a session's page is, for a buyer who comes back to it."""
    return f"https://checkout.stripe.com/c/pay/{session['id']}"


# --- What becomes of the session ---


def _completed(work: Work, session: Record, intent: Record | None) -> Record:
    """Store a session as complete, redeem its discounts, and tell of it."""
    kept = dict(private(session))
    customer = session["customer"] or kept.pop("customer", None)
    cart.redeem(work, session, customer)
    due.drop(work, session["id"])
    new = {
        **session,
        "client_secret": None,
        "customer": customer,
        "payment_status": "no_payment_required",
        "status": "complete",
        "url": None,
        PRIVATE: kept,
    }
    if intent is not None:
        new[intent["object"]] = intent["id"]
        if intent["object"] == "payment_intent":
            new["payment_status"] = PAID[intent["status"]]
            kept["is_debit"] = intent["status"] == "processing"
    work.put(TABLE, new)
    work.tell("checkout.session.completed", new)
    if new["payment_link"] is not None:
        registry.need("payment_link").completed(work, new["payment_link"])
    return new


def heard(work: Work, session: Record, intent: Record) -> None:
    """Go on with a session whose buyer has authenticated, or whose bank has answered."""
    status = intent["status"]
    if session["status"] == "open":
        if status in PAID:
            _completed(work, session, intent)
    elif session["payment_status"] == "unpaid" and session["status"] == "complete":
        _settled(work, session, intent)


def _settled(work: Work, session: Record, intent: Record) -> None:
    """Store whether a session that was complete before its payment is paid; tell of a debit."""
    is_debit = private(session)["is_debit"]
    if intent["status"] == "succeeded":
        session = {**session, "payment_status": "paid"}
        work.put(TABLE, session)
    elif intent["status"] != "requires_payment_method":
        return
    if is_debit:
        outcome = "succeeded" if session["payment_status"] == "paid" else "failed"
        work.tell(f"checkout.session.async_payment_{outcome}", session)


def given_up(work: Work, session: Record) -> None:
    """Cancel the intent of a session that expires, if it was tried and has not succeeded."""
    intent = intent_of(work, session)
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        registry.need(intent["object"]).cancel(work, {"intent": intent["id"]}, {})
