"""What a reader comes upon where descriptors or address space end."""

import resource
from pathlib import Path

import tiger
from tiger.format.record import Record
from tiger.format.resources import RESOURCES


def reads_all_tables_with_few_descriptors(store: tiger.Store) -> str:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    try:
        for row in RESOURCES:
            assert store.table(row.table).get("A")["id"] == "A"
    except tiger.InstanceError as error:
        return str(error)
    return "read"


def reads_without_address_space(store: tiger.Store) -> tuple[str, Record]:
    store.coupons.get("A")
    status = Path("/proc/self/status").read_text()
    size = int(status.partition("VmSize:")[2].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), size + (1 << 20)))
    told = ""
    try:
        store.events.get("A")
    except tiger.InstanceError as error:
        told = str(error)
    return told, store.coupons.get("A")
