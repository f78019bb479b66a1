"""What fails: the engine, a host, what is between them. Errors are clear, and hosts are equal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import tiger
from tests.machines.machines import Engine, Machines, copy_instance, machines
from tests.machines.network import ENGINE
from tests.machines.relay import Relay
from tests.machines.storm import WRITER, compare
from tests.support.processes import Worker, wait_for
from tigerd.service.followed import Followed, remember

WRONG_CLOCK = [sys.executable, "-m", "tests.machines.programs.wrong_clock"]


@pytest.fixture
def two() -> Iterator[Machines]:
    with machines("A", "B") as made:
        yield made


def write(made: Machines, name: str, count: int, prefix: str = "c") -> None:
    with made[name].connect() as store:
        for number in range(count):
            store.coupons.insert({"id": f"{prefix}{number}", "created": number % 7})


# --- The engine ---


def test_an_engine_that_is_away_at_the_start_is_told() -> None:
    with machines("A", start=False) as made:
        made.engine.kill()
        code, words = made["A"].refuses()
        assert code == 3
        assert "was not reached within 5 s" in words
        assert "Connection refused" in words
        made.engine.start()
        made["A"].start()


def test_an_engine_that_comes_while_a_daemon_starts_is_waited_for() -> None:
    with machines("A", start=False) as made:
        made.engine.kill()
        process = made["A"].launch()
        made.engine.start()
        assert process.stdout is not None
        assert b'"ready"' in process.stdout.readline()
        made["A"].kill()
        process.communicate()


def test_while_the_engine_is_away_reads_go_on_and_writes_are_refused_and_later_go_on(
    two: Machines,
) -> None:
    write(two, "A", 10)
    two.settle()
    with two["A"].connect() as store:
        two.engine.kill()
        assert store.coupons["c3"] == {"id": "c3", "created": 3}
        with pytest.raises(tiger.DaemonUnavailable, match="nothing was changed"):
            store.coupons.insert({"id": "refused"})
        two.engine.start()
        store.coupons.insert({"id": "later"})
        assert "refused" not in store.coupons
    assert "later" in [c["id"] for c in two.check_equal()["global/coupons"]]


def test_a_write_that_the_engine_died_with_is_done_once_or_not(two: Machines) -> None:
    """The engine is stopped, so it has taken nothing; then it is killed, and comes back."""
    with two["A"].connect(timeout_s=20) as store:
        for number in range(5):
            store.coupons.create({"id": f"c{number}"})
            store.coupons.insert({"id": "n", "n": number})
            two.engine.kill()
            two.engine.start()
        assert store.coupons.count() == 6
    two.check_equal()


def test_an_engine_with_another_store_ends_the_daemons_and_reads_go_on(two: Machines) -> None:
    write(two, "A", 5)
    two.settle()
    two.engine.kill()
    shutil.rmtree(two.engine.store)
    two.engine.start()
    for host in two.hosts.values():
        wait_for(lambda: not host.is_running, "the end of the daemon")  # noqa: B023
        host.reap()
        assert "which was followed, is gone" in host.log.read_text()
        with host.connect() as store:
            assert store.coupons.count() == 5
            with pytest.raises(tiger.DaemonUnavailable):
                store.coupons.insert({"id": "late"})
    with pytest.raises(tiger.InstanceError, match="which was followed, is gone"):
        tiger.connect(two["A"].directory)


def test_another_log_of_the_same_name_is_not_followed(two: Machines) -> None:
    write(two, "A", 3)
    two.settle()
    two.engine.kill()
    shutil.rmtree(two.engine.store)
    two["A"].kill()
    two["B"].kill()
    two.engine.start()
    two.add("C")
    code, words = two["A"].refuses()
    assert code == 3
    assert "was begun at" in words
    assert "begin with an empty directory" in words
    shutil.rmtree(two["A"].directory)
    shutil.rmtree(two["B"].directory)
    two["A"].start()
    two["B"].start()
    two.check_equal()


# --- Links and kills ---


def test_a_link_that_is_cut_holds_up_writes_of_its_host_alone() -> None:
    """Each in turn, the engine's last: then nobody writes, and all read."""
    with machines("A", "B", in_network=True) as made:
        assert made.network is not None
        write(made, "A", 3)
        made.settle()
        written = {"c0", "c1", "c2"}
        for cut in ("A", "B", ENGINE):
            made.network.cut(cut)
            for name in "AB":
                with made[name].connect(timeout_s=4) as store:
                    assert store.coupons["c1"] == {"id": "c1", "created": 1}
                    id = f"cut-{cut}-{name}"
                    if cut in (name, ENGINE):
                        with pytest.raises((tiger.DaemonUnavailable, tiger.OutcomeUnknown)):
                            store.coupons.create({"id": id})
                    else:
                        store.coupons.create({"id": id})
                        written.add(id)
            made.network.heal(cut)
            for name in "AB":
                with made[name].connect(timeout_s=30) as store:
                    store.coupons.create({"id": f"healed-{cut}-{name}"})
                    written.add(f"healed-{cut}-{name}")
        there = [c["id"] for c in made.check_equal()["global/coupons"]]
        assert written <= {*there}
        assert len(there) == len({*there})


@pytest.mark.parametrize(
    "killed", ["a daemon", "the other daemon", "the engine", "both daemons", "all"]
)
def test_whatever_is_killed_what_was_acknowledged_is_there_once(two: Machines, killed: str) -> None:
    """In the middle of writes, by a process that goes on as long as it lives."""
    writer = Worker(WRITER, two["A"].directory, 0, 1)
    try:
        assert writer.hear() == "ready"
        with two["B"].connect() as store:
            wait_for(lambda: store.plans.count() > 20, "some writes")
        if killed in ("a daemon", "both daemons", "all"):
            two["A"].kill()
        if killed in ("the other daemon", "both daemons", "all"):
            two["B"].kill()
        if killed in ("the engine", "all"):
            two.engine.kill()
            two.engine.start()
        for host in two.hosts.values():
            tiger.connect(host.directory).close()
        with two["B"].connect() as store:
            before = store.plans.count()
            wait_for(lambda: store.plans.count() > before + 20, "more writes")
        writer.say("stop")
        noted = writer.hear()
        compare(two.check_equal(), [noted], Counter())
    finally:
        writer.end()


def test_an_engine_that_was_put_back_to_an_older_state_is_noticed(two: Machines) -> None:
    """Back shorter, and, worse, back shorter and grown past what was applied."""
    write(two, "A", 10)
    two.settle()
    two.engine.kill()
    older = two.base / "older"
    shutil.copytree(two.engine.store, older)
    two.engine.start()
    write(two, "A", 10, "lost")
    two.settle()
    two["B"].kill()
    two.engine.kill()
    shutil.rmtree(two.engine.store)
    older.rename(two.engine.store)
    two.engine.start()
    wait_for(lambda: not two["A"].is_running, "the end of the daemon")
    two["A"].reap()
    assert "it was restored to an older state" in two["A"].log.read_text()
    two.add("C")
    write(two, "C", 30, "new")
    code, words = two["B"].refuses()
    assert code == 3
    assert "is not the one that was applied here" in words


def test_an_entry_that_does_not_come_is_asked_for_again() -> None:
    with machines("A", "B", start=False) as made, closing(Relay(made.engine)) as relay:
        made["A"].start(url=relay.url)
        made["B"].start()
        relay.lose(b"lost1")
        write(made, "B", 3, "lost")
        assert len(made.check_equal()["global/coupons"]) == 3
        assert "came instead of entry" in made["A"].log.read_text()


# --- A host ---


def test_a_host_that_joins_late_has_all(two: Machines) -> None:
    write(two, "A", 200)
    with two["B"].connect() as store:
        store.plans.insert_many([{"id": f"p{n}"} for n in range(2000)])
        store.clear_namespace()
        store.plans.insert({"id": "p"})
    two.add("C")
    assert two["C"].position() == two["A"].position()
    two.check_equal()


def test_a_host_that_is_behind_comes_up(two: Machines) -> None:
    two["B"].freeze()
    write(two, "A", 500)
    assert two["B"].position() < two["A"].position()
    two["B"].thaw()
    two.check_equal()


def test_a_host_that_was_restored_from_an_old_copy_comes_up(two: Machines) -> None:
    write(two, "A", 50)
    two.settle()
    two["B"].kill()
    copy = two.base / "copy"
    copy_instance(two["B"].directory, copy)
    two["B"].start()
    write(two, "B", 50, "later")
    two.settle()
    two["B"].kill()
    shutil.rmtree(two["B"].directory)
    copy.rename(two["B"].directory)
    two["B"].start()
    assert two.check_equal()


def test_a_copy_of_a_host_is_one_more_host(two: Machines) -> None:
    """Two daemons of one instance, or of one name, are two: none answers for the other."""
    write(two, "A", 20)
    two.settle()
    two["A"].kill()
    copy_instance(two["A"].directory, two.base / "C")
    two["A"].start()
    two.add("C")
    with two["A"].connect(everywhere=True) as a, two["C"].connect() as c:
        for number in range(50):
            a.coupons.create({"id": f"a{number}"})
            assert f"a{number}" in c.coupons
            c.coupons.create({"id": f"c-{number}"})
    two.check_equal()


def test_kills_of_a_daemon_in_the_middle_of_entries_leave_equal_hosts(two: Machines) -> None:
    random = Random(1)
    with two["A"].connect(timeout_s=30) as store:
        for turn in range(6):
            for number in range(random.randrange(5, 60)):
                store.coupons.create({"id": f"c{turn}-{number}", "created": number % 3})
            two["B"].kill()
            two["B"].start()
    two.check_equal()


def test_a_request_that_was_sent_to_a_daemon_that_died_is_of_unknown_outcome() -> None:
    """Without a daemon nobody knows whether the log has it: on one machine that is known."""
    with machines("A", start=False) as made, closing(Relay(made.engine)) as relay:
        made["A"].start(url=relay.url)
        with (
            made["A"].connect(timeout_s=30) as store,
            ThreadPoolExecutor(1) as pool,
            relay.held("engine"),
        ):
            done = pool.submit(store.coupons.insert, {"id": "sent"})
            wait_for(lambda: relay.holds(b"sent"), "the request in the log")
            made["A"].kill()
            with pytest.raises(tiger.OutcomeUnknown, match="may be in the log"):
                done.result()


def test_autostart_follows_the_log_too(two: Machines) -> None:
    write(two, "A", 3)
    two["A"].kill()
    with tiger.connect(two["A"].directory) as store:
        store.coupons.insert({"id": "by autostart"})
    ids = [c["id"] for c in two.check_equal()["global/coupons"]]
    assert "by autostart" in ids


def test_a_full_host_stands_still_and_goes_on_when_there_is_room() -> None:
    with machines("A", "B", start=False) as made, small_memory(made["B"].directory, "2m"):
        made["A"].start()
        made["B"].start()
        with made["A"].connect() as a, made["B"].connect() as b:
            for number in range(1000):
                a.coupons.insert({"id": f"c{number}", "name": "n" * 2000})
            wait_for(lambda: "stops there" in made["B"].log.read_text(), "a full host")
            assert 0 < b.coupons.count() < 1000
            assert b.coupons["c5"]["name"] == "n" * 2000
            with pytest.raises(tiger.StoreFull, match="this host has no room to follow its log"):
                b.coupons.insert({"id": "refused"})
            a.plans.insert({"id": "others go on"})
            grow(made["B"].directory, "64m")
            made.settle()
            b.coupons.insert({"id": "later"})
        ids = {c["id"] for c in made.check_equal()["global/coupons"]}
        assert len(ids) == 1001
        assert "refused" not in ids


def test_a_full_host_says_so_when_it_starts() -> None:
    with machines("A", "B", start=False) as made, small_memory(made["B"].directory, "1500k"):
        made["A"].start()
        with made["A"].connect() as a:
            a.coupons.insert_many([{"id": f"c{n}", "name": "n" * 400} for n in range(5000)])
        code, words = made["B"].refuses()
        assert code == 1
        assert "is full" in words or "no room" in words, words


class small_memory:  # noqa: N801 - used as a function
    """A file system of that size at a directory; skips where none may be made."""

    def __init__(self, directory: Path, size: str) -> None:
        self._directory, self._size = directory, size

    def __enter__(self) -> None:
        self._directory.mkdir(mode=0o700)
        done = subprocess.run(
            [
                "mount",
                "-t",
                "tmpfs",
                "-o",
                f"size={self._size},mode=0700",
                "tmpfs",
                str(self._directory),
            ],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip("a small file system needs root")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self._directory)], check=True)


def grow(directory: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(directory)], check=True)


# --- What does not fit ---


def test_an_instance_with_records_of_its_own_does_not_join(two: Machines) -> None:
    other = two.base / "D"
    with tiger.connect(other) as store:
        store.coupons.insert({"id": "mine"})
    host = two.add("D", start=False)
    subprocess.run([sys.executable, "-m", "tigerd", "stop", "--dir", str(other)], check=True)
    code, words = host.refuses()
    assert code == 3
    assert "has records that are not of the log" in words
    del two.hosts["D"]


def test_a_log_of_another_version_is_not_followed() -> None:
    with machines("A", start=False) as made:
        make_stream(made.engine, {"version": "0.0.1", "protocol": "1", "max_record": "1000"})
        code, words = made["A"].refuses()
        assert code == 4
        assert "was begun by tigerd 0.0.1" in words
        assert not (made["A"].directory / "follows").exists()


def test_a_client_is_told_of_a_log_of_another_version() -> None:
    """It starts the daemon, and has its words; hosts that follow already go on."""
    with machines("A", start=False) as made:
        make_stream(made.engine, {"version": "0.0.1", "protocol": "1", "max_record": "1000"})
        made["A"].directory.mkdir(mode=0o700)
        remember(made["A"].directory, Followed(made.engine.url, ""))
        with pytest.raises(tiger.LayoutMismatch, match="all hosts of a log run the same version"):
            tiger.connect(made["A"].directory)


def test_a_stream_of_somebody_elses_is_not_followed() -> None:
    with machines("A", start=False) as made:
        make_stream(made.engine, {"owner": "somebody"})
        code, words = made["A"].refuses()
        assert code == 3
        assert "no tigerd has made" in words


def make_stream(engine: Engine, metadata: dict[str, str]) -> None:
    from tests.machines.test_wire import Follower
    from tigerd.log.log import Terms, address_of

    class Noted(Terms):
        def noted(self) -> dict[str, str]:
            return metadata

    one = Follower(address_of(engine.url))
    one.log._new_terms = Noted("", 0, 0)
    with pytest.raises(tiger.InstanceError):
        one.until(lambda: one.log.is_up)
    one.log.close()


def test_the_limit_of_a_record_is_the_logs(two: Machines) -> None:
    code, words = two.add("C", start=False).refuses("--max-record", "2000")
    assert (code, "leave it out" in words) == (2, True)
    del two.hosts["C"]


def test_the_first_host_says_what_the_limit_of_a_record_is() -> None:
    with machines("A", "B", start=False) as made:
        made["A"].start("--max-record", "2000")
        made["B"].start()
        with made["B"].connect() as store, pytest.raises(tiger.InvalidRecord, match="2000"):
            store.coupons.insert({"id": "c", "name": "n" * 3000})
        made.check_equal()


def test_a_request_above_the_engines_payload_is_refused_and_one_below_is_not(
    two: Machines,
) -> None:
    with two["A"].connect(timeout_s=30) as store:
        store.coupons.insert_many([{"id": f"c{n}", "n": "x" * 10_000} for n in range(2000)])
        with pytest.raises(tiger.InvalidRequest, match="write in several batches"):
            store.coupons.insert_many([{"id": f"d{n}", "n": "x" * 10_000} for n in range(4000)])
    assert len(two.check_equal()["global/coupons"]) == 2000


def test_an_entry_that_is_none_is_left_out_by_all(two: Machines) -> None:
    from tests.machines.test_wire import Follower
    from tigerd.log.log import address_of

    one = Follower(address_of(two.engine.url))
    one.until(lambda: one.log.is_up)
    for number, body in enumerate((b"", b"noise", b"\x96\x01\x02", b"\xc1" * 50)):
        one.log.append(f"noise-{number}", body)
    one.until(lambda: len(one.entries) == 4)
    one.log.close()
    write(two, "A", 3)
    assert len(two.check_equal()["global/coupons"]) == 3


def test_hosts_whose_clocks_differ_by_hours_are_equal(two: Machines) -> None:
    """No host's clock is asked for anything that others see."""
    for name, hours in (("C", 5), ("D", -5)):
        host = two.add(name, start=False)
        host.serve = [*WRONG_CLOCK, str(hours), "serve"]
        host.start()
    for name in two.hosts:
        write(two, name, 20, name)
    two["A"].kill()
    two["C"].kill()
    two["A"].start()
    two["C"].start()
    two.check_equal()


def test_an_engine_without_room_is_told_and_goes_on_when_it_has_some() -> None:
    with machines("A", "B", start=False) as made:
        made.engine.kill()
        shutil.rmtree(made.engine.store)
        with small_memory(made.engine.store, "4m"):
            made.engine.start()
            made["A"].start()
            made["B"].start()
            done = 0
            with made["A"].connect(timeout_s=10) as store:
                for number in range(2000):
                    try:
                        store.coupons.create({"id": f"c{number}", "name": "n" * 5000})
                    except tiger.StoreFull as error:
                        assert "give the engine more room" in str(error)  # noqa: PT017
                        break
                    done += 1
                assert 0 < done < 2000
                grow(made.engine.store, "64m")
                made.engine.kill()  # it takes no more before it is started anew
                made.engine.start()
                store.coupons.create({"id": "later"})
            ids = {c["id"] for c in made.check_equal()["global/coupons"]}
            assert ids == {*(f"c{number}" for number in range(done)), "later"}
