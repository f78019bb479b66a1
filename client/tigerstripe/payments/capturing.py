"""Money that is held: captured at once or in parts, increased, or released."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.objects import due, metadata, registry
from tigerstripe.payments import amounts, connect, hearing
from tigerstripe.payments.using import shown
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OBJECT = "payment_intent"
TOO_MUCH = (
    "The payment could not be captured because the requested capture amount is greater than the "
    "amount you can capture for this charge."
)


def captured(work: Work, intent: Record, params: Params) -> Record:
    """Capture all or a part of the money that an intent holds, and return it. Raises `Refused`.

    Of what was captured in part, the rest is let go by a capture of 0.
    """
    amount = _amount(intent, params)
    intent = {**intent, **connect.changed(work, intent, {**params, "amount": amount})}
    charge = work.get("charges", intent["latest_charge"])
    assert charge is not None, intent
    charge = {**charge, "application_fee_amount": intent["application_fee_amount"]}
    method = work.get("payment_methods", intent["payment_method"])
    assert method is not None, intent
    is_final = _is_final(intent, charge, amount, params)
    charges = registry.need("charge")
    charge = charges.captured(work, charge, method, amount, is_final=is_final)
    if is_final:
        charges.follow(work, charge, method)
        due.cancel(work, intent["id"])
    own = ("metadata", "statement_descriptor", "statement_descriptor_suffix")
    new = {**intent, **_given(intent, params, own)}
    new["amount_capturable"] = 0 if is_final else intent["amount_capturable"] - amount
    new["amount_received"] = intent["amount_received"] + amount
    if not is_final:
        return _move(work, new, "amount_capturable_updated")
    new = _move(work, {**new, "status": "succeeded"}, "succeeded")
    return hearing.heard(work, new)


def _amount(intent: Record, params: Params) -> int:
    """Return how much is taken; raises `Refused`, as recorded."""
    amount: int | None = params.get("amount_to_capture")
    if amount is None:
        return int(intent["amount_capturable"])
    if amount < 0:
        message = "Invalid non-negative integer"
        raise Refused(message, param="amount_to_capture", payment_intent=shown(intent))
    if amount == 0 and not (intent["amount_received"] and params.get("final_capture")):
        refused = errors.too_small("amount", 1)
        refused.error["payment_intent"] = shown(intent)
        raise refused
    if amount > intent["amount_capturable"]:
        raise Refused(TOO_MUCH, code="amount_too_large", payment_intent=shown(intent))
    return amount


def _is_final(intent: Record, charge: Record, amount: int, params: Params) -> bool:
    """Tell whether no more is to be captured; a card may be asked for several captures."""
    if params.get("final_capture") is not False or amount == intent["amount_capturable"]:
        return True
    card = charge["payment_method_details"].get("card") or {}
    if (card.get("multicapture") or {}).get("status") != "available":
        raise Refused(
            "This PaymentIntent does not support multicapture: set payment_method_options[card]"
            "[request_multicapture] to if_available before it is confirmed.",
            param="final_capture",
            payment_intent=shown(intent),
        )
    for name in ("application_fee_amount", "transfer_data"):
        if intent[name] is not None:
            raise errors.not_built_parameter(f"final_capture of an intent with {name}")
    return False


def incremented(work: Work, intent: Record, charge: Record, params: Params) -> Record:
    """Hold more than before; return the intent after that. Raises `Refused`."""
    details = charge["payment_method_details"]
    card = details.get("card") or {}
    if (card.get("incremental_authorization") or {}).get("status") != "available":
        raise Refused(
            "This PaymentIntent is not eligible for incremental authorizations: set "
            "payment_method_options[card][request_incremental_authorization] to if_available "
            "before it is confirmed.",
            payment_intent=shown(intent),
        )
    amount = params["amount"]
    amounts.check(amount, intent["currency"])
    if amount <= intent["amount"]:
        message = "The amount must be greater than the amount that is authorized already."
        raise Refused(message, param="amount", payment_intent=shown(intent))
    over = {**card["overcapture"], "maximum_amount_capturable": amount}
    card = {**card, "amount_authorized": amount, "overcapture": over}
    held = {**charge, "amount": amount, "payment_method_details": {**details, "card": card}}
    registry.need("charge").save(work, charge, held)
    new = {**intent, **_given(intent, params, ("description", "metadata", "statement_descriptor"))}
    more = amount - intent["amount"]
    new.update(amount=amount, amount_capturable=intent["amount_capturable"] + more)
    return _move(work, new, "amount_capturable_updated")


def released(work: Work, charge: Record, *, is_over: bool) -> None:
    """Release the money that a charge holds, because its time is over or its intent is canceled."""
    why = "expired_uncaptured_charge" if is_over else None
    rest = charge["amount"] - charge["amount_captured"]
    new = registry.need("refund").release(work, charge, rest, why)
    if charge["amount_captured"]:
        registry.need("charge").save(work, charge, {**new, "captured": True}, "captured")
    elif is_over:
        work.put("charges", new)
        work.tell("charge.expired", new)
    else:
        registry.need("charge").save(work, charge, new, "refunded")


def _given(intent: Record, params: Params, names: tuple[str, ...]) -> Record:
    """Return the fields of these names that a request gives."""
    given = metadata.merged(intent, params)
    return {name: given[name] for name in names if name in given}


def _move(work: Work, new: Record, event: str) -> Record:
    moved: Record = registry.need(OBJECT).move(work, new, event)
    return moved
