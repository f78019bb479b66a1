"""Hosts that never come back: what their processes had leased is cleared by the others, no more.

A host is gone for good after 3 seconds here. That something is not cleared is shown by another host
that dies later and whose sandbox is cleared: so the time has passed for both.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.machines.machines import HOLDER, TIGERD, Host, Machines, machines
from tests.machines.test_wire import Follower
from tests.support.processes import Worker, wait_for
from tiger.place.leases import Lease
from tigerd.log.log import Noted, address_of
from tigerd.service import wills
from tigerd.service.wills import LOOK_MAX_S, Names, Wills

GONE_S = 3.0
IMPATIENT = [sys.executable, "-m", "tests.machines.programs.impatient", str(GONE_S)]


class Hosts:
    """Hosts whose daemons soon take others for gone, and processes that hold sandboxes there."""

    def __init__(self, made: Machines, stack: ExitStack) -> None:
        self._stack = stack
        self.made = made

    def join(self, name: str) -> Host:
        host = self.made.add(name, start=False)
        host.serve = [*IMPATIENT, "serve"]
        host.start()
        return host

    def hold(self, name: str) -> tuple[Worker, str]:
        """Return a process of a host and its sandbox, when the log has it in a will."""
        worker = Worker(HOLDER, self.made[name].directory)
        self._stack.callback(worker.end)
        namespace: str = worker.hear()
        wait_for(lambda: namespace in self.wills(), "the will")
        return worker, namespace

    def wills(self) -> str:
        """Return what the log has as the wills of its hosts."""
        one, mark = Follower(address_of(self.made.engine.url)), Noted(secrets.token_hex(8), b"[]")
        one.until(lambda: one.log.is_up)
        one.log.note(*mark)
        one.until(lambda: mark in one.others)
        one.log.close()
        bodies = [event.body for event in one.others if isinstance(event, Noted)]
        return b" ".join(bodies).decode(errors="replace")

    def die(self, name: str, *workers: Worker) -> None:
        """Let a host be gone with its processes."""
        self.made.hosts.pop(name).kill()
        for worker in workers:
            worker.end()


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Hosts A and B; tests let others join."""
    with machines(start=False) as made, ExitStack() as stack:
        hosts = Hosts(made, stack)
        for name in "AB":
            hosts.join(name)
        yield hosts


def has(host: Host, namespace: str) -> bool:
    with host.connect() as store:
        return namespace in store.namespaces()


def cleared(namespace: str, *hosts: Host) -> None:
    wait_for(lambda: not any(has(host, namespace) for host in hosts), "the clear")


def test_leases_of_a_host_that_never_comes_back_are_cleared(hosts: Hosts) -> None:
    """Two others count, and both may clear."""
    hosts.join("C")
    worker, namespace = hosts.hold("C")
    with hosts.made["A"].connect() as store:
        store.namespace(namespace).plans.wait_for(id="first", timeout_s=20)
        store.plans.insert({"id": "nobody's"})
    hosts.die("C", worker)
    cleared(namespace, hosts.made["A"], hosts.made["B"])
    assert hosts.made.check_equal() == {"global/plans": [{"id": "nobody's"}]}
    wait_for(lambda: namespace not in hosts.wills(), "the end of the will")


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_host_whose_daemon_is_started_again_in_time_loses_nothing(hosts: Hosts, end: str) -> None:
    host = hosts.join("C")
    hosts.join("D")
    worker, namespace = hosts.hold("C")
    other, gone = hosts.hold("D")
    if end == "killed":
        host.kill()
    else:
        subprocess.run([*TIGERD, "stop", "--dir", str(host.directory)], check=True)
        host.reap()
    host.start()
    hosts.die("D", other)
    cleared(gone, *hosts.made.hosts.values())
    worker.say("second")
    assert worker.hear() == ["second", "first"]
    assert has(hosts.made["A"], namespace)
    hosts.made.check_equal()


def test_a_host_that_was_away_for_too_long_finds_its_namespaces_empty_and_goes_on(
    hosts: Hosts,
) -> None:
    host = hosts.join("C")
    worker, namespace = hosts.hold("C")
    host.freeze()
    cleared(namespace, hosts.made["A"], hosts.made["B"])
    host.thaw()
    cleared(namespace, host)
    worker.say("")
    assert worker.hear() == []
    assert f"another host cleared {namespace!r}" in host.log.read_text()
    worker.say("second")
    assert worker.hear() == ["second"]
    wait_for(lambda: namespace in hosts.wills(), "the new will")
    hosts.join("D")
    other, gone = hosts.hold("D")
    hosts.die("D", other)
    cleared(gone, *hosts.made.hosts.values())
    worker.say("third")
    assert worker.hear() == ["third", "second"]
    hosts.made.check_equal()


def test_a_daemon_that_stood_still_itself_takes_nobody_for_gone(hosts: Hosts) -> None:
    a, b = hosts.made["A"], hosts.made["B"]
    worker, namespace = hosts.hold("A")
    hosts.join("C")
    other, gone = hosts.hold("C")
    b.freeze()
    hosts.die("C", other)
    cleared(gone, a)
    b.thaw()
    cleared(gone, b)
    hosts.join("D")
    another, also_gone = hosts.hold("D")
    hosts.die("D", another)
    cleared(also_gone, a, b)
    worker.say("")
    assert worker.hear() == ["first"]
    assert has(b, namespace)


def test_a_namespace_that_another_host_has_leased_too_stays(hosts: Hosts) -> None:
    host = hosts.join("C")
    worker, gone = hosts.hold("C")
    with host.connect(namespace="common") as store:
        store.plans.insert({"id": "p"})
    leases = [Lease(each.directory, "common") for each in (host, hosts.made["A"])]
    wait_for(lambda: hosts.wills().count('"common"') == 2, "both wills")
    hosts.die("C", worker)
    cleared(gone, hosts.made["A"], hosts.made["B"])
    assert has(hosts.made["B"], "common")
    leases[1].release()
    wait_for(lambda: '"common"' not in hosts.wills(), "the end of both wills")
    assert has(hosts.made["B"], "common")
    leases[0].release()


def test_a_will_outlives_all_hosts_and_the_engine(hosts: Hosts) -> None:
    worker, namespace = hosts.hold("A")
    hosts.die("A", worker)
    hosts.die("B")
    hosts.made.engine.kill()
    hosts.made.engine.start()
    late = hosts.join("C")
    assert has(late, namespace)
    cleared(namespace, late)


def test_a_daemon_that_is_stopped_leaves_its_last_will(hosts: Hosts) -> None:
    """A namespace that nobody leases any more is to stay."""
    host = hosts.join("C")
    lease = Lease(host.directory, "kept")
    wait_for(lambda: '"kept"' in hosts.wills(), "the will")
    lease.release()
    subprocess.run([*TIGERD, "stop", "--dir", str(host.directory)], check=True)
    host.reap()
    assert '"kept"' not in hosts.wills()


def test_namespaces_that_cannot_be_cleared_yet_do_not_fill_the_log(hosts: Hosts) -> None:
    """A namespace whose process is gone is sealed as long as another one has a fork of it."""
    a = hosts.made["A"]
    worker, sealed = hosts.hold("A")
    others = [hosts.hold("A") for _ in range(2)]
    with a.connect(namespace=sealed) as store, store.fork():
        before, _ = a.position()
        worker.end()
        for other, gone in others:
            other.end()
            cleared(gone, a)
        assert a.position()[0] == before + 2
    cleared(sealed, a, hosts.made["B"])


def test_noise_among_the_wills_is_nobodys(hosts: Hosts) -> None:
    one = Follower(address_of(hosts.made.engine.url))
    one.until(lambda: one.log.is_up)
    noise = (b"", b"\xff", b"[" * 100_000, b"5", b'{"a": 1}', b'[1, null, ["x"]]')
    for number, body in enumerate(noise):
        one.log.note(f"noise-{number}", body)
    one.log.close()
    hosts.join("C")
    worker, namespace = hosts.hold("C")
    hosts.die("C", worker)
    cleared(namespace, hosts.made["A"], hosts.made["B"])


# --- Counting ---


class Seen:
    """Wills whose clock is the test's, and what they have cleared."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.there: set[str] = set()
        self.is_up = True
        self.cleared: list[Names] = []
        monkeypatch.setattr(wills, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.wills = Wills(tmp_path, "me", self, SimpleNamespace(places=lambda: self.there))  # type: ignore[arg-type]
        self.wills.read(Noted("other", b'["of-other"]'))

    body_max = 1000

    def note(self, host: str, body: bytes) -> None:
        self.wills.read(Noted(host, body))

    def look(self, seconds: float, every_s: float = LOOK_MAX_S) -> None:
        for _ in range(int(seconds / every_s)):
            self.now += every_s
            self.wills.look(self.clear)

    def clear(self, names: Names, _: str) -> bool:
        self.cleared.append(names)
        return True


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(tmp_path, monkeypatch)


def test_silence_is_counted_while_this_host_listens(seen: Seen) -> None:
    hour = wills.GONE_FOR_GOOD_S
    seen.look(hour - 11 * LOOK_MAX_S)
    seen.look(100 * hour, every_s=10 * hour)  # it stood still ten times
    seen.is_up = False
    seen.look(2 * hour)
    seen.is_up = True
    assert not seen.cleared
    seen.there = {"other"}
    seen.look(LOOK_MAX_S)
    seen.there = set()
    seen.look(hour - LOOK_MAX_S)
    assert not seen.cleared
    seen.look(LOOK_MAX_S)
    assert seen.cleared == [{"of-other"}]
    seen.look(2 * hour)
    assert len(seen.cleared) == 1


def test_a_will_that_is_told_again_counts_on(seen: Seen) -> None:
    seen.look(wills.GONE_FOR_GOOD_S - LOOK_MAX_S)
    seen.wills.join()
    seen.wills.read(Noted("other", b'["of-other"]'))
    seen.look(LOOK_MAX_S)
    assert seen.cleared == [{"of-other"}]
