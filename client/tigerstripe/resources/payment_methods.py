"""Payment methods: cards, bank accounts and wallets; a customer's can be used again."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Enum
from tigerstripe.facts.table import facts
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource, operation, private
from tigerstripe.payments import bank_accounts, cards, testing_banks, using
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import PRIVATE, Work

BILLING = ("address", "email", "name", "phone", "tax_id")
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")

ELSEWHERE = (
    "; It's possible this PaymentMethod exists on one of your connected accounts, in which case "
    "you should retry this request on that connected account. Learn more at "
    "https://stripe.com/docs/connect/authentication"
)
OF_PLATFORM = (
    "; OAuth key or Stripe-Account header was used but API request was provided with a "
    "platform-owned payment method ID. Please ensure that the provided payment method matches the "
    "specified account."
)
ATTACHED = "The payment method you provided has already been attached to a customer."


class PaymentMethods(Resource):
    """Payment methods; the names of test cards stand for a new one wherever an id may be."""

    object = "payment_method"
    table = "payment_methods"
    prefix = "pm"
    told: frozenset[str] = Resource.told - {
        "created"
    }  # nothing is told of one before a customer has it
    name = "PaymentMethod"
    param: str | None = "payment_method"
    parent: str | None = "customer"

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new one, of its type's own parameters."""
        kind = params.get("type")
        if params.get("payment_method") is not None:
            return self._of_platform(work, params)
        if params.get("customer") is not None:  # whose the one to be copied is
            raise errors.missing("payment_method")
        if kind is None:
            raise errors.missing("type")
        others = [name for name in params if name != kind and name in _types()]
        if others:
            raise errors.unknown(others)
        given = params.get(kind) or {}
        billing = _billing(params.get("billing_details") or {})
        if kind == "card":
            card = self._card(work, given)
            section = cards.in_payment_method(card, billing["address"], given)
            kept = {"number": card["number"]}
        else:
            section, kept = bank_accounts.section(kind, given), _account(given)
        return self._fields(kind, section, kept, billing, params)

    def _of_platform(self, work: Work, params: Params) -> Record:
        """Return the fields of a connected account's copy of a payment method of its platform."""
        id, customer = params["payment_method"], params.get("customer")
        if work.scope.account is None:
            message = "A payment method is copied to a connected account: give Stripe-Account."
            raise Refused(message, param="payment_method")
        record = self.given(work.inside(None), id, "payment_method")
        if record["customer"] != customer:
            raise errors.no_such(self.name, id, "payment_method")
        own = ("id", "object", "created", "livemode")
        kept = {name: value for name, value in record.items() if name not in own}
        return {**kept, "customer": None, "metadata": params.get("metadata")}

    def _card(self, work: Work, given: Params) -> Record:
        if given.get("token") is None:
            return cards.of_params(work, given)
        beside = sorted(given.keys() - {"networks", "token"})
        if beside:
            raise errors.one_may_be_given("card[token]", f"card[{beside[0]}]")
        card: Record = registry.need("token").spent(work, given["token"], "card[token]")
        return card

    def _fields(
        self, kind: str, section: Record, kept: Record, billing: Record, params: Params
    ) -> Record:
        fields = {
            "allow_redisplay": params.get("allow_redisplay") or "unspecified",
            "billing_details": billing,
            "customer": None,
            "customer_account": None,
            "metadata": params.get("metadata"),
            "shared_payment_granted_token": None,
            "type": kind,
            kind: section,
            PRIVATE: kept,
        }
        if params.get("radar_options"):
            fields["radar_options"] = params["radar_options"]
        return fields

    # --- Found by their ids, or by the name of a test card ---

    def of_test_card(self, work: Work, id: str) -> Record | None:
        """Return a new one, not stored yet, of a card that `pm_card_...` names, or None."""
        card = cards.of_name(work, id) if id.startswith("pm_card_") else None
        if card is None:
            return self._of_test_bank(work, id)
        section = cards.in_payment_method(card, None, {})
        kept = {"number": card["number"]}
        return self.record(work, self._fields("card", section, kept, _billing({}), {}))

    def _of_test_bank(self, work: Work, id: str) -> Record | None:
        """Return a new one, verified already, of a bank account that `pm_...` names, or None."""
        known = testing_banks.of_name(id)
        if known is None:
            return None
        kind, given = known
        kept = {**_account(given), "is_verified": True}
        section = bank_accounts.section(kind, given)
        billing = {**_billing({}), "email": "jane@example.com", "name": "Jane"}
        return self.record(work, self._fields(kind, section, kept, billing, {}))

    def verify(self, work: Work, id: str, params: Params) -> None:
        """Note that a bank account is verified by its microdeposits; raises `Refused`."""
        code, amounts = params.get("descriptor_code"), params.get("amounts")
        if code is None and amounts is None:
            raise errors.missing("descriptor_code")
        if code not in (None, testing_banks.CODE) or amounts not in (None, testing_banks.AMOUNTS):
            what = "descriptor code" if code is not None else "amounts"
            raise Refused(
                f"The {what} provided do not match what was sent to the bank account.",
                code=f"payment_method_microdeposit_verification_{what.replace(' ', '_')}_mismatch",
            )
        record = self.given(work, id, "payment_method")
        work.put(self.table, {**record, PRIVATE: {**private(record), "is_verified": True}})

    def named(self, work: Work, ids: Ids) -> Record:
        """Return the one that the path names; of a test card's name a new one, not stored yet."""
        return self.of_test_card(work, list(ids.values())[-1]) or super().named(work, ids)

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the one that the path names; of a test card's name a new one each time."""
        made = self.of_test_card(work, list(ids.values())[-1])
        if made is None:
            return super().retrieve(work, ids, params)
        work.put(self.table, made)
        return made

    def given(self, work: Work, id: str, param: str) -> Record:
        """Return the one that a parameter names; of a test card's name a new one, stored."""
        made = self.of_test_card(work, id)
        if made is None:
            if work.get(self.table, id) is None and work.inside(None).get(self.table, id):
                raise errors.no_such(self.name, id, param, hint=OF_PLATFORM)
            return super().given(work, id, param)
        work.put(self.table, made)
        return made

    def missing(self, id: str, param: str | None, *, in_path: bool = False) -> Refused:
        """Return the refusal of an id that none has."""
        return errors.no_such(self.name, id, param, in_path=in_path, hint=ELSEWHERE)

    def list(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of them, of one customer where one is named."""
        customer = ids.get("customer") or params.get("customer")
        if customer is not None and work.get("customers", customer) is None:
            in_path = "customer" in ids
            raise errors.no_such("customer", customer, "customer", in_path=in_path)
        return super().list(work, ids, params)

    # --- Updates ---

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return one with other details; the parts of them that are not named stay."""
        if old["customer"] is None:
            message = "You must save this PaymentMethod to a customer before you can update it."
            raise Refused(message)
        params = dict(params)
        for name in [name for name in params if name in _types()]:
            if name != old["type"]:
                raise errors.unknown([name])
            params[name] = merged(old[name], params[name] or {})
        if "billing_details" in params:
            params["billing_details"] = merged(old["billing_details"], params["billing_details"])
        return {**old, **params}

    # --- Customers ---

    def attachable(self, work: Work, record: Record) -> Record:
        """Return one as a customer can have it; raises `Refused` where none can. Nothing is stored.

        A card is asked of its bank here: it may be `Declined`.
        """
        if record["customer"] is not None:
            raise Refused(
                "The payment method you provided has already been attached to a customer."
            )
        if private(record).get("is_spent"):
            raise Refused(using.SPENT)
        number = private(record).get("number")
        if number is None:
            return record
        cards.check_attach(number)
        card = record["card"]
        return {**record, "card": {**card, "checks": cards.checked(number, card["checks"])}}

    def attach_to(self, work: Work, record: Record, customer: str) -> Record:
        """Attach a payment method that is `attachable` to a customer, and create the event."""
        attached = {**record, "customer": customer}
        work.put(self.table, attached)
        work.tell("payment_method.attached", attached)
        return attached

    @operation("POST /v1/payment_methods/{payment_method}/attach")
    def attach(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a customer have one."""
        record = self.named(work, ids)
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        attached = self.attach_to(work, self.attachable(work, record), customer["id"])
        work.touch("customers", customer["id"])  # its deletion knows of this one
        return attached

    @operation("POST /v1/payment_methods/{payment_method}/detach")
    def detach(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take one from its customer; it cannot be used again."""
        record = self.named(work, ids)
        if record["customer"] is None:
            raise Refused(
                "The payment method you provided is not attached to a customer so detachment is "
                "impossible."
            )
        detached = self.let_go(work, record)
        registry.need("customer").forget_default(work, record["customer"], record["id"])
        return detached

    def let_go(self, work: Work, record: Record) -> Record:
        """Store one without its customer, and tell of it."""
        detached = {**record, "customer": None, PRIVATE: {**private(record), "is_spent": True}}
        work.put(self.table, detached)
        work.tell("payment_method.detached", detached, {"customer": record["customer"]})
        return detached


def _account(given: Params) -> Record:
    """Return the private part of a bank account: its number decides the outcome of debits."""
    number = given.get("account_number") or given.get("iban")
    return {} if number is None else {"account": str(number).replace(" ", "")}


def _types() -> frozenset[str]:
    """Return the names of all types; each is the name of a parameter and of a field too."""
    kind = facts().fields(PaymentMethods.object).fields["type"].kind
    assert isinstance(kind, Enum)
    return kind.values


def _billing(given: Params) -> Record:
    address = given.get("address") or {}
    return {
        **{name: given.get(name) for name in BILLING},
        "address": {name: address.get(name) for name in ADDRESS},
    }


RESOURCE = PaymentMethods()
