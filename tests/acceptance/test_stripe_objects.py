"""Real sample objects of Stripe's: in through one process, out equal in another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.programs import elsewhere

OBJECTS = Path(__file__).resolve().parents[3] / "shared" / "stripe_objects.json"

Records = dict[str, list[dict[str, Any]]]

pytestmark = pytest.mark.skipif(
    not OBJECTS.exists(), reason="the sample objects are not part of the project: no ../shared"
)


@pytest.fixture(scope="session")
def records(resources) -> Records:
    """The objects that belong to a table, by table; of two with one id, the last."""
    tables = {row.object: row.table for row in resources}
    by_id: dict[str, dict[str, dict[str, Any]]] = {}
    for stripe_object in json.loads(OBJECTS.read_text(encoding="utf-8")).values():
        table = tables.get(stripe_object.get("object"))
        if table is not None:
            by_id.setdefault(table, {})[stripe_object["id"]] = stripe_object
    return {table: list(found.values()) for table, found in by_id.items()}


def test_the_sample_has_objects_for_nearly_every_table(records: Records, resources) -> None:
    """Webhook deliveries are no objects of Stripe's own."""
    assert {row.table for row in resources} - set(records) == {"webhook_deliveries"}


def by_id(records: Records, resources: Any) -> dict[str, dict[str, Any]]:
    """What `elsewhere.read_all_tables` gives where exactly these records are."""
    return {
        row.table: {record["id"]: record for record in records.get(row.table, [])}
        for row in resources
    }


def test_objects_written_in_one_process_are_equal_in_another(
    records: Records, resources, shared_directory: str, shared_store, in_other_process
) -> None:
    for table, objects in records.items():
        for stripe_object in objects:
            assert shared_store.table(table).insert(stripe_object) == stripe_object
            assert shared_store.table(table).get(stripe_object["id"]) == stripe_object
    namespace = shared_store.current_namespace
    read = in_other_process(shared_directory, elsewhere.read_all_tables, namespace=namespace)
    assert {row.table: read[row.table] for row in resources} == by_id(records, resources)


def test_objects_written_in_another_process_are_equal_here(
    records: Records, resources, shared_directory: str, shared_store, in_other_process, tmp_path
) -> None:
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(records))
    written = in_other_process(
        shared_directory,
        elsewhere.insert_all_of,
        str(path),
        namespace=shared_store.current_namespace,
    )
    assert written == {table: len(objects) for table, objects in records.items()}
    assert {
        row.table: {record["id"]: record for record in shared_store.table(row.table)}
        for row in resources
    } == by_id(records, resources)


def test_every_object_is_found_by_what_its_row_says(
    records: Records, resources, shared_store
) -> None:
    for table, objects in records.items():
        shared_store.table(table).insert_many(objects)
    for row in resources:
        table = shared_store.table(row.table)
        for stripe_object in records.get(row.table, []):
            for field in row.finder_fields:
                if field in stripe_object:
                    found = getattr(table, f"find_by_{field}")(stripe_object[field])
                    assert stripe_object in found


def test_objects_go_through_load_and_dump(
    records: Records, resources, shared_directory: str, shared_store, tigerd, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    source.write_text(json.dumps(records), encoding="utf-8")
    namespace = ("--namespace", shared_store.current_namespace)

    loaded = tigerd("load", *namespace, str(source), directory=shared_directory)
    assert loaded.returncode == 0, loaded.stderr
    dumped = tigerd("dump", *namespace, str(target), directory=shared_directory)
    assert dumped.returncode == 0, dumped.stderr

    found: Records = json.loads(target.read_text(encoding="utf-8"))
    assert by_id(found, resources) == by_id(records, resources)
    assert set(found) == set(records)
