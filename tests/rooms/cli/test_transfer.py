"""load and dump: all or nothing, in order, and never half a file."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.acceptance.programs import elsewhere
from tiger.format import protocol
from tigerd.cli import transfer
from tigerd.tools.documents import InvalidDocument, parse_tables

YES, NO, USAGE = range(3)

Command = Callable[..., Any]


def test_a_load_is_one_commit(cli: Command, shared_store) -> None:
    before = shared_store.ping()["commit"]
    document = {"coupons": [{"id": "A"}, {"n": 1}], "plans": [{"id": "A"}], "events": []}
    completed = cli("load", "-", "--json", stdin=json.dumps(document))
    assert json.loads(completed.stdout) == {"coupons": 2, "plans": 1, "events": 0}
    assert shared_store.ping()["commit"] == before + 1


def test_a_dump_of_a_load_is_the_same_again(cli: Command, shared_store, tmp_path: Path) -> None:
    """Records of one second keep their order, which is that of their inserts."""
    shared_store.coupons.insert_many({"id": f"c{n}", "created": n // 7} for n in range(40))
    shared_store.coupons.update({"id": "c3", "created": 0, "changed": True})
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert cli("dump", str(first)).returncode == YES
    shared_store.clear_namespace()
    assert cli("load", str(first)).returncode == YES
    assert cli("dump", str(second)).returncode == YES
    assert first.read_bytes() == second.read_bytes()


def test_a_dump_of_nothing_is_an_empty_object(cli: Command, shared_store) -> None:
    assert cli("dump").stdout == "{}\n"
    assert cli("load", "-", stdin="{}").returncode == YES


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"coupons": [{"id": "A"}, {"id": "B", "x": NaN}]}', "coupons[1]: record 'B', x is nan"),
        ('{"coupons": [{"id": "A"}, {"x": NaN}]}', "<stdin>: coupons[1]: x is nan"),
        ('{"coupons": [{"x": {"y": [1e999]}}]}', "<stdin>: coupons[0]: x, y[0] is inf"),
        ('{"plans": [{"id": "A"}], "coupons": [{"id": "A"}, 5]}', "coupons[1] is a number"),
        ('{"coupons": [{"id": "A"}, {"id": "B"}, {"id": "A"}]}', "coupons[2] has the id 'A'"),
        ('{"coupons": [{"id": "A"}], "coupons": []}', "'coupons' appears twice"),
        ('{"coupons": {"id": "A"}}', "coupons is an object"),
        ("[]", "an array"),
        ("", "0 documents"),
        ("{}{}", "2 documents"),
    ],
)
def test_the_first_fault_is_named_with_its_place(
    cli: Command, shared_store, text: str, named: str
) -> None:
    completed = cli("load", "-", stdin=text)
    assert completed.returncode == USAGE
    assert completed.stderr.startswith("tigerd: <stdin>")
    assert named in completed.stderr
    assert shared_store.coupons.count() == shared_store.plans.count() == 0


def test_a_record_past_the_daemons_own_limit_is_named(tigerd, directory: str) -> None:
    tigerd("start", "--max-record", "100", directory=directory)
    text = json.dumps({"coupons": [{"id": "A"}, {"id": "B", "text": "x" * 100}]})
    completed = tigerd("load", "-", directory=directory, stdin=text)
    assert completed.returncode == USAGE
    assert "coupons[1]" in completed.stderr
    assert "100" in completed.stderr


def test_a_dump_too_large_for_one_command_is_loaded_in_pieces(
    shared_directory, shared_store, monkeypatch, capsys, tmp_path: Path
) -> None:
    """With smaller limits: the order is kept, and that it was not all at once is said."""
    monkeypatch.setattr(transfer.protocol, "FRAME_MAX", 4000)
    monkeypatch.setattr(transfer, "PIECE_BYTES", 1000)
    records = [{"id": f"c{n}", "text": "x" * 100} for n in range(100)]
    path = tmp_path / "big.json"
    path.write_text(json.dumps({"coupons": records}))
    before = shared_store.ping()["commit"]
    arguments = [str(path), "--dir", shared_directory]
    arguments += ["--namespace", shared_store.current_namespace]
    transfer.load.main(arguments, standalone_mode=False)
    assert "written in pieces" in capsys.readouterr().err
    assert list(shared_store.coupons) == records
    assert shared_store.ping()["commit"] > before + 5


def test_the_size_of_a_load_is_not_underestimated(shared_store) -> None:
    """What is said to fit into a frame does."""
    records = [{"id": f"c{n}"} for n in range(1000)] + [{"n": n} for n in range(1000)]
    tables = {"coupons": records, "plans": [{"id": "é" * 100, "text": "x" * 100_000}]}
    estimate = transfer._check(shared_store, tables, "test")
    with shared_store.batch() as batch:
        for table, wanted in tables.items():
            batch.table(table).insert_many(wanted)
        frame = protocol.pack([protocol.VERSION, 1 << 55, 1023, 1 << 39, False, batch._operations])
    assert len(frame) <= estimate


def test_parse_tables_leaves_good_documents_alone() -> None:
    assert parse_tables(b' {"coupons": [{"id": "A"}]}\n', "x") == {"coupons": [{"id": "A"}]}
    with pytest.raises(InvalidDocument, match="x is nested too deep"):
        parse_tables(b'{"coupons": ' + b"[" * 100_000, "x")


# Half a file


def test_a_dump_that_fails_leaves_the_file_as_it_was(
    cli: Command, shared_directory, shared_store, tmp_path: Path
) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}", "text": "x" * 500} for n in range(500))
    path = tmp_path / "dump.json"
    path.write_text("before")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-m", "tigerd", "dump", str(path), "--dir", shared_directory]
    command += ["--namespace", shared_store.current_namespace]
    completed = subprocess.run(
        command, preexec_fn=limit, capture_output=True, encoding="utf-8", check=False
    )
    assert completed.returncode == NO
    assert completed.stderr == f"tigerd: {path}: File too large\n"
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["dump.json"]


def test_a_dump_keeps_the_files_mode_and_follows_its_link(
    cli: Command, shared_store, tmp_path: Path
) -> None:
    path, link = tmp_path / "dump.json", tmp_path / "link.json"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    assert cli("dump", str(link)).returncode == YES
    assert link.is_symlink()
    assert path.read_text() == "{}\n"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe", "file"])
def test_a_dump_goes_nowhere_by_what_another_user_has_put_there(
    cli: Command, shared_store, tmp_path: Path, kind: str
) -> None:
    """In a directory as /tmp is; the pipe has a reader."""
    shared, target = tmp_path / "tmp", tmp_path / "mine" / "target"
    shared.mkdir()
    shared.chmod(0o1777)
    target.parent.mkdir()
    target.write_text("mine")
    path = at = shared / "dump.json"
    reader = -1
    if kind == "link":
        path.symlink_to(target)
    elif kind == "link to a folder":
        at = shared / "folder"
        at.symlink_to(target.parent)
        path = at / "target"
    elif kind == "pipe":
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    else:
        path.touch(0o666)
    os.chown(at, 12345, 12345, follow_symlinks=False)
    completed = cli("dump", str(path))
    assert completed.returncode == NO
    assert completed.stderr == f"tigerd: {path}: another user put it there\n"
    assert target.read_text() == "mine"
    assert os.listdir(target.parent) == ["target"]
    assert reader < 0 or os.read(reader, 1) == b""
    os.chown(at, 0, 0, follow_symlinks=False)
    if kind != "pipe":
        assert cli("dump", str(path)).returncode == YES
        assert path.read_text() == "{}\n"


def test_a_dump_follows_links_as_the_system_does(
    cli: Command, shared_store, tmp_path: Path
) -> None:
    tmp_path.joinpath("a", "b").mkdir(parents=True)
    tmp_path.joinpath("up").symlink_to("a/b/..")
    tmp_path.joinpath("a", "round").symlink_to("round")
    assert cli("dump", str(tmp_path / "up" / ".." / "up" / "dump.json")).returncode == YES
    assert tmp_path.joinpath("a", "dump.json").read_text() == "{}\n"
    completed = cli("dump", str(tmp_path / "a" / "round"))
    assert "Too many levels of symbolic links" in completed.stderr


def test_a_dump_to_where_nothing_can_be_written_names_it(cli: Command, tmp_path: Path) -> None:
    completed = cli("dump", str(tmp_path / "absent" / "dump.json"))
    assert completed.returncode == NO
    assert completed.stderr == f"tigerd: {tmp_path}/absent/dump.json: No such file or directory\n"
    assert cli("dump", os.devnull).returncode == YES


def test_a_dump_is_of_one_moment(shared_directory, shared_store, start_other_process) -> None:
    """Two tables that are always written together are never dumped apart."""
    with tiger.connect(shared_directory, namespace=shared_store.current_namespace) as store:
        other = start_other_process(
            shared_directory, elsewhere.write_pairs, namespace=store.current_namespace
        )
        assert other.read_line() == "begun"
        for _ in range(3):
            command = [sys.executable, "-m", "tigerd", "dump", "--dir", shared_directory]
            command += ["--namespace", store.current_namespace]
            dumped = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            assert dumped["coupons"] == dumped["plans"]
        other.process.kill()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_dump_to_a_full_device_names_it(cli: Command, shared_store) -> None:
    completed = cli("dump", "/dev/full")
    assert completed.returncode == NO
    assert completed.stderr == "tigerd: /dev/full: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_dump_without_an_instance_says_so_and_not_the_file(tigerd, directory: str) -> None:
    assert "there is no instance" in tigerd("dump", "/dev/full", directory=directory).stderr
