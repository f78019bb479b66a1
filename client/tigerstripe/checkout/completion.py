"""The completion of a session: its buyer pays or sets up a payment method.

`confirmed` is one press of the page's button. It is one work with the intent, the charge, the
customer and the redemption of discounts. If a card is declined, or the buyer has yet to
authenticate, the session stays open. `heard` continues when the buyer or the bank has acted.
"""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.checkout import buyer, cart, customers, selling
from tigerstripe.errors import Declined, Refused
from tigerstripe.facts.parameters import checked
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import bank, hearing, moves, using
from tigerstripe.payments.bank import Attempt
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

TABLE = "checkout_sessions"
OF_INTENT = (
    "application_fee_amount", "capture_method", "description", "metadata", "on_behalf_of",
    "receipt_email", "setup_future_usage", "shipping", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip
"""Parameters of `payment_intent_data` that are those of the intent."""
PAID = {"succeeded": "paid", "processing": "unpaid", "requires_capture": "unpaid"}
"""The `payment_status` of a completed session, by the status of its intent."""
AT_LAST = ("succeeded", "paid")
"""How a payment, or its invoice, ends well."""


def begun(work: Work, session: Record) -> Record:
    """Return a new session; in setup mode it has its intent from the start, as recorded.

    The intent of a payment is made when the buyer pays.
    """
    if session["mode"] != "setup":
        return session
    intent = registry.need("setup_intent").make(work, _for_setup(session))
    hearing.belongs(work, intent, {"object": "checkout.session", "id": session["id"]})
    kept = {**private(session), "intent": intent["id"]}
    return {**session, "setup_intent": intent["id"], PRIVATE: kept}


def confirmed(work: Work, session: Record, params: Params) -> tuple[Record, Declined | None]:
    """Carry out the payment or setup of a session; return the session, and the decline if any.

    Raises `Refused`, with nothing done, if the session or its page does not allow it.
    """
    _check_open(session)
    session = buyer.chosen(work, session, params)
    cart.check_redeemable(work, session)
    method = _method(work, session, params)
    session = cart.as_of_now(work, buyer.told(work, session, params, method))
    _check_amount(session, params.get("expected_amount"))
    session = customers.known(work, session)
    if cart.is_anchored(session):  # a first period lasts from now on, however long it is paid for
        pressed_at = customers.on_clock(work, session).now
        session = {**session, PRIVATE: {**private(session), "pressed_at": pressed_at}}
    if method is None:
        return _completed(work, session, None), None
    return _tried(work, session, method)


def needs_method(session: Record) -> bool:
    """Tell whether a buyer must give a payment method, which is not so if nothing is due now.

    A subscription will cost something later; its session may say that it can do without till then.
    """
    always = session["mode"] == "subscription" and session["payment_method_collection"] == "always"
    return session["mode"] == "setup" or always or bool(session["amount_total"])


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
        moves.authenticated(work, intent, succeed=authenticate)
    if declined is not None:
        raise declined
    return using.shown(sessions.named(work, {"session": id}))


def choose(work: Work, id: str, params: Params) -> Record:
    """Store the choices of a buyer, and return the session with its new total; raises `Refused`."""
    session = registry.need("checkout.session").named(work, {"session": id})
    _check_open(session)
    new: Record = buyer.chosen(work, session, params)
    work.put(TABLE, new)
    return new


def intent_of(work: Work, session: Record) -> Record | None:
    """Return the intent of a session, if it was tried."""
    id = private(session).get("intent")
    if id is None:
        return None
    kind = "setup_intent" if id.startswith("seti_") else "payment_intent"
    return work.get(registry.need(kind).table, id)


def _check_open(session: Record) -> None:
    if session["status"] != "open":
        raise Refused(
            f'Only Checkout Sessions with a status in ["open"] can be completed. This Checkout '
            f"Session has a status of `{session['status']}`."
        )


def _check_amount(session: Record, expected: int | None) -> None:
    total = session["amount_total"] or 0
    if expected is not None and expected != total:
        raise Refused(
            f"The amount due of this Checkout Session is {total}, not {expected} as the page that "
            f"was confirmed showed: load it again.",
            code="checkout_amount_mismatch",
            param="expected_amount",
        )


def _method(work: Work, session: Record, params: Params) -> Record | None:
    """Return the payment method of a buyer, None if none is needed; raises `Refused`."""
    needed = needs_method(session)
    if not needed and session["mode"] == "payment":
        return None
    method = using.named(work, params)
    if method is None and needed:
        raise errors.missing("payment_method")
    return method


# --- The intent ---


def _tried(work: Work, session: Record, method: Record) -> tuple[Record, Declined | None]:
    """Try to pay or to set up; a session that was tried before has its intent still."""
    due = selling.due(work, session)
    intents = registry.need("payment_intent" if due else "setup_intent")
    old = intent_of(work, session)
    if old is not None and old["object"] != intents.object:
        given_up(work, session)
        old = None
    if old is None:
        params = _for_payment(work, session, due) if due else _for_setup(session)
        intent = intents.make(work, {**params, "payment_method": method["id"]})
        hearing.belongs(work, intent, session)
    else:
        changes = {"customer": customers.of(session), "payment_method": method["id"]}
        intent = intents.change(work, old, _given({**changes, "amount": due or None}))
    session = {**session, PRIVATE: {**private(session), "intent": intent["id"]}}
    attempt = Attempt(
        method,
        options=intent["payment_method_options"].get(method["type"]) or {},
        return_url=page_url(session),
        mandate_data=bank.BY_WEB,
    )
    intent, declined = moves.of(intent).tried(work, intent, attempt)
    if intent["status"] in PAID:
        return _completed(work, session, intent), None
    work.put(TABLE, session)
    return session, declined


def _for_setup(session: Record) -> Params:
    """Return the parameters of the intent that sets up the buyer's payment method."""
    data = private(session).get("setup_intent_data") or {}
    return _given({
        **_for_both(session),
        "description": data.get("description"),
        "metadata": data.get("metadata"),
    })  # fmt: skip


def _for_payment(work: Work, session: Record, amount: int) -> Params:
    """Return the parameters of the intent that pays for a session."""
    data = private(session).get("payment_intent_data") or {}
    shipping = customers.shipping_of(session)
    is_subscription = session["mode"] == "subscription"
    return _given({
        "amount": amount,
        "currency": session["currency"],
        **_for_both(session),
        **{name: data.get(name) for name in OF_INTENT},
        **({"shipping": shipping} if shipping is not None else {}),
        **(selling.first_payment(work, session, amount) if is_subscription else {}),
    })  # fmt: skip


def _for_both(session: Record) -> Params:
    return {
        "customer": customers.of(session),
        "payment_method_types": session["payment_method_types"],
        "payment_method_options": session["payment_method_options"],
    }


def _given(params: Params) -> Params:
    return {name: value for name, value in params.items() if value is not None}


def page_url(session: Record) -> str:
    """Return where a session's page is, for a buyer who comes back to it."""
    return f"https://checkout.stripe.com/c/pay/{session['id']}"


# --- What becomes of the session ---


def _completed(work: Work, session: Record, intent: Record | None) -> Record:
    """Store a session as complete, create the objects that were bought, and the event."""
    customer = customers.of(session)
    if session["mode"] == "subscription":
        made = selling.subscribed(work, session, intent)  # which redeems the discounts
    else:
        cart.redeem(work, session, customer)
        made = {} if intent is None else {intent["object"]: intent["id"]}
    due.cancel(work, session["id"])
    kept = {name: value for name, value in private(session).items() if name != "customer"}
    status = "no_payment_required"
    if intent is not None and intent["object"] == "payment_intent":
        status = PAID[intent["status"]]
        kept["is_debit"] = intent["status"] == "processing"
    new = {
        **session,
        **made,
        "client_secret": None,
        "customer": customer,
        "payment_status": status,
        "status": "complete",
        "url": None,
        PRIVATE: kept,
    }
    if status != "unpaid":
        new = _with_receipt(work, new, intent)
    work.put(TABLE, new)
    work.tell("checkout.session.completed", new)
    if new["payment_link"] is not None:
        registry.need("payment_link").completed(work, new["payment_link"])
    return new


def _with_receipt(work: Work, session: Record, intent: Record | None) -> Record:
    """Return a session that is paid with the invoice of that, if it is to have one."""
    if not customers.wants_invoice(session):
        return session
    return {**session, "invoice": selling.invoiced(work, session, intent)}


def heard(work: Work, session: Record, what: Record) -> None:
    """Continue with a session after its buyer has authenticated, or its bank has answered.

    `what` is its intent; of a subscription that has begun, its invoice.
    """
    if session["status"] == "open":
        if what["status"] in PAID:
            _completed(work, session, what)
    elif session["payment_status"] == "unpaid" and session["status"] == "complete":
        _settled(work, session, what)


def _settled(work: Work, session: Record, what: Record) -> None:
    """Store whether a session that was complete before its payment is paid; tell of a debit."""
    is_paid, kept = what["status"] in AT_LAST, private(session)
    if not is_paid and what["status"] not in ("requires_payment_method", "open"):
        return
    session = {**session, PRIVATE: {**kept, "is_debit": False}}
    if is_paid:
        session["payment_status"] = "paid"
        if session["mode"] == "payment":
            session = _with_receipt(work, session, what)
    work.put(TABLE, session)
    if kept["is_debit"]:
        outcome = "succeeded" if is_paid else "failed"
        work.tell(f"checkout.session.async_payment_{outcome}", session)


def given_up(work: Work, session: Record) -> None:
    """Cancel the intent of a session that expires, if it was tried and has not succeeded."""
    intent = intent_of(work, session)
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        registry.need(intent["object"]).cancel(work, {"intent": intent["id"]}, {})
