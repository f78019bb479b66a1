"""Balance settings: when an account's money is paid out, and with which text."""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.payments import schedules
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

DAYS_OF = {"monthly": "monthly_payout_days", "weekly": "weekly_payout_days"}
"""The field of a schedule that names its days, by interval."""


class BalanceSettings(Resource):
    """The settings of the account that asks; they are kept in its own record."""

    object = "balance_settings"
    table = ""
    prefix = ""
    has_metadata = False
    standard: frozenset[str] = frozenset()
    not_yet: tuple[str, ...] = (
        "payments[payouts][automatic_transfer_rules_by_currency]",
        "payments[payouts][minimum_balance_by_currency]",
        "payments[settlement_timing]",
    )

    @operation("GET /v1/balance_settings")
    def read(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the settings."""
        return _of(registry.need("account").own(work, {}, {}))

    @operation("POST /v1/balance_settings")
    def write(self, work: Work, ids: Ids, params: Params) -> Record:
        """Change the settings, by which available money is paid out from now on."""
        accounts = registry.need("account")
        old = accounts.own(work, {}, {})
        given = params.get("payments") or {}
        asked = given.get("payouts") or {}
        payouts = dict(old["settings"]["payouts"])
        for name, value in (
            ("debit_negative_balances", given.get("debit_negative_balances")),
            ("statement_descriptor", asked.get("statement_descriptor")),
        ):
            if value is not None:
                payouts[name] = value
        if asked.get("schedule"):
            schedules.check(asked["schedule"], "payments[payouts][schedule]")
            kept = payouts["schedule"]
            payouts["schedule"] = {**kept, **asked["schedule"]}
        new = {**old, "settings": {**old["settings"], "payouts": payouts}}
        accounts.keep(work, old, new)
        registry.need("payout").plan(work)
        if new != old:
            self.tell_of(work, "updated", _of(new), None)
        return _of(new)


def _of(account: Record) -> Record:
    """Return an account's settings as this object shows them."""
    payouts = account["settings"]["payouts"]
    schedule = payouts["schedule"]
    days = DAYS_OF.get(schedule["interval"])
    return {
        "object": BalanceSettings.object,
        "payments": {
            "debit_negative_balances": payouts["debit_negative_balances"],
            "payouts": {
                "automatic_transfer_rules_by_currency": {},
                "minimum_balance_by_currency": None,
                "schedule": {
                    "interval": schedule["interval"],
                    **({days: schedule.get(days)} if days else {}),
                },
                "statement_descriptor": payouts["statement_descriptor"],
                "status": "enabled" if account["payouts_enabled"] else "disabled",
            },
            "settlement_timing": {
                "delay_days": schedule.get("delay_days", 2),
                "delay_days_override": None,
                "start_of_day": None,
            },
        },
    }


RESOURCE = BalanceSettings()
