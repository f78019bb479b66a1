"""The page on which a buyer authenticates, which stands for that of their bank."""

from __future__ import annotations

from urllib.parse import urlencode

from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.pages import templates
from tigerstripe.pages.visit import Page, Visit, not_there, to
from tigerstripe.payments import moves
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

KINDS = {"payment_intent": "payment_intents", "setup_intent": "setup_intents"}
DONE = "There is nothing to authenticate any more. You can close this page."


def authentication(visit: Visit) -> Page:
    """Ask the buyer, or do as they answered."""
    kind, intent = _intent(visit)
    if intent is None:
        return not_there("payment to authenticate")
    if intent["client_secret"] != visit.query.get(f"{kind}_client_secret"):
        return not_there("payment to authenticate")
    back = _return_url(intent)
    if intent["status"] != "requires_action":
        return to(back) if back else Page(templates.message("Done", DONE))
    outcome = (visit.form or {}).get("outcome")
    if outcome not in ("succeed", "fail"):
        return Page(templates.authentication(intent))
    succeed = outcome == "succeed"
    done = visit.act(lambda work: _answered(work, kind, intent["id"], succeed=succeed))
    if back is None:
        return Page(templates.message("Done", "You can close this page and go on in the shop."))
    return to(_with_outcome(back, done))


def _answered(work: Work, kind: str, id: str, *, succeed: bool) -> Record:
    """Let the buyer answer; of two who press at once the second finds nothing that waits."""
    intent: Record = registry.need(kind).named(work, {"intent": id})
    if intent["status"] == "requires_action":
        intent = moves.of(intent).authenticate(work, intent, succeed=succeed)
    return intent


def _intent(visit: Visit) -> tuple[str, Record | None]:
    for kind, table in KINDS.items():
        if kind in visit.query:
            return kind, visit.find(table, "id", visit.query[kind])
    return "", None


def _return_url(intent: Record) -> str | None:
    """Return the address where the buyer continues, without the parameters that Stripe adds."""
    url: str | None = private(intent).get("return_url")
    return url


def _with_outcome(url: str, intent: Record) -> str:
    """Return an address with the parameters of an intent that Stripe adds."""
    kind = intent["object"]
    is_declined = intent["status"] == "requires_payment_method"
    told = {
        kind: intent["id"],
        f"{kind}_client_secret": intent["client_secret"],
        "redirect_status": "failed" if is_declined else "succeeded",
    }
    before, hash_, fragment = url.partition("#")
    return f"{before}{'&' if '?' in before else '?'}{urlencode(told)}{hash_}{fragment}"
