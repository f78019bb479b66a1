"""The calls of an account that act for others: buyers, banks, owners of connected accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tigerstripe.objects import due
from tigerstripe.records import Record

if TYPE_CHECKING:
    from tigerstripe.work.log import Log
    from tigerstripe.work.scope import Scope
    from tigerstripe.work.unit import Work


class Others:
    """The part of an `Account` that acts for others than the application.

    Where a call takes an object, its id will do.
    """

    if TYPE_CHECKING:

        @property
        def name(self) -> str:
            """The namespace."""

        @property
        def _scope(self) -> Scope: ...

        @property
        def _log(self) -> Log: ...

    def onboard(self, account: Any) -> Record:
        """Let the owner of a connected account give all details that are due; return the account.

        After that it may accept money. A bank account for tests is filled in, too, and the
        requested capabilities become active, or `card_payments` and `transfers` if none were
        requested. Raises `Refused` for an account that is not connected to this one. Cost: a write.
        """
        from tigerstripe.objects import registry
        from tigerstripe.payments import using
        from tigerstripe.work import acting

        accounts = registry.need("account")

        def do(work: Work) -> Record:
            there = accounts.named(work, {"account": _id_of(account)})
            return using.shown(accounts.onboard(work, there))

        return acting.act(self._scope, self._log, do)

    def complete_checkout(
        self,
        session: Any,
        payment_method: str | None = "pm_card_visa",
        *,
        authenticate: bool | None = True,
        **details: Any,
    ) -> Record:
        """Let the buyer complete an open checkout session; return the session as it is then.

        `payment_method`: an id, or the name of a test card.
        `authenticate`: what the buyer does if the bank asks for authentication: True succeeds,
        False fails, None leaves the session waiting for it.
        `details`: what the buyer fills in: `email`, `name`, `phone`, `address`, `shipping` (with
        `name` and `address`), `custom_fields` (values by key), `promotion_code` (its code),
        `shipping_rate` (an id), `payment_method_data`.

        Raises `Declined` if the payment fails: the session stays open, and `error` has the members
        of the error. Raises `Refused` for a session that is not open, and for details that its page
        does not take or that are missing; nothing is done then. Cost: a write.
        """
        from tigerstripe.checkout import completion
        from tigerstripe.work import acting

        id = _id_of(session)
        params = {"payment_method": payment_method, **details}
        params = {name: value for name, value in params.items() if value is not None}
        return acting.act(
            due.scope_of(self._scope, id),
            self._log,
            lambda work: completion.by_buyer(work, id, params, authenticate=authenticate),
        )

    def expire_checkout(self, session: Any) -> None:
        """Let an open checkout session expire now; raises ValueError if it is not open."""
        id = _id_of(session)
        if not due.run_now(self._scope, self._log, id):
            raise ValueError(
                f"expire_checkout: {id} is not an open checkout session of {self.name}"
            )

    def pay_invoice_page(
        self,
        invoice: Any,
        payment_method: str | None = "pm_card_visa",
        *,
        authenticate: bool | None = True,
        payment_method_data: Record | None = None,
    ) -> Record:
        """Let the customer pay an invoice on its hosted page; return the invoice as it is then.

        The arguments are those of `complete_checkout`. Raises `Declined` if the payment fails: the
        invoice stays open, and `error` has the members of the error. Raises `Refused`, with nothing
        done, for an invoice without anything to pay: a draft, or one that is paid or void. Cost: a
        write, and a look into each connected account for an id that is not this account's.
        """
        from tigerstripe.billing import hosted
        from tigerstripe.work import acting

        id = _id_of(invoice)
        params = {"payment_method": payment_method, "payment_method_data": payment_method_data}
        params = {name: value for name, value in params.items() if value is not None}
        return acting.act(
            self._scope.owner_of("invoices", id),
            self._log,
            lambda work: hosted.paid(work, id, params, authenticate=authenticate),
        )

    def authenticate(self, intent: Any, succeed: bool = True) -> Record:
        """Let the buyer authenticate a payment or setup intent, or fail to; return the intent.

        The intent has the status `requires_action`. Authenticated, it continues as its payment
        method decides; one with manual confirmation must be confirmed again. Raises ValueError if
        it does not wait for its buyer. Cost: a write.
        """
        from tigerstripe.payments import by_test

        return by_test.authenticate(self._scope, self._log, intent, succeed=succeed)

    def dispute(
        self,
        charge: Any,
        reason: str = "fraudulent",
        *,
        amount: int | None = None,
        inquiry: bool = False,
    ) -> Record:
        """Let the buyer dispute a charge at their bank; return the dispute.

        `charge`: a charge or a payment intent. `amount`: in the smallest unit, by default the
        whole charge. A chargeback takes the money away at once; an `inquiry` takes none. `settle`
        decides the dispute. Raises ValueError for a charge that took no money, for one that is
        disputed already, and for a reason that Stripe does not have. Cost: a write.
        """
        from tigerstripe.payments import by_test

        return by_test.dispute(
            self._scope, self._log, charge, reason=reason, amount=amount, is_inquiry=inquiry
        )

    def settle(
        self, thing: Any, succeed: bool | None = None, *, failure: str | None = None
    ) -> Record:
        """Let the bank make a decision that is pending; return the object as it is then.

        `thing`: a payment intent whose debit is `processing`; a payout or a top-up that is pending;
        a refund that is pending, whose customer has to say where it goes, or that succeeded and now
        fails (`succeed=False`); or a dispute, which is won or lost (an inquiry is closed or becomes
        a chargeback).
        `succeed`: by default what the test account or the test card stands for, else a success.
        `failure`: the code of the failure, as `insufficient_funds`.

        Raises ValueError if nothing waits, and for a failure that Stripe does not have for such an
        object. Cost: a write.
        """
        from tigerstripe.payments import by_test

        return by_test.settle(self._scope, self._log, thing, succeed=succeed, failure=failure)

    def set_fee(self, percent: str | float = "2.9", fixed: int = 30) -> None:
        """Set the fee of each payment from now on: a percentage and a fixed amount.

        `fixed` is in the smallest unit of the payment's currency. The fee is rounded half up, and
        is the same for all types and currencies; at first it is 2.9 % and 30. Raises ValueError for
        a percentage outside 0 to 100, and for a fixed amount below 0. Cost: a write.
        """
        from tigerstripe.payments import books

        books.set_fee(self._scope, percent, fixed)

    def set_reminders(self, upcoming: int | None = None, due: int | None = None) -> None:
        """Set how many days ahead reminders are created from now on; None for no reminders.

        `upcoming`: days from `invoice.upcoming` to a subscription's next invoice. A subscription
        follows the setting from its next change or period on.
        `due`: days from `invoice.will_be_due` to the due date of an invoice that was sent.
        Raises ValueError for a number of days that is not whole, or below 1. Cost: a write.
        """
        from tigerstripe import arguments
        from tigerstripe.billing import reminders

        for name, days in (("upcoming", upcoming), ("due", due)):
            if days is not None:
                arguments.whole(name, days, 1)
        reminders.set_days(self._scope, upcoming=upcoming, due=due)

    def set_dunning(self, retry_days: Sequence[int] = (3, 5, 7), then: str = "canceled") -> None:
        """Set when a failed payment of an invoice is tried again from now on, and what follows.

        `retry_days`: the days from each try to the next; if empty, there is no other try.
        `then`: the subscription's state after the last try: canceled, unpaid, or past_due.
        Raises ValueError for another state, and for a number of days that is not whole, or below
        1. Cost: a write.
        """
        from tigerstripe.billing import dunning

        dunning.set_table(self._scope, retry_days, then)


def _id_of(given: Any) -> str:
    return given if isinstance(given, str) else str(given["id"])
