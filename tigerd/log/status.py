"""The state of a log, seen without following it."""

from __future__ import annotations

from typing import Any

from tiger.errors import DaemonUnavailable
from tiger.system import time
from tigerd.log.log import Address, Told, wait
from tigerd.log.members import Members
from tigerd.log.nats import NatsLog

HOSTS_S = 0.7
"""How long to wait for the hosts' positions, which each of them sends twice a second anyway."""


def look(address: Address, timeout_s: float) -> dict[str, Any]:
    """Return the state; `DaemonUnavailable` if the log cannot be reached in time."""
    log = NatsLog(address, "status")
    deadline = time.monotonic() + timeout_s
    try:
        while not log.is_up:
            _turn(log)
            if not log.is_up and time.monotonic() > deadline:
                raise DaemonUnavailable(
                    f"the log {address} was not reached within {timeout_s:g} s: {log.trouble}"
                )
        return _describe(log, _hosts(log))
    finally:
        log.close()


def _hosts(log: NatsLog) -> list[dict[str, Any]]:
    """Return the daemons that follow it, and how far each is."""
    asks = Members("", "", log.tell, lambda: 0)
    asks.ask()
    deadline = time.monotonic() + HOSTS_S
    while time.monotonic() < deadline:
        for body in _turn(log):
            asks.hear(body)
    hosts = ({"name": host.name, "applied": host.applied} for host in asks.others.values())
    return sorted(hosts, key=lambda host: str(host["name"]))


def _turn(log: NatsLog) -> list[bytes]:
    wait(log)
    return [event.body for event in log.take() if isinstance(event, Told)]


def _describe(log: NatsLog, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    assert log.terms is not None
    return {
        "log": str(log.address),
        "begun": log.begun,
        "version": log.terms.version,
        "max_record": log.terms.max_record,
        "entries": log.last,
        "bytes": log.size,
        "hosts": hosts,
    }
