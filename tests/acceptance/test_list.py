"""`Table.list`: order, pages, cursors and filters."""

from __future__ import annotations

from typing import Any

import pytest

import tiger
from tiger.format import record


@pytest.fixture
def coupons(shared_store):
    return shared_store.coupons


def ids(records: Any) -> str:
    """One-letter ids, in the order of the records."""
    return "".join(record["id"] for record in records)


def insert_letters(table, letters: str, **fields: Any) -> None:
    """Inserts a record for each letter, each a second after the one before it."""
    for created, letter in enumerate(letters):
        table.insert({"id": letter, "created": created, **fields})


# Order


def test_newest_created_comes_first_whatever_the_order_of_inserts(coupons) -> None:
    for letter, created in [("b", 20), ("d", 40), ("a", 10), ("c", 30)]:
        coupons.insert({"id": letter, "created": created})
    assert ids(coupons.list()) == "dcba"


def test_of_equal_created_the_newest_insert_comes_first(coupons) -> None:
    for letter in "abc":
        coupons.insert({"id": letter, "created": 5})
    coupons.insert({"id": "x", "created": 4})
    coupons.insert({"id": "d", "created": 5})
    assert ids(coupons.list()) == "dcbax"


@pytest.mark.parametrize("write", ["insert", "update", "patch"])
def test_a_write_to_a_record_keeps_its_place(coupons, write: str) -> None:
    for letter in "abc":
        coupons.insert({"id": letter, "created": 5})
    if write == "patch":
        coupons.patch("a", {"name": "new"})
    else:
        getattr(coupons, write)({"id": "a", "created": 5, "name": "new"})
    assert ids(coupons.list()) == "cba"
    assert coupons.list().data[2]["name"] == "new"


def test_an_update_of_created_moves_the_record(coupons) -> None:
    insert_letters(coupons, "abcd")
    coupons.patch("a", {"created": 10})
    assert ids(coupons.list()) == "adcb"
    coupons.update({"id": "d", "created": -1})
    assert ids(coupons.list()) == "acbd"


def test_a_record_moved_among_equals_stands_by_its_first_insert(coupons) -> None:
    coupons.insert({"id": "a", "created": 1})
    coupons.insert({"id": "b", "created": 5})
    coupons.insert({"id": "c", "created": 5})
    coupons.patch("a", {"created": 5})
    assert ids(coupons.list()) == "cba"


def test_a_record_deleted_and_inserted_again_is_the_newest_of_its_equals(coupons) -> None:
    for letter in "abc":
        coupons.insert({"id": letter, "created": 5})
    coupons.delete("a")
    coupons.insert({"id": "a", "created": 5})
    assert ids(coupons.list()) == "acb"


@pytest.mark.parametrize("created", [None, "2020-01-01", [5], {}, "missing"])
def test_a_record_without_a_number_in_created_counts_as_created_0(coupons, created: Any) -> None:
    coupons.insert({"id": "b", "created": 1})
    coupons.insert({"id": "d", "created": -1})
    coupons.insert({"id": "x"} if created == "missing" else {"id": "x", "created": created})
    assert ids(coupons.list()) == "bxd"


def test_created_may_be_a_float(coupons) -> None:
    for letter, created in [("a", 1), ("c", 2), ("b", 1.5), ("d", 2.0)]:
        coupons.insert({"id": letter, "created": created})
    assert ids(coupons.list()) == "dcba"


def test_created_in_nanoseconds_is_compared_exactly(coupons) -> None:
    """Neighbours that one double stands for, written newest first."""
    now_ns = 1_700_000_000_000_000_000
    for letter, created in [("c", now_ns + 2), ("b", now_ns + 1), ("a", now_ns)]:
        coupons.insert({"id": letter, "created": created})
    assert ids(coupons.list()) == "cba"


# The page


def test_a_page_has_the_shape_of_a_list(coupons) -> None:
    insert_letters(coupons, "abc")
    page = coupons.list(limit=2)
    expected = [{"id": "c", "created": 2}, {"id": "b", "created": 1}]
    assert page.object == "list"
    assert page.data == expected
    assert page.has_more is True
    assert page.url == "/v1/coupons"
    assert list(page) == expected
    assert page.to_dict() == {
        "object": "list",
        "data": expected,
        "has_more": True,
        "url": "/v1/coupons",
    }


def test_a_page_names_the_url_of_its_table(shared_store, resource) -> None:
    assert shared_store.table(resource.table).list().url == resource.url


def test_an_empty_table_gives_an_empty_page(coupons) -> None:
    page = coupons.list()
    assert page.data == []
    assert page.has_more is False


def test_the_records_of_a_page_are_the_callers_own(coupons) -> None:
    coupons.insert({"id": "a", "metadata": {"k": "v"}})
    coupons.list().data[0]["metadata"]["k"] = "mine"
    assert coupons.list().data == [{"id": "a", "metadata": {"k": "v"}}]
    assert coupons.get("a")["metadata"] == {"k": "v"}


# limit


@pytest.mark.parametrize(
    ("limit", "length", "has_more"),
    [(1, 1, True), (99, 99, True), (100, 100, True), (101, 100, True), (10**30, 100, True)],
)
def test_limit_bounds_the_page_and_is_at_most_100(coupons, limit, length, has_more) -> None:
    coupons.insert_many({"id": f"c{number}", "created": number} for number in range(105))
    page = coupons.list(limit=limit)
    assert [record["created"] for record in page] == list(range(104, 104 - length, -1))
    assert page.has_more is has_more


def test_limit_is_10_unless_told(coupons) -> None:
    insert_letters(coupons, "abcdefghijkl")
    assert ids(coupons.list()) == "lkjihgfedc"


def test_has_more_is_false_where_the_page_ends_with_the_list(coupons) -> None:
    insert_letters(coupons, "abcde")
    assert coupons.list(limit=5).has_more is False
    assert coupons.list(limit=4).has_more is True
    assert coupons.list(limit=2, starting_after="c").has_more is False
    assert coupons.list(limit=2, starting_after="d").has_more is True


# Cursors, over the list "jihgfedcba"


@pytest.mark.parametrize(
    ("arguments", "expected", "has_more"),
    [
        ({"limit": 3}, "jih", True),
        ({"limit": 3, "starting_after": "h"}, "gfe", True),
        ({"limit": 3, "starting_after": "d"}, "cba", False),
        ({"limit": 3, "starting_after": "b"}, "a", False),
        ({"limit": 3, "starting_after": "a"}, "", False),
        ({"limit": 3, "ending_before": "d"}, "gfe", True),
        ({"limit": 3, "ending_before": "g"}, "jih", False),
        ({"limit": 3, "ending_before": "i"}, "j", False),
        ({"limit": 3, "ending_before": "j"}, "", False),
        ({"limit": 3, "ending_before": "a"}, "dcb", True),
        ({"starting_after": "j"}, "ihgfedcba", False),
        ({"ending_before": "a"}, "jihgfedcb", False),
    ],
)
def test_a_cursor_gives_its_neighbours(coupons, arguments, expected, has_more) -> None:
    """`ending_before` gives the records next to the cursor, in the same order."""
    insert_letters(coupons, "abcdefghij")
    page = coupons.list(**arguments)
    assert ids(page) == expected
    assert page.has_more is has_more


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 100])
def test_paging_in_either_direction_meets_every_record_once(coupons, limit: int) -> None:
    """Also among records of one `created`."""
    for number, letter in enumerate("abcdefghij"):
        coupons.insert({"id": letter, "created": number // 4})

    forwards, page = "", coupons.list(limit=limit)
    while page.data:
        forwards += ids(page)
        page = coupons.list(limit=limit, starting_after=page.data[-1]["id"])

    backwards, page = "a", coupons.list(limit=limit, ending_before="a")
    while page.data:
        backwards = ids(page) + backwards
        page = coupons.list(limit=limit, ending_before=page.data[0]["id"])

    assert forwards == backwards == "jihgfedcba"


def test_a_cursor_stays_good_while_others_are_written(coupons) -> None:
    insert_letters(coupons, "abcdef")
    assert ids(coupons.list(limit=2)) == "fe"
    coupons.insert({"id": "new", "created": 99})
    coupons.delete("d")
    assert ids(coupons.list(limit=2, starting_after="e")) == "cb"


def test_a_cursor_of_another_namespace_or_table_is_unknown(shared_store, other_store) -> None:
    other_store.coupons.insert({"id": "there"})
    shared_store.plans.insert({"id": "plan"})
    shared_store.coupons.insert({"id": "here"})
    for cursor in ("there", "plan"):
        with pytest.raises(tiger.InvalidCursor, match=cursor):
            shared_store.coupons.list(starting_after=cursor)
    other_store.clear_namespace()


# auto_paging_iter


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_auto_paging_gives_all_records_from_the_page_on(coupons, limit: int) -> None:
    insert_letters(coupons, "abcdefghij")
    assert ids(coupons.list(limit=limit).auto_paging_iter()) == "jihgfedcba"
    after = coupons.list(limit=limit, starting_after="f")
    assert ids(after.auto_paging_iter()) == "edcba"


def test_auto_paging_keeps_the_filters(coupons) -> None:
    for number, letter in enumerate("abcdefgh"):
        coupons.insert({"id": letter, "created": number, "even": number % 2 == 0})
    assert ids(coupons.list(limit=1, even=True).auto_paging_iter()) == "geca"


def test_auto_paging_is_lazy(coupons) -> None:
    insert_letters(coupons, "abcd")
    records = coupons.list(limit=2).auto_paging_iter()
    coupons.delete("a")
    assert ids(records) == "dcb"


@pytest.mark.parametrize("limit", [1, 2, 4, 7])
def test_records_of_auto_paging_may_be_deleted_at_once(coupons, limit: int) -> None:
    """All is of the moment at which the first record was taken."""
    insert_letters(coupons, "abcdefg")
    seen = []
    for found in coupons.list(limit=limit).auto_paging_iter():
        seen.append(found["id"])
        assert coupons.delete(found["id"])
    assert "".join(seen) == "gfedcba"
    insert_letters(coupons, "abcdefg")
    for found in coupons.list(limit=limit, ending_before="a").auto_paging_iter():
        seen.append(found["id"])
        assert coupons.delete(found["id"])
    assert "".join(seen[7:]) == "bcdefg"
    assert ids(coupons.list()) == "a"


@pytest.mark.parametrize("change", [dict.clear, lambda found: found.update(id="a")])
def test_auto_paging_does_not_depend_on_what_is_done_to_its_records(coupons, change: Any) -> None:
    insert_letters(coupons, "abcdef")
    page = coupons.list(limit=2)
    change(page.data[1])
    seen = 0
    for found in page.auto_paging_iter():
        change(found)
        seen += 1
    assert seen == 6


# Filters

SCALARS = [True, 1, 1.0, "1", "true", False, 0, 0.0, None, ""]
CONTAINERS = [[], {}, [1], [1.0], [True], {"a": 1}]


@pytest.mark.parametrize("field", ["nickname", "status"])
def test_a_filter_tells_values_apart_by_exact_type(shared_store, field: str) -> None:
    """In a field without an index and in one with an index."""
    payouts = shared_store.payouts
    for number, value in enumerate(SCALARS + CONTAINERS):
        payouts.insert({"id": f"r{number}", field: value})
    payouts.insert({"id": "without"})

    for number, value in enumerate(SCALARS + CONTAINERS):
        assert [r["id"] for r in payouts.find_by(field, value)] == [f"r{number}"], repr(value)
    for number, value in enumerate(SCALARS):
        found = payouts.list(limit=100, **{field: value})
        assert [record["id"] for record in found] == [f"r{number}"], repr(value)
        assert payouts.count(**{field: value}) == 1


@pytest.mark.parametrize("value", [*CONTAINERS, ("data",), {"gte": 5}], ids=repr)
def test_a_filter_that_is_no_scalar_is_refused_and_named(shared_store, value: Any) -> None:
    """An empty page would hide that Stripe's `expand`, say, is nothing that is known here."""
    calls = [shared_store.plans.list, shared_store.plans.count, shared_store.plans.wait_for]
    for call in calls:
        with pytest.raises(tiger.InvalidRequest, match=r"(?s)filter expand=.*find_by\('expand'"):
            call(expand=value)


def test_a_missing_field_does_not_match_none(coupons) -> None:
    coupons.insert({"id": "a"})
    coupons.insert({"id": "b", "name": None})
    assert ids(coupons.list(name=None)) == "b"


def test_negative_zero_equals_zero(coupons) -> None:
    coupons.insert({"id": "a", "created": 1, "amount": 0.0})
    coupons.insert({"id": "b", "created": 2, "amount": -0.0})
    coupons.insert({"id": "c", "created": 3, "amount": 0})
    assert ids(coupons.list(amount=0.0)) == ids(coupons.list(amount=-0.0)) == "ba"


def test_the_order_of_keys_in_an_object_does_not_matter(coupons) -> None:
    coupons.insert({"id": "a", "metadata": {"x": 1, "y": {"p": 2, "q": 3}}})
    coupons.insert({"id": "b", "metadata": {"x": 1, "y": {"p": 2}}})
    assert ids(coupons.find_by("metadata", {"y": {"q": 3, "p": 2}, "x": 1})) == "a"


def test_a_text_elsewhere_in_a_record_does_not_match(coupons) -> None:
    coupons.insert({"id": "a", "name": "summer", "code": "winter"})
    coupons.insert({"id": "b", "name": "winter", "code": ["summer"]})
    coupons.insert({"id": "summer", "name": "midsummer"})
    assert [coupon["id"] for coupon in coupons.list(name="summer")] == ["a"]


@pytest.mark.parametrize("length", [31, 32, 254, 255, 256, 70_000])
def test_a_text_of_any_length_is_found(coupons, length: int) -> None:
    coupons.insert({"id": "a", "name": "ü" * length})
    coupons.insert({"id": "b", "name": "ü" * (length + 1)})
    assert [coupon["id"] for coupon in coupons.list(name="ü" * length)] == ["a"]


def test_a_record_without_the_text_of_a_filter_is_not_decoded(coupons, monkeypatch) -> None:
    for number in range(20):
        coupons.insert({"id": f"c{number}", "name": f"name {number % 10}"})
    decode, decoded = record.decode, []
    monkeypatch.setattr(record, "decode", lambda body: decoded.append(body) or decode(body))
    assert coupons.count(name="name 3") == len(decoded) == 2


def test_all_filters_must_match(coupons) -> None:
    for number, letter in enumerate("abcd"):
        coupons.insert(
            {"id": letter, "created": number, "low": number < 2, "even": number % 2 == 0}
        )
    assert ids(coupons.list(low=True)) == "ba"
    assert ids(coupons.list(low=True, even=True)) == "a"
    assert ids(coupons.list(low=True, even="no")) == ""


def test_filters_work_with_limits_and_cursors(shared_store) -> None:
    """The page counts matching records only, and `has_more` does too."""
    payouts = shared_store.payouts
    for number, letter in enumerate("abcdefghij"):
        payouts.insert({"id": letter, "created": number, "status": "paid" if number % 2 else "new"})

    page = payouts.list(limit=2, status="paid")
    assert (ids(page), page.has_more) == ("jh", True)
    page = payouts.list(limit=2, status="paid", starting_after="h")
    assert (ids(page), page.has_more) == ("fd", True)
    page = payouts.list(limit=2, status="paid", starting_after="d")
    assert (ids(page), page.has_more) == ("b", False)
    page = payouts.list(limit=2, status="paid", ending_before="b")
    assert (ids(page), page.has_more) == ("fd", True)
    page = payouts.list(limit=2, status="paid", ending_before="h")
    assert (ids(page), page.has_more) == ("j", False)


def test_a_filter_follows_updates(shared_store) -> None:
    payouts = shared_store.payouts
    payouts.insert({"id": "a", "status": "pending"})
    assert ids(payouts.list(status="pending")) == "a"
    payouts.patch("a", {"status": "paid"})
    assert ids(payouts.list(status="pending")) == ""
    assert ids(payouts.list(status="paid")) == "a"
    payouts.patch("a", {"status": None})
    assert ids(payouts.list(status="paid")) == ""


def test_a_filter_may_ask_for_any_field_even_id_and_created(coupons) -> None:
    insert_letters(coupons, "abc")
    assert ids(coupons.list(id="b")) == "b"
    assert ids(coupons.list(created=2)) == "c"
