"""What buyers, banks and owners of accounts do: the calls of an account that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tigerstripe.objects import due

if TYPE_CHECKING:
    from tigerstripe.work.log import Log
    from tigerstripe.work.scope import Scope
    from tigerstripe.work.unit import Work

Record = dict[str, Any]


class Others:
    """The part of an `Account` in which others act than the application."""

    if TYPE_CHECKING:

        @property
        def name(self) -> str:
            """The namespace."""

        @property
        def _scope(self) -> Scope: ...

        @property
        def _log(self) -> Log: ...

    def onboard(self, account: Any) -> Record:
        """Let the owner of a connected account, or the one of an id, say all that it lacks.

        So it may take money: what is still due is filled in, a bank account of a test among it, and
        its capabilities become active; where none was asked for, `card_payments` and `transfers`
        are. Returns the account. Raises `Refused` for an account that is not connected to this one.
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
        """Let a buyer complete an open checkout session, or the one of an id; return it after that.

        `details` are what they fill in: `email`, `name`, `phone`, `address`, `shipping` (with
        `name` and `address`), `custom_fields` (a value by key), `promotion_code` (its code),
        `shipping_rate` (an id), `payment_method_data`. Where the bank asks them to authenticate,
        they do, or with False fail to; with None the session is left waiting for that.

        Raises `Declined` if they cannot pay so: the session is open still, and the error's members
        are in its `error`. Raises `Refused`, with nothing done, for a session that is not open, and
        for details that its page does not take or misses.
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
        """Let an open checkout session, or the one of an id, expire now instead of in its time.

        Raises ValueError if it is not open.
        """
        id = _id_of(session)
        if not due.do_now(self._scope, self._log, id):
            raise ValueError(f"expire_checkout: {id} is no open checkout session of {self.name}")

    def pay_invoice_page(
        self,
        invoice: Any,
        payment_method: str | None = "pm_card_visa",
        *,
        authenticate: bool | None = True,
        payment_method_data: Record | None = None,
    ) -> Record:
        """Let a customer pay an invoice, or the one of an id, on its hosted page; return it then.

        Where the bank asks them to authenticate, they do, or with False fail to; with None the
        invoice is left waiting for that. Raises `Declined` if they cannot pay so: the invoice is
        open still, and the error's members are in its `error`. Raises `Refused`, with nothing
        done, for an invoice that has nothing to pay: a draft, or one that is paid or void.
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
        """Let the buyer authenticate a payment or setup intent, or fail to; return it after that.

        `intent` is one, or its id, that has the status `requires_action`. An intent that is
        authenticated goes on as its payment method lets it; if it is confirmed manually, it has to
        be confirmed again. Raises ValueError if it does not wait for its buyer.
        """
        from tigerstripe.payments import deciding

        return deciding.authenticate(self._scope, self._log, intent, succeed=succeed)

    def dispute(
        self,
        charge: Any,
        reason: str = "fraudulent",
        *,
        amount: int | None = None,
        inquiry: bool = False,
    ) -> Record:
        """Let the buyer question a charge at their bank; return the dispute.

        `charge` is one, a payment intent, or the id of one; `amount` in the smallest unit is by
        default all of it. A chargeback takes the money away at once; an `inquiry` takes none.
        `settle` ends it. Raises ValueError for a charge without money, for one disputed already,
        and for a reason that Stripe does not have.
        """
        from tigerstripe.payments import deciding

        return deciding.dispute(
            self._scope, self._log, charge, reason=reason, amount=amount, is_inquiry=inquiry
        )

    def settle(
        self, thing: Any, succeed: bool | None = None, *, failure: str | None = None
    ) -> Record:
        """Let the bank decide what waits for it, now instead of in its time; return it after that.

        `thing` is an object or its id: a payment intent whose debit is `processing`; a refund that
        is pending, or that succeeded and is to come back (`succeed=False`), or whose customer was
        asked where to, and tells; a payout or top-up that is pending; or a dispute, won or lost (an
        inquiry: closed, or come to a chargeback). By default it is what a test account or card has
        in store, else a success; `failure` is the code of a failure, as `insufficient_funds`.
        Raises ValueError where nothing waits, and for a failure that Stripe does not have of such
        an object.
        """
        from tigerstripe.payments import deciding

        return deciding.settle(self._scope, self._log, thing, succeed=succeed, failure=failure)

    def set_fee(self, percent: str | float = "2.9", fixed: int = 30) -> None:
        """Set what each payment costs from now on: a part of it, and so many of the smallest unit.

        By default 2.9 % and 30, rounded half up, alike for all types and currencies.
        Raises ValueError for a fee below 0 or above all of the payment.
        """
        from tigerstripe.payments import books

        books.set_fee(self._scope, percent, fixed)

    def set_reminders(self, upcoming: int | None = None, due: int | None = None) -> None:
        """Set how many days before something it is told of from now on; None: not at all.

        `upcoming`: a subscription's next invoice, as `invoice.upcoming`; it holds for a
        subscription once it changes, or a period of it begins. `due`: the date by which an invoice
        that was sent is to be paid, as `invoice.will_be_due`. Raises ValueError for what is no
        whole number of days, 1 or more.
        """
        from tigerstripe import arguments
        from tigerstripe.billing import reminders

        for name, days in (("upcoming", upcoming), ("due", due)):
            if days is not None:
                arguments.whole(name, days, 1)
        reminders.set_days(self._scope, upcoming=upcoming, due=due)

    def set_dunning(self, retry_days: Sequence[int] = (3, 5, 7), then: str = "canceled") -> None:
        """Set when an invoice whose payment failed is tried again from now on.

        `retry_days` are the days after each try; none: it is never tried again. After the last one
        its subscription is `then`: canceled, unpaid, or left past_due. Raises ValueError for
        another state, and for what is no whole number of days, 1 or more.
        """
        from tigerstripe.billing import dunning

        dunning.set_table(self._scope, retry_days, then)


def _id_of(given: Any) -> str:
    return given if isinstance(given, str) else str(given["id"])
