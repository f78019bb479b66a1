"""Pages over HTTP: `/accounts/NAME/pages/...`, for the browser of a buyer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from tiger import Store
from tigerstripe.http.api import Gone, TooLarge, base_of, read_body
from tigerstripe.pages.site import HEADERS, Site

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PAGES = "/pages/"


class Pages:
    """The ASGI application of the pages, which run in threads, because they may wait."""

    def __init__(self, store: Store) -> None:
        """Show the pages of the accounts in a store."""
        self._site = Site(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one visit."""
        await (await self._answer(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("pages take GET and POST", 405)
        try:
            body = await read_body(scope, receive)
            form = body.decode("utf-8", "replace") if scope["method"] == "POST" else None
            path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode()
            page = await run_in_threadpool(self._site.answer, path, query, form, base_of(scope))
        except (Gone, TooLarge) as error:
            return PlainTextResponse(str(error), 400)
        headers = {**HEADERS, **({"location": page.location} if page.location else {})}
        return Response(page.body, page.status, headers)
