"""The command line: every command, its JSON, its exit codes, its help."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiger

YES, NO, USAGE, UNREACHABLE, MISMATCH, TIME_OUT = range(6)

ON_AN_INSTANCE = ["serve", "start", "stop", "restart", "status", "run", "where"]
ON_RECORDS = ["tables", "namespaces", "ls", "get", "put", "rm", "count", "clear", "load", "dump"]
LOOKING_ON = ["check", "watch", "top"]
OTHERS = ["version", "completion"]
COMMANDS = [*ON_AN_INSTANCE, *ON_RECORDS, *LOOKING_ON, *OTHERS]

NAMESPACED = ["ls", "get", "put", "rm", "count", "clear", "load", "dump"]
ANSWERING = ["status", "where", "tables", "namespaces", "ls", "get", "count", "check", "version"]

Command = Callable[..., Any]


def answer(completed: Any, code: int = YES) -> Any:
    """The one JSON document on stdout of a command that exited with that code."""
    assert completed.returncode == code, completed
    return json.loads(completed.stdout)


def words(document: Any) -> set[str]:
    """Every key and every string of a document."""
    if isinstance(document, dict):
        return set(document).union(*map(words, document.values()))
    if isinstance(document, list):
        return set().union(*map(words, document))
    return {document} if isinstance(document, str) else set()


# Help and usage


def test_help_names_every_command(tigerd) -> None:
    completed = tigerd("--help", directory=None)
    assert completed.returncode == YES
    assert set(COMMANDS) <= set(re.findall(r"[a-z]+", completed.stdout))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example_and_its_options(tigerd, command: str) -> None:
    """All take --dir, those on records --namespace, and those that answer --json."""
    completed = tigerd(command, "--help", directory=None)
    assert completed.returncode == YES
    options, _, example = completed.stdout.lower().partition("example")
    assert re.search(rf"\btigerd\b.*\b{command}\b", example), completed.stdout
    assert "--dir" in options
    assert command not in NAMESPACED or "--namespace" in options
    assert command not in ANSWERING or "--json" in options


def test_no_command_prints_the_help(tigerd) -> None:
    completed = tigerd(directory=None)
    assert "Usage" in completed.stdout + completed.stderr
    assert "serve" in completed.stdout + completed.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["get"],
        ["get", "coupons"],
        ["get", "coupons", "A", "surplus"],
        ["ls", "coupons", "--nonsense"],
        ["rm", "coupons"],
        ["put"],
        ["load"],
        ["completion", "nonsense-shell"],
        ["serve", "--max-record", "many"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(tigerd, arguments: list[str]) -> None:
    completed = tigerd(*arguments, directory=None)
    assert completed.returncode == USAGE
    assert completed.stdout == ""
    assert re.search("usage|error", completed.stderr, re.IGNORECASE)
    assert not re.search(r"\b_\w+", completed.stderr), "a name of the program's own"


# The daemon's life


def test_start_status_restart_stop(tigerd, directory: str, is_alive, wait_until) -> None:
    assert tigerd("status", directory=directory).returncode == NO
    assert tigerd("start", directory=directory).returncode == YES
    status = answer(tigerd("status", "--json", directory=directory))
    assert is_alive(status["pid"])

    assert tigerd("start", directory=directory).returncode == YES
    assert answer(tigerd("status", "--json", directory=directory))["pid"] == status["pid"]

    assert tigerd("restart", directory=directory).returncode == YES
    restarted = answer(tigerd("status", "--json", directory=directory))
    assert restarted["pid"] != status["pid"]
    wait_until(lambda: not is_alive(status["pid"]), what="the first daemon's end")

    assert tigerd("stop", directory=directory).returncode == YES
    assert not is_alive(restarted["pid"])
    assert tigerd("status", directory=directory).returncode == NO
    assert tigerd("stop", directory=directory).returncode == NO


def test_restart_starts_where_none_runs(tigerd, directory: str) -> None:
    assert tigerd("restart", directory=directory).returncode == YES
    assert tigerd("status", directory=directory).returncode == YES


def test_status_of_nothing_is_one_json_document_too(tigerd, directory: str) -> None:
    assert isinstance(answer(tigerd("status", "--json", directory=directory), NO), dict)


def test_start_returns_when_the_daemon_is_ready(tigerd, directory: str) -> None:
    """A store that may not start one finds it at once."""
    assert tigerd("start", directory=directory).returncode == YES
    with tiger.connect(directory, autostart=False) as store:
        store.coupons.insert({"id": "A"})


def test_serve_says_ready_on_stdout_and_logs_on_stderr(serve, directory: str) -> None:
    daemon = serve(directory)
    assert daemon.ready["pid"] == daemon.process.pid
    assert os.path.samefile(daemon.ready["directory"], directory)
    assert daemon.ready["socket"]
    assert daemon.ready["version"]
    with tiger.connect(directory, autostart=False) as store:
        assert store.ping()["pid"] == daemon.process.pid
        assert store.ping()["version"] == daemon.ready["version"]
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(timeout=20) == 0
    assert daemon.process.stdout.read() == ""
    assert "Traceback" not in daemon.log.read_text()


def test_where_answers_without_a_daemon(tigerd, directory: str) -> None:
    where = answer(tigerd("where", directory=directory))
    assert os.path.samefile(where["directory"], directory)
    assert os.path.dirname(where["socket"].removeprefix("ipc://")) == where["directory"]
    assert where == answer(tigerd("where", "--json", directory=directory))


@pytest.mark.parametrize(
    ("argument", "tigerd_dir", "runtime_dir", "expected"),
    [
        ("argument", "environment", "runtime", "argument"),
        (None, "environment", "runtime", "environment"),
        (None, None, "runtime", "runtime/tigerd"),
    ],
)
def test_where_an_instance_is(
    tigerd, tmp_path: Path, argument, tigerd_dir, runtime_dir, expected
) -> None:
    """Argument, then TIGERD_DIR, then XDG_RUNTIME_DIR."""
    places = {}
    for name in ("argument", "environment", "runtime"):
        places[name] = tmp_path / name
        places[name].mkdir(mode=0o700)
    completed = tigerd(
        "where",
        directory=str(places[argument]) if argument else None,
        env={
            "TIGERD_DIR": str(places[tigerd_dir]) if tigerd_dir else None,
            "XDG_RUNTIME_DIR": str(places[runtime_dir]),
        },
    )
    assert answer(completed)["directory"] == str(tmp_path / expected)


def test_run_gives_a_command_a_daemon_and_passes_its_exit_code_on(tigerd, directory: str) -> None:
    program = (
        "import os, sys, tiger\n"
        "store = tiger.connect(autostart=False)\n"
        "store.coupons.insert({'id': 'A'})\n"
        "print(os.environ['TIGERD_DIR'], store.coupons.count())\n"
        "store.close()\n"
        "sys.exit(7)\n"
    )
    completed = tigerd("run", "--", sys.executable, "-c", program, directory=directory)
    assert completed.returncode == 7, completed.stderr
    place, count = completed.stdout.split()
    assert os.path.samefile(place, directory)
    assert count == "1"
    assert tigerd("status", directory=directory).returncode == NO


def test_run_of_a_command_that_does_not_exist_says_so(tigerd, directory: str) -> None:
    completed = tigerd("run", "--", "no-such-command-anywhere", directory=directory)
    assert completed.returncode not in (YES, NO)
    assert "no-such-command-anywhere" in completed.stderr
    assert tigerd("status", directory=directory).returncode == NO


# Records


def test_put_get_rm(cli: Command, shared_store) -> None:
    record = {"id": "A", "name": "é", "percent_off": 12.5, "metadata": {"a": [None, True]}}
    assert cli("put", "coupons", "-", stdin=json.dumps(record)).returncode == YES
    assert shared_store.coupons.get("A") == record
    assert answer(cli("get", "coupons", "A", "--json")) == record
    assert cli("rm", "coupons", "A").returncode == YES
    assert "A" not in shared_store.coupons
    assert cli("rm", "coupons", "A").returncode == NO
    missing = cli("get", "coupons", "A", "--json")
    assert missing.returncode == NO
    assert "A" in missing.stderr


def test_put_reads_stdin_or_a_file(cli: Command, shared_store, tmp_path: Path) -> None:
    path = tmp_path / "coupon.json"
    path.write_text('{"id": "file"}')
    assert cli("put", "coupons", str(path)).returncode == YES
    assert cli("put", "coupons", stdin='{"id": "stdin"}').returncode == YES
    assert [record["id"] for record in shared_store.coupons] == ["stdin", "file"]


def test_put_without_an_id_tells_the_one_it_made(cli: Command, shared_store) -> None:
    made = answer(cli("put", "coupons", "-", "--json", stdin='{"name": "x"}'))
    assert shared_store.coupons.get(made["id"]) == made


def test_get_shows_people_the_record_too(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "SUMMER", "name": "twenty off"})
    completed = cli("get", "coupons", "SUMMER")
    assert completed.returncode == YES
    assert "SUMMER" in completed.stdout
    assert "twenty off" in completed.stdout


def test_ls_gives_a_page(cli: Command, shared_store) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}", "created": n} for n in range(12))
    assert answer(cli("ls", "coupons", "--json")) == shared_store.coupons.list().to_dict()
    assert (
        answer(cli("ls", "coupons", "--json", "--limit", "3"))
        == shared_store.coupons.list(limit=3).to_dict()
    )
    shown = cli("ls", "coupons")
    assert shown.returncode == YES
    assert all(f"c{n}" in shown.stdout for n in range(2, 12))


def test_count(cli: Command, shared_store) -> None:
    shared_store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
    shared_store.plans.insert({"id": "gold"})
    one = cli("count", "coupons")
    assert one.returncode == YES
    assert re.search(r"\b2\b", one.stdout)
    assert answer(cli("count", "coupons", "--json")) == {"coupons": 2}
    every = answer(cli("count", "--json"))
    assert {table: count for table, count in every.items() if count} == {"coupons": 2, "plans": 1}


def test_tables_lists_every_table(cli: Command, resources) -> None:
    names = {row.table for row in resources}
    assert names <= words(answer(cli("tables", "--json")))
    shown = cli("tables")
    assert shown.returncode == YES
    assert names <= set(re.findall(r"\w+", shown.stdout))


def test_namespaces_counts_records(tigerd, store, directory: str) -> None:
    store.coupons.insert({"id": "A"})
    store.namespace("other").coupons.insert_many([{"id": "A"}, {"id": "B"}])
    expected = {"global": 1, "other": 2}
    assert answer(tigerd("namespaces", "--json", directory=directory)) == expected
    assert "other" in tigerd("namespaces", directory=directory).stdout


def test_the_namespace_is_chosen_by_argument_then_environment(tigerd, store, directory) -> None:
    for name in ("global", "environment", "argument"):
        store.namespace(name).coupons.insert({"id": "A", "name": name})

    def name_in(*arguments: str, **environment: str) -> str:
        command = ("get", "coupons", "A", "--json", *arguments)
        return answer(tigerd(*command, directory=directory, env=environment))["name"]

    assert name_in() == "global"
    assert name_in(TIGERD_NAMESPACE="environment") == "environment"
    assert name_in("--namespace", "argument", TIGERD_NAMESPACE="environment") == "argument"


def test_clear_clears_one_namespace_or_all(tigerd, store, directory: str) -> None:
    for name in ("global", "a", "b"):
        store.namespace(name).coupons.insert({"id": "A"})
        store.namespace(name).plans.insert({"id": "A"})

    def left() -> dict[str, int]:
        return {name: count for name, count in store.namespaces().items() if count}

    assert tigerd("clear", "--namespace", "a", directory=directory).returncode == YES
    assert left() == {"global": 2, "b": 2}
    assert tigerd("clear", directory=directory).returncode == YES
    assert left() == {"b": 2}
    store.coupons.insert({"id": "A"})
    assert tigerd("clear", "--all", directory=directory).returncode == YES
    assert left() == {}


def test_clear_of_one_and_of_all_at_once_is_wrong_usage(tigerd, store, directory: str) -> None:
    store.coupons.insert({"id": "A"})
    completed = tigerd("clear", "--namespace", "global", "--all", directory=directory)
    assert completed.returncode == USAGE
    assert store.coupons.count() == 1


# load and dump


def test_dump_and_load_carry_a_namespace(cli: Command, shared_store, tmp_path: Path) -> None:
    coupons = [{"id": f"c{n}", "created": n % 3, "text": "é" * n} for n in range(30)]
    plans = [{"id": "gold", "product": "prod_1", "active": True}]
    shared_store.coupons.insert_many(coupons)
    shared_store.plans.insert_many(plans)
    listed = list(shared_store.coupons)
    path = tmp_path / "dump.json"

    assert cli("dump", str(path)).returncode == YES
    dumped = json.loads(path.read_text(encoding="utf-8"))
    assert set(dumped) == {"coupons", "plans"}
    assert sorted(dumped["coupons"], key=lambda record: record["id"]) == sorted(
        coupons, key=lambda record: record["id"]
    )
    assert dumped["plans"] == plans

    shared_store.clear_namespace()
    assert cli("load", str(path)).returncode == YES
    assert list(shared_store.coupons) == listed
    assert shared_store.plans.find_by_product("prod_1") == plans


def test_dump_goes_to_stdout_unless_told(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    assert answer(cli("dump")) == {"coupons": [{"id": "A"}]}


def test_load_reads_what_a_person_wrote(cli: Command, shared_store, tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    path.write_text('{"coupons": [{"id": "A"}, {"name": "no id"}], "plans": []}')
    assert cli("load", str(path)).returncode == YES
    assert shared_store.coupons.count() == 2
    assert shared_store.coupons.get("A") == {"id": "A"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", ""),
        ("[]", ""),
        ('{"coupons": 5}', "coupons"),
        ('{"coupons": [5]}', "coupons"),
        ('{"nonsense": [{"id": "A"}]}', "nonsense"),
        ('{"coupons": [{"id": ""}]}', ""),
        ('{"coupons": [{"id": "A"}, {"id": 5}]}', "5"),
        ('{"coupons": [{"id": "A", "x": NaN}]}', "nan"),
        ('{"coupons": [{"id": "A", "x": 99999999999999999999}]}', "A"),
        ("\ufeff{}{}", ""),
    ],
)
def test_a_file_that_cannot_be_loaded_is_refused(
    cli: Command, shared_store, tmp_path: Path, text: str, named: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    before = shared_store.ping()["commit"]
    completed = cli("load", str(path))
    assert completed.returncode in (NO, USAGE)
    assert named in completed.stderr.lower() or named in completed.stderr
    assert completed.stderr.strip()
    assert shared_store.ping()["commit"] == before
    assert shared_store.coupons.count() == 0


def test_load_of_a_missing_file_names_it(cli: Command, tmp_path: Path) -> None:
    completed = cli("load", str(tmp_path / "absent.json"))
    assert completed.returncode in (NO, USAGE)
    assert "absent.json" in completed.stderr


@pytest.mark.parametrize(
    "record", ["", "{", "5", "[1]", '{"id": 5}', '{"id": ""}', '{"id": "A", "x": Infinity}']
)
def test_a_record_that_cannot_be_put_is_refused(cli: Command, shared_store, record: str) -> None:
    before = shared_store.ping()["commit"]
    completed = cli("put", "coupons", "-", stdin=record)
    assert completed.returncode in (NO, USAGE)
    assert completed.stderr.strip()
    assert shared_store.ping()["commit"] == before


@pytest.mark.parametrize(
    "command",
    [["ls", "nonsense"], ["get", "nonsense", "A"], ["rm", "nonsense", "A"], ["count", "nonsense"]],
    ids=" ".join,
)
def test_an_unknown_table_is_named(cli: Command, command: list[str]) -> None:
    completed = cli(*command)
    assert completed.returncode in (NO, USAGE)
    assert "nonsense" in completed.stderr


# check, watch, top


def test_check_audits_a_live_store_and_a_dead_one(tigerd, store, directory: str) -> None:
    store.coupons.insert_many({"id": f"c{n}", "created": n} for n in range(500))
    store.coupons.delete("c5")
    store.plans.insert({"id": "gold", "product": "p"})
    assert tigerd("check", directory=directory).returncode == YES
    answer(tigerd("check", "--json", directory=directory))
    os.kill(store.ping()["pid"], signal.SIGKILL)
    assert tigerd("check", directory=directory).returncode == YES


def test_check_finds_a_damaged_record(tigerd, store, directory: str) -> None:
    """Text that was changed in a segment, behind the daemon's back."""
    store.coupons.insert({"id": "A", "text": "a very long text that can be found again"})
    store.close()
    assert tigerd("stop", directory=directory).returncode == YES
    damaged = 0
    for path in Path(directory).rglob("*"):
        if path.is_file() and b"a very long text" in (content := path.read_bytes()):
            with path.open("r+b") as segment:
                segment.write(content.replace(b"a very long text", b"a very bent text"))
            damaged += 1
    assert damaged, "no segment holds the record"
    completed = tigerd("check", directory=directory)
    assert completed.returncode == NO
    assert "coupons" in completed.stdout + completed.stderr


def test_watch_tells_each_commit(start_tigerd, store, directory: str) -> None:
    store.coupons.insert({"id": "before"})
    watching = start_tigerd("watch", "--json", directory=directory)
    with_writes = WritesUntilSeen(store, watching)
    line = with_writes.first_line()
    assert line, watching.log.read_text()
    seen = json.loads(line)
    numbers = [value for value in seen.values() if type(value) is int]
    assert any(number <= store.ping()["commit"] for number in numbers)
    assert "coupons" in words(seen)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(timeout=20) in (YES, 130)
    assert "Traceback" not in watching.log.read_text()


class WritesUntilSeen:
    """Writes again and again, since nobody knows when a watcher has begun to watch."""

    def __init__(self, store: Any, process: Any) -> None:
        self.store, self.process = store, process

    def first_line(self) -> str:
        """The first line that the process prints while records are written."""
        import select

        for number in range(3_000):
            self.store.coupons.insert({"id": f"c{number}"})
            if select.select([self.process.stdout], [], [], 0.01)[0]:
                break
        return self.process.stdout.readline()


def test_top_shows_counters(tigerd, store, directory: str) -> None:
    """Where nobody looks on, one document, or one table, and then it ends."""
    store.coupons.insert({"id": "A"})
    document = answer(tigerd("top", "--json", directory=directory))
    assert document["commit"] == store.ping()["commit"]
    assert "coupons" in words(document)
    assert "coupons" in tigerd("top", directory=directory).stdout


# version, completion, exit codes, streams


def test_version(tigerd, serve, directory: str) -> None:
    shown = tigerd("version", directory=None)
    assert shown.returncode == YES
    document = answer(tigerd("version", "--json", directory=None))
    assert document["version"] in shown.stdout
    assert serve(directory).ready["version"] == document["version"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_gives_a_script_that_names_the_program(tigerd, shell: str) -> None:
    completed = tigerd("completion", shell, directory=None)
    assert completed.returncode == YES
    assert "tigerd" in completed.stdout
    assert len(completed.stdout.splitlines()) > 3


READING = [["ls", "coupons"], ["get", "coupons", "A"], ["count"], ["namespaces"], ["dump"]]


@pytest.mark.parametrize("command", [*READING, ["check"]], ids=" ".join)
def test_looking_where_nothing_is_says_so_and_starts_nothing(tigerd, directory, command) -> None:
    completed = tigerd(*command, directory=directory)
    assert completed.returncode in (NO, UNREACHABLE)
    assert "tigerd start" in completed.stderr
    assert os.listdir(directory) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_looking_works_while_the_daemon_is_dead(tigerd, store, directory, command) -> None:
    store.coupons.insert({"id": "A"})
    os.kill(store.ping()["pid"], signal.SIGKILL)
    completed = tigerd(*command, "--json", directory=directory)
    assert completed.returncode == YES, completed.stderr
    assert json.loads(completed.stdout)
    assert tigerd("status", directory=directory).returncode == NO


def test_a_directory_that_others_may_read_exits_with_3(tigerd, directory: str) -> None:
    os.chmod(directory, 0o755)
    completed = tigerd("start", directory=directory)
    assert completed.returncode == UNREACHABLE
    assert directory in completed.stderr
    assert "0700" in completed.stderr or "700" in completed.stderr


def test_a_daemon_that_does_not_answer_exits_with_3_or_5(tigerd, store, directory: str) -> None:
    """3 where nothing was sent; 5 where the time ran out."""
    pid = store.ping()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        completed = tigerd("put", "coupons", "-", directory=directory, stdin='{"id": "A"}')
    finally:
        os.kill(pid, signal.SIGCONT)
    assert completed.returncode in (UNREACHABLE, TIME_OUT)
    assert completed.stderr.strip()


def test_words_go_to_stderr_where_json_is_asked_for(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    for command in (["ls", "coupons"], ["tables"], ["count"], ["check"], ["status"], ["where"]):
        json.loads(cli(*command, "--json").stdout)


def test_no_colour_reaches_a_pipe(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    for command in (["ls", "coupons"], ["tables"], ["namespaces"], ["get", "coupons", "A"]):
        completed = cli(*command)
        assert "\x1b[" not in completed.stdout + completed.stderr


def test_a_pipe_that_is_closed_early_is_no_traceback(
    shared_directory: str, shared_store, start_tigerd
) -> None:
    """As with `tigerd dump | head -1`."""
    shared_store.coupons.insert_many({"id": f"c{n}", "text": "x" * 500} for n in range(2_000))
    dumping = start_tigerd(
        "dump", "--namespace", shared_store.current_namespace, directory=shared_directory
    )
    dumping.stdout.read(10)
    dumping.stdout.close()
    dumping.wait(timeout=30)
    assert "Traceback" not in dumping.log.read_text()
    assert "Exception ignored" not in dumping.log.read_text()
