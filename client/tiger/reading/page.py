"""One page of a list, in the shape of Stripe's list objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from tiger.errors import InvalidRequest
from tiger.format.record import Record
from tiger.shown import shown

More = Callable[[Iterable[Record]], Iterator[Record]]
"""Yields the records of a page that it is given, and then those that come after that page."""


class Page:
    """The records of one page, for `for record in page` and `len(page)`.

    The attributes are Stripe's: `object` is "list", `data` is the list of records, which the caller
    may change, `has_more` says whether there are more, and `url` is the path in Stripe's API.
    """

    object: Final = "list"

    def __init__(
        self, data: list[Record], *, has_more: bool, url: str | None, backwards: bool, more: More
    ) -> None:
        """Hold a page; `backwards` if it was asked for with `ending_before`."""
        self.data = data
        self.has_more = has_more
        self.url = url
        self._backwards = backwards
        self._more = more

    def __iter__(self) -> Iterator[Record]:
        """Yield the records of this page.

        Raises nothing.
        """
        return iter(self.data)

    def __len__(self) -> int:
        """Return the number of records on this page.

        Raises nothing.
        """
        return len(self.data)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Page) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        return f"<Page of {len(self.data)} at {shown(str(self.url))}, has_more={self.has_more}>"

    def auto_paging_iter(self) -> Iterator[Record]:
        """Yield the records of this page and of all pages after it.

        All pages after this one are read at one point in time, when the first record is taken, so
        later changes and deletions make no difference. A page requested with `ending_before` is
        followed towards newer records, oldest first, as in Stripe's library. Raises as every read.
        """
        own = reversed(self.data) if self._backwards else self.data
        return self._more(own) if self.has_more else iter(own)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the records; those after them can be read only where the page was made."""
        state = (self.data, self.has_more, self.url, self._backwards)
        return _page_of, state

    def to_dict(self) -> dict[str, Any]:
        """Return the page as a plain dict of Stripe's four keys.

        Raises nothing.
        """
        return {
            "object": self.object,
            "data": self.data,
            "has_more": self.has_more,
            "url": self.url,
        }


def _page_of(data: list[Record], has_more: bool, url: str | None, backwards: bool) -> Page:
    return Page(data, has_more=has_more, url=url, backwards=backwards, more=_no_more)


def _no_more(_: Iterable[Record]) -> Iterator[Record]:
    raise InvalidRequest(
        "this page was pickled, and has its own records only: list again with starting_after"
    )
