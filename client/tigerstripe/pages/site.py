"""The site: the page of each path of an account."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from tiger import Store, TigerError
from tigerstripe.errors import Refused
from tigerstripe.pages import bank, checkout, invoice, portal, templates
from tigerstripe.pages.visit import Page, Visit, not_there
from tigerstripe.requests.addresses import local
from tigerstripe.requests.engine import Engine

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
}


PAGES: dict[str, Callable[[Visit], Page]] = {
    "authentication": bank.authentication,
    "checkout": checkout.checkout,
    "credit_note": invoice.credit_note,
    "invoice": invoice.invoice,
    "invoice_pdf": invoice.document,
    "link": checkout.link,
    "portal": portal.portal,
    "receipt": invoice.receipt,
    "recovery": checkout.recovery,
}
"""By name: `/accounts/ACCOUNT/pages/NAME/...`."""


class Site:
    """Answers for the pages of all accounts of an instance."""

    def __init__(self, store: Store) -> None:
        """Show the pages of the accounts in a store."""
        self._engine = Engine(store)

    def answer(self, path: str, query: str, form: str | None, base: str) -> Page:
        """Return the page of a path; `form` is the body of a POST, `base` where this is served."""
        account, name, rest = _parts(path)
        show = PAGES.get(name)
        if show is None:
            return not_there("page")
        scope, log = self._engine.account(account)
        filled = None if form is None else dict(parse_qsl(form, keep_blank_values=True))
        visit = Visit(scope, log, rest, dict(parse_qsl(query)), filled)
        try:
            page = show(visit)
        except Refused as refused:
            page = Page(templates.message("Not possible", str(refused)), refused.status)
        except TigerError as error:
            text = f"tigerstripe's store could not do it: {error}"
            page = Page(templates.message("Not possible", text), 500)
        body, location = page.body, page.location
        if location is not None:
            location = local(location, lambda: base, account)
        return page._replace(body=local(body, lambda: base, account), location=location)


def _parts(path: str) -> tuple[str, str, str]:
    """Return the account, the name of the page and the rest: `/accounts/A/pages/N/REST`."""
    account, _, page = path.removeprefix("/accounts/").partition("/pages/")
    name, _, rest = page.partition("/")
    return unquote(account), name, rest
