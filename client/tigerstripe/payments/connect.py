"""Money between a platform and its accounts: transfers, application fees, and their return.

Each side has its movements in its own books; one work writes both.

    direct charge        in the account; the platform's fee is a part of the charge's cost there
    destination charge   on the platform; a transfer brings it to the account, less the fee
    separate             on the platform; a transfer is made by itself
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import ordered, private
from tigerstripe.payments import books
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

LEGACY = "legacy_payments"
"""The capability that accounts had by themselves until 2019."""
NOT_ABLE = (
    "You cannot create a charge on a connected account without the `card_payments` capability "
    "enabled."
)
NOT_ABLE_FOR = (
    "You cannot create a charge with the `on_behalf_of` parameter set to a connected account with "
    "`transfers` but without the `card_payments` capability enabled."
)


def application(work: Work) -> str | None:
    """Return the id of the platform as connected accounts have it; None on the platform itself."""
    if work.scope.account is None:
        return None
    name = work.scope.store.current_namespace.encode()
    return f"ca_{hashlib.blake2b(name, digest_size=16).hexdigest()}"


def fields(work: Work, params: Params) -> Record:
    """Return the fields of an intent or charge that split its money.

    Raises `Refused`.
    """
    fee, data, on_behalf = (
        params.get(name) for name in ("application_fee_amount", "transfer_data", "on_behalf_of")
    )
    accounts = registry.need("account")
    if on_behalf is not None:
        accounts.given(work, on_behalf, "on_behalf_of")
    if data is not None:
        accounts.given(work, data["destination"], "transfer_data[destination]")
        if data.get("amount") is not None and fee is not None:
            raise Refused(
                "You can not use both `application_fee_amount` and `transfer_data[amount]`: give "
                "one of them.",
                param="application_fee_amount",
            )
        _check_part(data.get("amount"), params.get("amount"), "transfer_data[amount]")
    elif fee is not None and work.scope.account is None:
        raise Refused(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a "
            "direct payment (using an OAuth key or Stripe-Account header) or destination payment "
            "(using `transfer_data[destination]`).",
            param="application_fee_amount",
        )
    _check_part(fee, params.get("amount"), "application_fee_amount")
    return {"application_fee_amount": fee, "on_behalf_of": on_behalf, "transfer_data": data}


def check_charge(work: Work, payment: Record) -> None:
    """Raise `Refused` if the account of the charge may not be paid by buyers.

    An intent can be made all the same, as reports of this message show.
    """
    account, words = work.scope.account, NOT_ABLE
    if account is None:
        account, words = payment["on_behalf_of"], NOT_ABLE_FOR
    if account is None:
        return
    record = work.inside(None).get("accounts", account)
    if record is None or record["capabilities"].get("card_payments") != "active":
        raise Refused(words)


def changed(work: Work, old: Record, params: Params) -> Record:
    """Return the changes that an update or a capture makes to `fields`; raises `Refused`."""
    names = ("application_fee_amount", "on_behalf_of", "transfer_data")
    if not any(params.get(name) is not None for name in names):
        return {}
    given = {name: params[name] for name in names if params.get(name) is not None}
    data = given.get("transfer_data")
    if data is not None:
        if old["transfer_data"] is None:
            raise Refused(
                "transfer_data can only be given when a PaymentIntent is made.",
                param="transfer_data",
            )
        given["transfer_data"] = {**old["transfer_data"], **data}
    there = {name: old[name] for name in names if old[name] is not None}
    return fields(work, {**there, **given, "amount": params.get("amount")})


def of_charge(data: Record | None) -> Record | None:
    """Return an intent's `transfer_data` as its charge shows it."""
    return data and {"amount": data.get("amount"), "destination": data["destination"]}


def hidden(charge: Record) -> Record:
    """Return a charge as it is before its money has moved: that of one captured late."""
    shown = {name: value for name, value in charge.items() if name != "transfer"}
    return {**shown, "application_fee": None, "balance_transaction": None}


def _check_part(part: int | None, whole: int | None, param: str) -> None:
    if part is not None and part < 1:
        raise Refused("Invalid positive integer", code="parameter_invalid_integer", param=param)
    if part is not None and whole is not None and part > whole:
        raise Refused(f"{param} ({part}) must not be more than the amount ({whole}).", param=param)


def fee_of_charge(work: Work, charge: Record, amount: int) -> int:
    """Return the application fee that taking an amount costs where it is: of a direct charge."""
    return _capped(charge, amount) or 0 if work.scope.account is not None else 0


def _capped(charge: Record, amount: int) -> int | None:
    """Return the fee of a charge, no more than the captured amount, as Stripe's reference says."""
    fee: int | None = charge["application_fee_amount"]
    return None if fee is None else min(fee, amount)


def shared(work: Work, charge: Record, *, at_once: bool) -> Record:
    """Let the money of a charge go where it belongs, and return the charge after that.

    It is there `at_once`, or when that of the charge is.
    """
    fee, data = _capped(charge, charge["amount_captured"]), charge["transfer_data"]
    if work.scope.account is not None:
        if fee is None:
            return charge
        platform = work.inside(None)
        account = work.scope.account
        made = registry.need("application_fee").collected(platform, account, charge, charge, fee)
        new = {**charge, "application_fee": made["id"]}
    elif data is not None:
        transfer, fee_id = registry.need("transfer").of_charge(work, charge, fee or 0, at_once)
        new = {**charge, "application_fee": fee_id, "transfer": transfer["id"]}
        new["transfer_group"] = transfer["transfer_group"]
    else:
        return charge
    new = ordered(new)
    work.put("charges", new)
    return new


def is_there(work: Work, account: str) -> bool:
    """Tell whether a connected account has not been deleted."""
    return work.inside(None).get("accounts", account) is not None


def may_get(account: Record | None) -> bool:
    """Tell whether a connected account may get money of the platform's."""
    there = {} if account is None else account["capabilities"]
    return any(there.get(name) == "active" for name in ("transfers", LEGACY))


def receivable(work: Work, payment: Record) -> Record:
    """Return a charge or an intent that is paid later, when nobody is there to be refused.

    Its money stays with the platform if the account that was to get it may not any more.
    """
    data = payment["transfer_data"]
    if data is None or may_get(work.get("accounts", data["destination"])):
        return payment
    return {**payment, "application_fee_amount": None, "transfer_data": None}


def group_of(charge: Record) -> str:
    """Return the group of a charge's transfers where none was named."""
    return f"group_{charge['payment_intent'] or charge['id']}"


# --- The way back ---


def given_back(
    work: Work, charge: Record, refund: Record, params: Params
) -> tuple[str | None, str | None]:
    """Take back the parts that a refund asks for: of the transfer, and of the application fee.

    Returns the ids of the transfer's reversal and of the fee's refund; raises `Refused`.
    """
    wants_fee, wants_transfer = params.get("refund_application_fee"), params.get("reverse_transfer")
    fee, transfer, amount = charge["application_fee"], charge.get("transfer"), refund["amount"]
    if wants_transfer and transfer is None:
        raise Refused(
            "Cannot reverse the transfer of a charge that has none.", param="reverse_transfer"
        )
    if wants_fee and fee is None:
        raise Refused(
            "Cannot refund the application fee of a charge that has none.",
            param="refund_application_fee",
        )
    reversal: str | None = None
    if wants_transfer:
        transfers = registry.need("transfer")
        there = work.get(transfers.table, transfer or "")
        assert there is not None, charge
        part = _part(there["amount"], there["amount_reversed"], charge, amount)
        if part:
            of = {"source_refund": refund["id"]}
            reversal = transfers.given_back(work, there, part, of)["id"]
    return reversal, fee_given_back(work, charge, amount) if wants_fee else None


def fee_given_back(work: Work, charge: Record, amount: int) -> str | None:
    """Give the account its part of the application fee back, for an amount of the charge.

    Returns the id of the fee's refund; None if there is nothing to give back.
    """
    fees = registry.need("application_fee")
    platform = work.inside(None)
    fee = platform.get(fees.table, charge["application_fee"] or "")
    if fee is None:
        return None
    part = _part(fee["amount"], fee["amount_refunded"], charge, amount)
    return str(fees.given_back(platform, fee, part, {})["id"]) if part else None


def kept(work: Work, refund: Record) -> None:
    """Let a refund that failed not have taken anything back of a transfer or a fee."""
    if refund["transfer_reversal"] is not None:
        registry.need("transfer_reversal").undo(work, refund["transfer_reversal"])
    fee_refund = private(refund).get("fee_refund")
    if fee_refund is not None:
        registry.need("fee_refund").undo(work.inside(None), fee_refund)


def _part(whole: int, returned: int, charge: Record, amount: int) -> int:
    """Return how much of a whole goes back with an amount of its charge; at its end, the rest."""
    if charge["amount_refunded"] + amount >= charge["amount"]:
        return int(whole - returned)
    return min(whole - returned, money.whole(Decimal(whole) * amount / charge["amount"]))


def is_available(work: Work, charge: Record) -> bool:
    """Tell whether the money of a charge is there already."""
    posted = work.get(books.TABLE, charge["balance_transaction"] or "")
    return posted is not None and bool(posted["available_on"] <= work.now)


def moved(
    work: Work, source: str, amount: int, currency: str, type: str, category: str, **more: Any
) -> str:
    """Write a movement into the books of an account; return the id of its transaction."""
    posted = books.post(work, source, amount, currency, type=type, category=category, **more)
    return str(posted["id"])
