"""The payment method of an intent: which one a request means, and whether it may be used."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import charging
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

SPENT = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
    "attachment, shared with a connected account without Customer attachment, or was detached from "
    "a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach "
    "it to a Customer first."
)


def named(work: Work, params: Params) -> Record | None:
    """Return the payment method that a request names or describes, stored; None: it has none."""
    methods = registry.need("payment_method")
    given = params.get("payment_method_data")
    if given is not None:
        try:
            made: Record = methods.add(work, methods.new(work, given))
        except Refused as refused:
            raise errors.under(refused, "payment_method_data") from None
        return made
    id = params.get("payment_method")
    if id is None:
        return None
    found: Record = methods.given(work, id, "payment_method")
    return found


def check(method: Record, customer: str | None, types: list[str], what: str) -> None:
    """Raise `Refused` if a customer's intent cannot take a payment method; `what`: PaymentIntent.

    As recorded, but for the types, whose words are those of the live API.
    """
    owner = method["customer"]
    if owner is None:
        if private(method).get("is_spent"):
            raise Refused(SPENT)
    elif customer is None:
        raise _of_somebody(method, owner, what)
    elif owner != customer:
        raise Refused(
            f"The PaymentMethod {method['id']} does not belong to the Customer you supplied "
            f"{customer}. Please use this PaymentMethod with the Customer that it belongs to "
            f"instead.",
            param="payment_method",
        )
    if method["type"] not in types:
        raise Refused(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {what}. Please "
            f"attach a PaymentMethod of one of the following types: {', '.join(types)}. "
            f"Alternatively, update the allowed payment_method_types for this {what} to include "
            f'"{method["type"]}"',
            param="payment_method",
        )


def _of_somebody(method: Record, owner: str, what: str) -> Refused:
    """Return the refusal of a customer's payment method where no customer is named."""
    if what == "PaymentIntent":
        return Refused(
            f"The `payment_method` parameter supplied {method['id']} belongs to the Customer "
            f"{owner}. Please include the Customer in the `customer` parameter on the "
            f"PaymentIntent.",
            code="parameter_missing",
            param="source",
        )
    return Refused(
        f"The payment method supplied ({method['id']}) belongs to the Customer {owner}. Please "
        f"include the Customer in the `customer` parameter on the SetupIntent.",
        param="payment_method",
    )


def used(
    work: Work,
    method: Record,
    customer: str | None,
    *,
    is_kept: bool,
    is_set_up: bool = False,
    is_spent: bool = True,
) -> Record:
    """Store the changes that a payment or a setup makes to its method, and return it.

    One that `is_kept` is the customer's from now on; a payment uses up one that nobody has.
    """
    methods = registry.need("payment_method")
    new = charging.checked(method)
    if is_set_up:
        new = {**new, PRIVATE: {**private(new), "is_set_up": True}}
    if new["customer"] is None:
        if is_kept and customer is not None:
            attached: Record = methods.attach_to(work, new, customer)
            work.touch("customers", customer)  # its deletion knows of this one
            return attached
        if is_spent:
            new = {**new, PRIVATE: {**private(new), "is_spent": True}}
    if new != method:
        work.put(methods.table, new)
    return new


def shown(record: Record) -> Record:
    """Return an object as an error holds it."""
    return {name: value for name, value in record.items() if name != PRIVATE}
