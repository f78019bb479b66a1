"""Listeners: objects that wait for the end of a payment are told of it in the same commit.

Code that tries an intent for an object continues there by itself. This is for everything else: a
buyer who confirms or authenticates, a bank that settles a debit, a capture. An invoice passes the
news on to its session.
"""

from __future__ import annotations

from tigerstripe.objects import registry
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

OWNER = "intent"
"""The kind of claim that names the owner of an intent, or of an invoice:
`checkout.session/cs_...`."""


def belongs(work: Work, intent: Record, to: Record) -> None:
    """Make an object the listener of an intent."""
    work.claim(OWNER, intent["id"], f"{to['object']}/{to['id']}")


def heard(work: Work, intent: Record) -> Record:
    """Tell the listener of an intent, or of an invoice, of its outcome; return the intent."""
    holder = work.holder(OWNER, intent["id"])
    if holder is not None:
        object, _, id = holder.partition("/")
        registry.need(object).heard(work, id, intent)
    return intent
