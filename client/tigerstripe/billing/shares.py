"""The shares of an invoice: the part of a connected account, and the fee of the platform.

A subscription has them in percent, an invoice in amounts. The payment of the invoice splits the
money.
"""

from __future__ import annotations

from decimal import Decimal

from tigerstripe import money
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

SHARE = "share"
"""The shares that an invoice keeps for its payment: a fee and a transfer, by amount or percent."""


def of_subscription(work: Work, params: Params) -> Record:
    """Return the fields of a subscription that a request gives; raises `Refused`."""
    fields = {name: params[name] for name in ("application_fee_percent",) if name in params}
    _check_percent(fields.get("application_fee_percent"), "application_fee_percent")
    accounts = registry.need("account")
    if "on_behalf_of" in params:
        if params["on_behalf_of"] is not None:
            accounts.given(work, params["on_behalf_of"], "on_behalf_of")
        fields["on_behalf_of"] = params["on_behalf_of"]
    if "transfer_data" in params:
        data = params["transfer_data"]
        if data is not None:
            accounts.given(work, data["destination"], "transfer_data[destination]")
            _check_percent(data.get("amount_percent"), "transfer_data[amount_percent]")
            data = {name: data.get(name) for name in ("amount_percent", "destination")}
        fields["transfer_data"] = data
    return fields


def check_subscription(work: Work, subscription: Record) -> None:
    """Raise `Refused` for a fee of money that no connected account gets: it could not be paid.

    Else that would be found out by a payment, when time brings one.
    """
    is_own = work.scope.account is None and subscription["transfer_data"] is None
    if subscription["application_fee_percent"] is not None and is_own:
        raise Refused(
            "Can only apply an application_fee_percent with the Stripe-Account header of a "
            "connected account, or with transfer_data[destination].",
            param="application_fee_percent",
        )


def of_invoice(work: Work, params: Params) -> Record:
    """Return the share that a request gives an invoice by hand; raises `Refused`."""
    accounts = registry.need("account")
    data = params.get("transfer_data")
    if data is not None:
        accounts.given(work, data["destination"], "transfer_data[destination]")
    return {
        "fee": params.get("application_fee_amount"),
        "fee_percent": None,
        "transfer": data and {**data, "amount_percent": None},
    }


def inherited(subscription: Record) -> Record:
    """Return the share of a subscription's invoice."""
    return {
        "fee": None,
        "fee_percent": subscription["application_fee_percent"],
        "transfer": subscription["transfer_data"],
    }


def of_payment(invoice: Record, amount: int) -> Params:
    """Return the parameters that split a payment of so much of an invoice."""
    share = private(invoice).get(SHARE)
    params: Params = {"on_behalf_of": invoice["on_behalf_of"]}
    if share is None:
        return params
    fee = share["fee"]
    if share["fee_percent"] is not None:
        fee = _part(amount, share["fee_percent"])
    params["application_fee_amount"] = fee
    transfer = share["transfer"]
    if transfer is not None:
        data = {"destination": transfer["destination"]}
        if transfer["amount_percent"] is not None:
            data["amount"] = _part(amount, transfer["amount_percent"])
        elif transfer.get("amount") is not None:
            data["amount"] = transfer["amount"]
        params["transfer_data"] = data
    return params


def _part(amount: int, percent: float) -> int:
    return money.whole(Decimal(str(percent)) * amount / 100)


def _check_percent(percent: float | None, param: str) -> None:
    if percent is not None and not 0 <= percent <= 100:
        raise Refused(f"{param} must be between 0 and 100, got {percent}.", param=param)
