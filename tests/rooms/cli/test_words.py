"""What the command line shows of text that is anybody's, what it says, and how much it reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.support.terminal import at_terminal
from tigerd.tools import documents

YES, NO, USAGE = range(3)

Command = Callable[..., Any]


# What is anybody's text

HOSTILE = "\x1b[31mred\x07\n\x9b2J\u202eeslaf\u2028\t"


def is_harmless(shown: str) -> bool:
    """Whether nothing but line ends, colours and boldness of our own acts on a terminal."""
    text = re.sub(r"\x1b\[[01]?m", "", shown).replace("\r", "").replace("\n", "")
    return text.isprintable()


@pytest.mark.parametrize("command", [["get", "coupons", "A"], ["ls", "coupons"], ["dump"]])
def test_text_of_records_does_nothing_to_a_terminal(
    shared_directory, shared_store, command: list[str]
) -> None:
    item = {"id": "A", "created": HOSTILE, "name": HOSTILE, HOSTILE: [HOSTILE]}
    shared_store.coupons.insert(item)
    name = shared_store.current_namespace
    code, shown = at_terminal(*command, "--dir", shared_directory, "--namespace", name)
    assert code == YES
    assert is_harmless(shown), repr(shown)
    if command[0] == "get":
        assert json.loads(shown) == item


def test_text_of_records_forges_no_row(cli: Command, shared_store) -> None:
    shared_store.coupons.insert({"id": "A", "created": f"5\nB\t6{HOSTILE}"})
    assert [len(line.split("\t")) for line in cli("ls", "coupons").stdout.splitlines()] == [3]
    listed = json.loads(cli("ls", "coupons", "--json").stdout)
    assert listed["data"] == shared_store.coupons.list().data


@pytest.mark.parametrize(
    "document",
    [{"coupons": [{"id": "A", HOSTILE: 1e999}]}, {HOSTILE: [{}]}, {HOSTILE: 5}, {"coupons": [3]}],
    ids=["field", "table", "shape", "file"],
)
def test_text_of_documents_does_nothing_in_errors(
    cli: Command, tmp_path: Path, document: Any
) -> None:
    file = tmp_path / "a\x1b[31m\nb.json"
    file.write_text(json.dumps(document))
    completed = cli("load", str(file))
    assert completed.returncode in (NO, USAGE)
    assert completed.stderr.count("\n") == 1
    assert completed.stderr.rstrip("\n").isprintable()


# ls --all, and answers in JSON


def test_ls_all_is_every_page_as_of_one_moment(cli: Command, shared_store) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}", "even": n % 2 == 0} for n in range(250))
    everything = [f"c{n}" for n in reversed(range(250))]
    for options, found in {
        (): everything,
        ("--where", "even=true"): everything[1::2],
        ("--starting-after", "c3"): everything[-3:],
        ("--ending-before", "c200"): everything[:49],
    }.items():
        answer = json.loads(cli("ls", "coupons", "--all", "--json", *options).stdout)
        assert [record["id"] for record in answer["data"]] == found
        assert answer["has_more"] is False


def test_rm_and_clear_answer_json_and_say_what_was_there(cli: Command, shared_store) -> None:
    name = shared_store.current_namespace
    shared_store.coupons.insert_many({"id": f"c{n}"} for n in range(3))
    assert json.loads(cli("rm", "coupons", "c0", "--json").stdout) == {"removed": True}
    completed = cli("rm", "coupons", "c0", "--json")
    assert (completed.returncode, json.loads(completed.stdout)) == (NO, {"removed": False})
    answer = cli("clear", "--json")
    assert json.loads(answer.stdout) == {"namespace": name, "records": 2}
    shared_store.coupons.insert({"id": "one"})
    assert "1 record\n" in cli("clear").stdout
    again = cli("clear")
    assert again.returncode == YES
    assert "cleared" not in again.stdout
    assert "nothing to clear" in again.stdout
    assert "tigerd namespaces" in again.stdout


def test_the_shell_completes_namespaces(shared_directory, shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    name = shared_store.current_namespace
    for command in ("get", "watch"):
        completed = subprocess.run(
            [sys.executable, "-m", "tigerd"],
            env={
                **os.environ,
                "_TIGERD_COMPLETE": "bash_complete",
                "TIGERD_DIR": shared_directory,
                "COMP_WORDS": f"tigerd {command} --namespace {name[:12]}",
                "COMP_CWORD": "3",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"plain,{name}" in completed.stdout.splitlines()


# How much is read


def test_a_key_that_stands_twice_is_found_in_one_pass() -> None:
    """By the number of comparisons: half a million keys took a quarter of an hour."""
    compared = 0

    class Key(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    keys = [Key(f"k{number}") for number in range(2_000)]
    with pytest.raises(ValueError, match="'k1999' appears twice"):
        documents._to_object([(key, 1) for key in (*keys, Key("k1999"))])
    assert compared < 10 * len(keys)


def test_a_document_without_end_is_refused() -> None:
    class Endless:
        def read(self, size: int) -> bytes:
            return b"[" * size

    with pytest.raises(documents.InvalidDocument, match=r"more than 1,000 bytes.*split"):
        documents.read_document(Endless(), "x.json", most=1_000)  # type: ignore[arg-type]


def test_stop_answers_json(tigerd, store, directory: str) -> None:
    for code, is_stopped in ((YES, True), (NO, False)):
        completed = tigerd("stop", "--json", directory=directory)
        assert completed.returncode == code
        assert json.loads(completed.stdout) == {"stopped": is_stopped, "directory": directory}


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("a\x84b", r"U\+0084 at place 1"),
        ("\n", r"U\+000A at place 0"),
        ("x" * 200 + "\x7f", r"U\+007F at place 200"),
        ("a\ud800", r"U\+D800 at place 1"),
    ],
)
def test_a_letter_that_a_name_cannot_have_is_named(shared_store, name: str, named: str) -> None:
    with pytest.raises(tiger.InvalidRecord, match=named):
        shared_store.coupons.insert({"id": name})
    with pytest.raises(tiger.InvalidRecord, match=named):
        shared_store.namespace(name)


def test_errors_and_differences_of_the_library_are_lines_without_controls(shared_store) -> None:
    shared_store.coupons.insert({"id": "A", HOSTILE: HOSTILE})
    assert str(shared_store.changes()).isprintable()
    with pytest.raises(tiger.InvalidRecord) as caught:
        shared_store.coupons.insert({"id": "A", HOSTILE: {1}})
    assert str(caught.value).isprintable()
    with pytest.raises(tiger.TimedOut) as late:
        shared_store.coupons.wait_for(**{HOSTILE: 1}, timeout_s=0)
    assert str(late.value).isprintable()
