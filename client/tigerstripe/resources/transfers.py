"""Transfers: money of the platform that goes to a connected account, and their reversals."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids
from tigerstripe.payments import charging, connect
from tigerstripe.payments.amounts import check_positive
from tigerstripe.payments.returns import Whole
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OVER = (
    "Insufficient funds: the transfers of {} would come to {}, and only {} of it can be "
    "transferred."
)
NOT_ABLE = (
    "Your destination account needs to have at least one of the following capabilities enabled: "
    "transfers, crypto_transfers, legacy_payments"
)


class Transfers(Whole):
    """Transfers."""

    object = "transfer"
    table = "transfers"
    prefix = "tr"
    param: str | None = "transfer"
    part = "transfer_reversal"
    parts = "reversals"
    flag = "reversed"
    path = "/v1/transfers/{}"
    owner = "destination"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a connected account have money of the balance, or of one charge."""
        currency = money.currency(params["currency"])
        destination = self._destination(work, params["destination"], "destination")
        source = params.get("source_transaction")
        charge = self._source(work, source, currency) if source is not None else None
        amount = params.get("amount", charge and charge["amount"])
        if amount is None:
            raise errors.missing("amount")
        check_positive(amount)
        group = params.get("transfer_group")
        if charge is not None:
            self._check_left(work, charge, amount)
            group = group or charge["transfer_group"] or connect.group_of(charge)
            if charge["transfer_group"] is None:
                work.put("charges", {**charge, "transfer_group": group})
        else:
            registry.need("payout").check_available(work, amount, currency)
        fields = {
            "amount": amount,
            "currency": currency,
            "description": params.get("description"),
            "destination": destination,
            "metadata": params.get("metadata"),
            "source_transaction": source,
            "transfer_group": group,
        }
        at_once = charge is None or connect.is_available(work, charge)
        return self.made(work, fields, charge, at_once)[0]

    def _destination(self, work: Work, id: str, param: str) -> str:
        """Return a connected account that may get money; raises `Refused`."""
        if work.scope.account is not None:
            raise Refused("Only a platform can transfer money to its connected accounts.")
        account = registry.need("account").given(work, id, param)
        if not connect.may_get(account):
            raise Refused(NOT_ABLE, code="insufficient_capabilities_for_transfer")
        return str(account["id"])

    def _source(self, work: Work, id: str, currency: str) -> Record:
        charge: Record = registry.need("charge").given(work, id, "source_transaction")
        if charge["status"] == "failed" or not charge["captured"]:
            message = f"Charge {id} has taken no money that could be transferred."
            raise Refused(message, param="source_transaction")
        if charge["currency"] != currency:
            raise Refused(
                f"The currency of source_transaction's balance transaction ({charge['currency']}) "
                f"must be the same as the transfer currency ({currency})",
                param="currency",
            )
        work.touch("charges", id)  # of two that take the last of it, one is worked out again
        return charge

    def _check_left(self, work: Work, charge: Record, amount: int) -> None:
        earlier = work.find_by(self.table, "source_transaction", charge["id"])
        taken = sum(one["amount"] - one["amount_reversed"] for one in earlier)
        if taken + amount > charge["amount"]:
            shown = [money.shown(n, charge["currency"]) for n in (taken + amount, charge["amount"])]
            raise Refused(OVER.format(charge["id"], *shown), code="balance_insufficient")

    def of_charge(
        self, work: Work, charge: Record, fee: int, at_once: bool
    ) -> tuple[Record, str | None]:
        """Make the transfer of a destination charge, less the fee of the platform.

        Returns it, and the id of the application fee.
        """
        data = charge["transfer_data"]
        param = "transfer_data[destination]"
        taken = charge["amount_captured"]
        fields = {
            "amount": min(taken, taken if data["amount"] is None else data["amount"]),
            "currency": charge["currency"],
            "description": None,
            "destination": self._destination(work, data["destination"], param),
            "metadata": {},
            "source_transaction": charge["id"],
            "transfer_group": charge["transfer_group"] or connect.group_of(charge),
        }
        return self.made(work, fields, charge, at_once, fee)

    def made(
        self, work: Work, fields: Record, charge: Record | None, at_once: bool, fee: int = 0
    ) -> tuple[Record, str | None]:
        """Store a transfer, with the payment that it is in the account, and both sides' books.

        Money that is not there `at_once` is pending until the seventh day. Returns it, and the
        application fee's id.
        """
        id, amount, currency = new_id(self.prefix, 24), fields["amount"], fields["currency"]
        out = connect.moved(work, id, -amount, currency, "transfer", "transfer", at_once=at_once)
        inside = work.inside(fields["destination"])
        payment = self._payment(inside, id, fields)
        fee_id = None
        if fee:
            fees = registry.need("application_fee")
            account = fields["destination"]
            fee_id = fees.collected(work, account, payment, charge or payment, fee)["id"]
        posted = connect.moved(
            inside, payment["id"], amount, currency, "payment", "charge",
            application_fee=fee, at_once=at_once,
        )  # fmt: skip
        payment |= {"application_fee": fee_id, "balance_transaction": posted}
        payment["application_fee_amount"] = fee or None
        registry.need("charge").add(inside, payment)
        made = self.add(work, {
            "id": id,
            **fields,
            "amount_reversed": 0,
            "balance_transaction": out,
            "destination_payment": payment["id"],
            "reversals": self.listed(id, []),
            "reversed": False,
            "source_type": "card",
        })  # fmt: skip
        return made, fee_id

    def _payment(self, inside: Work, transfer: str, fields: Record) -> Record:
        """Return the payment that a transfer is in its account."""
        of = {
            **dict.fromkeys(charging.OF_INTENT),
            "currency": fields["currency"],
            "customer": None,
            "metadata": {},
        }
        method = {"type": "stripe_account", "id": None, "billing_details": charging.NOBODY}
        amount = fields["amount"]
        return {
            **charging.fields(inside, of, method, amount),
            "amount_captured": amount,
            "captured": True,
            "paid": True,
            "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
            "source_transfer": transfer,
            "status": "succeeded",
        }

    # --- Reversals ---

    def over(self, whole: Record) -> Refused:
        """Return the refusal of a reversal where nothing is left."""
        message = f"Transfer {whole['id']} is already fully reversed."
        return Refused(message, code="transfer_already_reversed")

    def too_much(self, amount: str, left: str) -> str:
        """Return the message for a reversal that is larger than the rest."""
        return (
            f"Reversal amount ({amount}) is greater than the unreversed amount on the transfer "
            f"({left})"
        )


RESOURCE = Transfers()
