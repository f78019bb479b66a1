"""Tokens: a card, a bank account or a number that was typed in, for one use."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects.resource import Ids, Resource, private
from tigerstripe.payments import bank_accounts, cards, testing_banks
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

PREFIXES = {"card": "tok", "bank_account": "btok", "cvc_update": "cvctok", "pii": "pii"}
"""The contents of tokens, and the prefixes of their ids."""


class Tokens(Resource):
    """Tokens; `tok_visa`, `btok_us_verified` and their like stand for a new one each time."""

    object = "token"
    table = "tokens"
    prefix = "tok"
    param: str | None = "token"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("create", "retrieve"))
    not_yet: tuple[str, ...] = ("account", "customer", "person")

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new token."""
        given = [kind for kind in PREFIXES if params.get(kind) is not None]
        if not given:
            raise errors.missing("card")
        if len(given) > 1:
            raise errors.one_may_be_given(*given[:2])
        [kind] = given
        if isinstance(params[kind], str):
            raise errors.not_built_parameter(kind)
        if kind == "card":
            return self._of_card(cards.of_params(work, params[kind]), params[kind])
        id = new_id(PREFIXES[kind], 24)
        token: Record = {"id": id, "client_ip": None, "type": kind, "used": False}
        if kind == "bank_account":
            token[kind] = bank_accounts.as_object(params[kind])
        return token

    def _of_card(self, card: Record, given: Params) -> Record:
        shown = cards.as_card(card, given)
        return {
            "card": {"id": new_id("card", 24), "object": "card", **dict(sorted(shown.items()))},
            "client_ip": None,
            "type": "card",
            "used": False,
            PRIVATE: {"card": card},
        }

    def retrieve(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a token; of a test card's name a new one."""
        return self._of_name(work, ids["token"]) or super().retrieve(work, ids, params)

    def _of_name(self, work: Work, id: str) -> Record | None:
        """Return a new token that a test card's or a test bank account's name stands for."""
        card = cards.of_name(work, id) if id.startswith("tok_") else None
        if card is not None:
            return self.add(work, self._of_card(card, {}))
        bank = testing_banks.of_token(id)
        if bank is None:
            return None
        account = {"account_number": bank.number, "routing_number": bank.routing, "country": "US"}
        return self.add(work, self.new(work, {"bank_account": account}))

    def unspent(self, work: Work, id: str, param: str) -> Record:
        """Return a token of a card that was not used yet, or one that a name stands for.

        Raises `Refused`.
        """
        token = self._unused(work, id, param)
        if token["type"] != "card":
            raise errors.not_built_parameter(param)
        return token

    def _unused(self, work: Work, id: str, param: str) -> Record:
        token = self._of_name(work, id) or self.given(work, id, param)
        if token["used"]:
            message = f"You cannot use a Stripe token more than once: {id}."
            raise Refused(message, code="token_already_used")
        return token

    def external(self, work: Work, id: str, param: str) -> Record:
        """Use a token of a card or a bank account up, and return it; raises `Refused`."""
        token = self._unused(work, id, param)
        work.put(self.table, {**token, "used": True})
        return token

    def spent(self, work: Work, id: str, param: str) -> Record:
        """Use a token up, and return the card that it stands for; raises `Refused`."""
        token = self.unspent(work, id, param)
        work.put(self.table, {**token, "used": True})
        card: Record = private(token)["card"]
        return card


RESOURCE = Tokens()
