"""Lists, cursors, ranges, filters, search and deletion, alike for all resources."""

from __future__ import annotations

from typing import Any

import pytest
import stripe


@pytest.fixture
def customers(account: Any) -> list[str]:
    """The ids of five customers, oldest first, ten seconds apart."""
    account.freeze(1_700_000_000)
    ids = []
    for number in range(5):
        ids.append(stripe.Customer.create(name=f"c{number}", email=f"{number % 2}@x.org").id)
        account.advance(seconds=10)
    return ids


def ids(page: Any) -> list[str]:
    return [item.id for item in page.data]


def test_a_list_is_newest_first_and_has_four_fields(customers) -> None:
    page = stripe.Customer.list(limit=2)
    assert ids(page) == customers[:2:-1]
    assert {*page.to_dict()} == {"object", "data", "has_more", "url"}
    assert (page.has_more, page.url) == (True, "/v1/customers")


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (-3, 1), (2, 2), (101, 5)])
def test_a_limit_is_kept_within_bounds(customers, limit, count) -> None:
    assert len(stripe.Customer.list(limit=limit).data) == count


def test_cursors_give_what_is_next_to_them(customers) -> None:
    c0, c1, c2, c3, c4 = customers
    assert ids(stripe.Customer.list(starting_after=c3, limit=2)) == [c2, c1]
    assert ids(stripe.Customer.list(ending_before=c1, limit=2)) == [c3, c2]
    assert ids(stripe.Customer.list(ending_before=c1, limit=9)) == [c4, c3, c2]
    assert [c.id for c in stripe.Customer.list(limit=2).auto_paging_iter()] == customers[::-1]
    assert ids(stripe.Customer.list(starting_after=c0)) == []


def test_a_cursor_that_was_deleted_still_tells_where_it_was(customers) -> None:
    c0, c1, c2, c3, c4 = customers
    for one in (c2, c1):
        stripe.Customer.delete(one)
    assert ids(stripe.Customer.list(starting_after=c2)) == [c0]
    assert ids(stripe.Customer.list(ending_before=c2)) == [c4, c3]
    assert ids(stripe.Customer.list(starting_after=c2, email="1@x.org")) == []
    stripe.Customer.delete(c0)
    assert ids(stripe.Customer.list(starting_after=c1)) == []
    assert ids(stripe.Customer.list(ending_before=c0)) == [c4, c3]


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_a_cursor_of_nothing_is_refused(customers, name) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'") as raised:
        stripe.Customer.list(**{name: "cus_none"})
    assert (raised.value.http_status, raised.value.param) == (400, name)


def test_two_cursors_are_refused(customers) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="only one"):
        stripe.Customer.list(starting_after=customers[0], ending_before=customers[1])


def test_filters_and_ranges_choose(customers) -> None:
    _, c1, c2, c3, _ = customers
    assert ids(stripe.Customer.list(email="1@x.org")) == [c3, c1]
    assert ids(stripe.Customer.list(created=1_700_000_010)) == [c1]
    between = {"gt": 1_700_000_000, "lte": 1_700_000_030}
    assert ids(stripe.Customer.list(created=between)) == [c3, c2, c1]
    assert ids(stripe.Customer.list(created=between, email="1@x.org")) == [c3, c1]
    assert ids(stripe.Customer.list(created=between, starting_after=c3)) == [c2, c1]
    stripe.Customer.delete(c3)
    assert ids(stripe.Customer.list(created=between, starting_after=c3)) == [c2, c1]


def test_a_deleted_customer_is_three_fields_and_in_no_list(customers) -> None:
    gone = stripe.Customer.delete(customers[0])
    assert gone.to_dict() == {"id": customers[0], "object": "customer", "deleted": True}
    assert stripe.Customer.retrieve(customers[0]).to_dict() == gone.to_dict()
    assert customers[0] not in ids(stripe.Customer.list())
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe.Customer.modify(customers[0], name="x")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('email:"1@x.org"', [3, 1]),
        ('name~"C"', [4, 3, 2, 1, 0]),
        ("created>1700000010 AND created<=1700000030", [3, 2]),
        ('name:"c1" OR name:"c4"', [4, 1]),
        ('-email:"1@x.org" AND created>=1700000020', [4, 2]),
        ("phone:null", [4, 3, 2, 1, 0]),
        ("metadata['k']:'v'", []),
    ],
)
def test_a_search_finds(customers, query, found) -> None:
    page = stripe.Customer.search(query=query)
    assert ids(page) == [customers[n] for n in found]
    assert page.object == "search_result"


@pytest.mark.parametrize(
    "query",
    ["", "wat", 'wat:"x"', 'name:"a" AND email:"b" OR phone:null', 'metadata:"x"', 'name>"x"'],
)
def test_a_query_that_is_none_is_refused(customers, query) -> None:
    with pytest.raises(stripe.InvalidRequestError) as raised:
        stripe.Customer.search(query=query)
    assert raised.value.param == "query"


def test_a_search_has_pages(customers) -> None:
    found = stripe.Customer.search(query='name~"c"', limit=2)
    assert [c.id for c in found.auto_paging_iter()] == customers[::-1]


def test_metadata_is_merged_and_limited(account) -> None:
    customer = stripe.Customer.create(metadata={"a": "1", "b": "2"})
    changed = stripe.Customer.modify(customer.id, metadata={"b": "", "c": "3"})
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    assert stripe.Customer.modify(customer.id, metadata="").metadata.to_dict() == {}
    for metadata, message in [
        ({f"k{n}": "v" for n in range(51)}, "up to 50 keys, but you've set 51"),
        ({"k" * 41: "v"}, "passed in a key that is 41 characters"),
        ({"k": "v" * 501}, "passed in a value that is 501 characters"),
    ]:
        with pytest.raises(stripe.InvalidRequestError, match=message):
            stripe.Customer.modify(customer.id, metadata=metadata)


def test_an_event_tells_what_changed_and_nothing_of_no_change(account) -> None:
    customer = stripe.Customer.create(name="Jane", metadata={"a": "1"}, address={"city": "Rome"})
    stripe.Customer.modify(customer.id, name="Jane")
    stripe.Customer.modify(customer.id, name="Joe", metadata={"b": "2"}, address={"city": "Bari"})
    stripe.Customer.delete(customer.id)
    created, updated, deleted = account.events()
    assert [e["type"] for e in (created, updated, deleted)] == [
        "customer.created",
        "customer.updated",
        "customer.deleted",
    ]
    assert created["data"]["object"] == customer.to_dict()
    assert updated["data"]["previous_attributes"] == {
        "name": "Jane",
        "metadata": {"b": None},
        "address": {"city": "Rome"},
    }
    listed = stripe.Event.list(type="customer.*")
    assert [e.id for e in listed.data] == [deleted["id"], updated["id"], created["id"]]
    assert listed.data[0].api_version == "2026-10-28.endive"
