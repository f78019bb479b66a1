"""ls, count, get, put, rm, clear: what they take and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.terminal import at_terminal

YES, NO, USAGE = range(3)

Command = Callable[..., Any]


# put


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "A"}, {"id": "B"}]',
        '{"id": "A"}\n{"id": "B"}\n',
        '{"id":\n "A"}\n\n\n{"id": "B"}',
        '\ufeff[{"id": "A"}, {"id": "B"}]',
    ],
)
def test_put_takes_an_array_or_one_object_after_another(
    cli: Command, shared_store, text: str
) -> None:
    completed = cli("put", "coupons", stdin=text)
    assert completed.stdout == "A\nB\n"
    assert [record["id"] for record in shared_store.coupons] == ["B", "A"]


def test_put_writes_all_at_once(cli: Command, shared_store) -> None:
    before = shared_store.ping()["commit"]
    cli("put", "coupons", stdin='{"id": "A"} {"id": "B"} {"name": "no id"}')
    assert shared_store.ping()["commit"] == before + 1
    assert shared_store.coupons.count() == 3


def test_put_of_many_answers_with_all_of_them(cli: Command, shared_store) -> None:
    completed = cli("put", "coupons", "--json", stdin='[{"id": "A"}, {"n": 1}]')
    written = json.loads(completed.stdout)
    assert [shared_store.coupons.get(record["id"]) for record in written] == written
    assert json.loads(cli("put", "coupons", "--json", stdin="[]").stdout) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("5", "number"),
        ("null", "null"),
        ('{"id": "A"} [1]', "record 1 is an array"),
        ('[{"id": "A"}, "x"]', "record 1 is a string"),
        ('{"id": "A"}\n{"id": ""}', "<stdin>: record 1: "),
        ('{"a": NaN}', "tigerd: <stdin>: a is nan"),
        ('[{"id": "A"}, {"a": NaN}]', "tigerd: <stdin>: record 1: a is nan"),
        ('{"id": "A", "a": NaN}', "tigerd: <stdin>: record 'A', a is nan"),
        ('{"id": "A", "id": "B"}', "twice"),
        ('{"id": "A"', "line 1"),
        ("[" * 100_000, "deep"),
        ("[1" + "0" * 5000 + "]", "digits"),
    ],
    ids=lambda value: value[:20],
)
def test_unusable_input_of_put_is_named_and_nothing_is_written(
    cli: Command, shared_store, text: str, named: str
) -> None:
    completed = cli("put", "coupons", stdin=text)
    assert completed.returncode == USAGE
    assert completed.stdout == ""
    assert completed.stderr.startswith("tigerd: ")
    assert completed.stderr.count("\n") == 1
    assert named in completed.stderr
    assert shared_store.coupons.count() == 0


def test_put_of_bytes_that_are_no_text(shared_directory: str) -> None:
    command = [sys.executable, "-m", "tigerd", "put", "coupons", "--dir", shared_directory]
    completed = subprocess.run(command, input=b'{"id": "\xff"}', capture_output=True, check=False)
    assert completed.returncode == USAGE
    assert b"not JSON" in completed.stderr


# ls and count


def test_ls_outside_a_terminal_is_lines_with_tabs(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "A", "created": 5, "name": "a\tb [red]", "x": "é" * 300})
    line = cli("ls", "coupons").stdout.removesuffix("\n")
    identity, created, rest = line.split("\t")
    assert (identity, created) == ("A", "5")
    assert json.loads(rest) == {"name": "a\tb [red]", "x": "é" * 300}


def test_ls_pages_and_says_how_to_go_on(cli: Command, shared_store) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}"} for n in range(5))
    first = cli("ls", "coupons", "--limit", "2")
    assert [line.split("\t")[0] for line in first.stdout.splitlines()] == ["c4", "c3"]
    assert "--starting-after c3" in first.stderr
    last = cli("ls", "coupons", "--starting-after", "c2", "--json")
    assert [record["id"] for record in json.loads(last.stdout)["data"]] == ["c1", "c0"]
    assert last.stderr == ""
    before = cli("ls", "coupons", "--ending-before", "c1", "--limit", "2")
    assert [line.split("\t")[0] for line in before.stdout.splitlines()] == ["c3", "c2"]
    assert "--ending-before c3" in before.stderr


def test_ls_filters_by_json_or_by_text(cli: Command, shared_store) -> None:
    shared_store.coupons.insert_many(
        [{"id": "A", "valid": True, "code": "x"}, {"id": "B", "valid": True, "code": "5"}]
    )

    def found(*arguments: str) -> list[str]:
        page = json.loads(cli("ls", "coupons", "--json", *arguments).stdout)
        return [record["id"] for record in page["data"]]

    assert found("--where", "valid=true") == ["B", "A"]
    assert found("--where", "valid=true", "--where", "code=x") == ["A"]
    assert found("--where", "code=5") == []
    assert found("--where", 'code="5"') == ["B"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("valid", "use FIELD=VALUE"),
        ("=5", "use FIELD=VALUE"),
        ("", "use FIELD=VALUE"),
        ("limit=5", "'limit' is taken"),
        ("valid=NaN", "'valid': value is nan"),
        ("a=" + "[" * 100_000, "'a' is nested too deep"),
        ("a=" + "[" * 500 + "]" * 500, "64"),
    ],
    ids=lambda value: value[:20],
)
def test_a_filter_that_cannot_be_used_is_wrong_usage(cli: Command, text: str, named: str) -> None:
    completed = cli("ls", "coupons", "--where", text)
    assert completed.returncode == USAGE
    assert named in completed.stderr
    assert len(completed.stderr) < 1000


def test_cursors_that_are_unknown_or_contradict_each_other(cli: Command) -> None:
    assert cli("ls", "coupons", "--starting-after", "A").returncode == NO
    both = cli("ls", "coupons", "--starting-after", "A", "--ending-before", "B")
    assert both.returncode == USAGE


def test_tables_without_an_instance_are_the_built_in_ones(tigerd, directory: str) -> None:
    assert len(tigerd("tables", directory=directory).stdout.splitlines()) == 45
    assert len(tigerd("tables", directory=f"{directory}/absent").stdout.splitlines()) == 45
    assert os.listdir(directory) == []


def test_a_table_of_the_users_own_is_one_like_the_others(tigerd, store, directory: str) -> None:
    store.define("parcels", prefix="pcl", indexes=["state"])
    named = json.loads(tigerd("tables", "--json", directory=directory).stdout)[-1]
    assert named == {"table": "parcels", "prefix": "pcl", "url": None, "find_by": ["state"]}
    made = tigerd("put", "parcels", directory=directory, stdin="{}").stdout.strip()
    assert made.startswith("pcl_")
    assert json.loads(tigerd("count", "--json", directory=directory).stdout)["parcels"] == 1
    assert tigerd("rm", "parcels", made, directory=directory).returncode == YES


# clear


def test_clear_of_all_ends_forks_first(tigerd, store, directory: str) -> None:
    store.coupons.insert({"id": "A"})
    store.namespace("other").plans.insert({"id": "A"})
    store.begin_fork("child").begin_fork("grandchild").define("parcels", prefix="pcl")
    store.begin_fork("sibling")
    store.namespace("sibling").parcels.insert({"id": "A"})
    completed = tigerd("clear", "--all", directory=directory)
    assert completed.returncode == YES, completed.stderr
    assert store.namespaces() == {}
    store.coupons.insert({"id": "B"})
    assert store.namespaces() == {"global": 1}


# clear, at a terminal


@pytest.mark.parametrize(("typed", "left"), [("n\n", 1), ("y\n", 0)])
def test_clear_asks_at_a_terminal(shared_directory, shared_store, typed: str, left: int) -> None:
    shared_store.coupons.insert({"id": "A"})
    name = shared_store.current_namespace
    code, shown = at_terminal("clear", "--namespace", name, "--dir", shared_directory, typed=typed)
    assert f"all records of namespace '{name}'" in shown
    assert code == (NO if left else YES)
    assert shared_store.coupons.count() == left


@pytest.mark.parametrize(("typed", "awaited", "wanted"), [("\x04", None, NO), ("", "?", 130)])
def test_the_ways_out_of_a_question(
    shared_directory, shared_store, typed: str, awaited: str | None, wanted: int
) -> None:
    """Ctrl-D is a no; Ctrl-C is what it is everywhere."""
    shared_store.coupons.insert({"id": "A"})
    name = shared_store.current_namespace
    code, shown = at_terminal(
        *("clear", "--namespace", name, "--dir", shared_directory),
        typed=typed,
        interrupted_at=awaited,
    )
    assert code == wanted
    assert "Traceback" not in shown
    assert shared_store.coupons.count() == 1


def test_clear_with_yes_asks_nobody(shared_directory, shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    name = shared_store.current_namespace
    code, shown = at_terminal(
        "clear", "--yes", "--namespace", name, "--dir", shared_directory, typed=""
    )
    assert code == YES
    assert "?" not in shown
    assert shared_store.coupons.count() == 0


def test_a_terminal_gets_a_table_that_fits_it(shared_directory, shared_store) -> None:
    shared_store.coupons.insert({"id": "A", "created": 0, "text": "[red]" + "x" * 500})
    name = shared_store.current_namespace
    _, shown = at_terminal(
        "ls", "coupons", "--namespace", name, "--dir", shared_directory, typed=""
    )
    heading, line = shown.splitlines()
    assert "created" in heading
    assert line.startswith("A   1970-01-01 00:00:00  {")
    assert "[red]" in line
    assert len(line.rstrip()) == 100


def test_a_narrow_terminal_shows_what_finds_records(shared_directory, shared_store) -> None:
    """The URL gives way: the reader needs it less."""
    _, shown = at_terminal("tables", "--dir", shared_directory, typed="")
    (line,) = (line for line in shown.splitlines() if line.startswith("plans "))
    assert line.split() == ["plans", "plan", "product", "/v1/plans"]


def test_no_color_reaches_a_terminal_that_wants_none(
    shared_directory, shared_store, monkeypatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shared_store.coupons.insert({"id": "A"})
    _, shown = at_terminal("namespaces", "--dir", shared_directory, typed="")
    assert "\x1b[" not in shown
