"""What holds for all commands: errors, help, start-up, and the page that describes them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tiger import errors
from tiger.reading.changes import KINDS
from tigerd.cli import SECTIONS, cli
from tigerd.service.exits import exit_code_of

YES, NO, USAGE, UNREACHABLE, MISMATCH, TIMED_OUT = range(6)

COMMANDS = [name for names in SECTIONS.values() for name in names]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"

CODES: dict[type[errors.TigerError], int] = {
    errors.NotFound: NO,
    errors.AlreadyExists: NO,
    errors.Conflict: NO,
    errors.InvalidRecord: USAGE,
    errors.InvalidCursor: NO,
    errors.InvalidRequest: USAGE,
    errors.UnknownTable: NO,
    errors.StoreFull: NO,
    errors.Damaged: NO,
    errors.InstanceError: UNREACHABLE,
    errors.LayoutMismatch: MISMATCH,
    errors.DaemonUnavailable: UNREACHABLE,
    errors.OutcomeUnknown: TIMED_OUT,
    errors.Sealed: NO,
    errors.TimedOut: TIMED_OUT,
}


@pytest.mark.parametrize("kind", [*errors.TigerError.__subclasses__(), errors.LayoutMismatch])
def test_every_error_has_its_exit_code(kind: type[errors.TigerError]) -> None:
    if kind.__module__ == errors.__name__:
        assert exit_code_of(kind("x")) == CODES[kind]


def command_named(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def options_of(name: str) -> set[str]:
    if name == "serve":  # it reads its own
        command = [sys.executable, "-m", "tigerd", "serve", "--help"]
        shown = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
        return {*re.findall(r"--[a-z-]+", shown)} - {"--help"}
    parameters = command_named(name).params
    return {
        text
        for parameter in parameters
        if isinstance(parameter, click.Option)
        for text in parameter.opts
    }


def shared_options() -> dict[str, set[str]]:
    """Return of each option of the page's first table the commands that it says have it."""
    found = {}
    for option, on in re.findall(r"^\| `(--[a-z]+)` \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE):
        named = {*re.findall(r"`(\w+)`", on)}
        found[option] = {*COMMANDS} - named if on.startswith("all but") else named
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_describes_each_command_and_each_of_its_options(name: str) -> None:
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = next(section for section in sections if re.match(rf".*`(tigerd )?{name}`", section))
    shared = shared_options()
    assert {*shared} == {"--dir", "--namespace", "--json"}
    for option in options_of(name) - {*shared}:
        assert f"`{option}" in section, option
    assert options_of(name) & {*shared} == {each for each in shared if name in shared[each]}


def test_the_page_names_each_kind_of_change() -> None:
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## `tigerd watch`")
    for kind in KINDS.values():
        assert f"`{kind}`" in section.partition("## ")[0]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
def test_the_first_sentence_of_a_help_fits_its_line(name: str) -> None:
    assert len(command_named(name).get_short_help_str(200)) <= 62


@pytest.mark.parametrize("wrong", ["gte", "stauts", "namespace"])
def test_a_command_that_is_almost_one_gets_a_hint(tigerd, wrong: str) -> None:
    completed = tigerd(wrong, directory=None)
    assert completed.returncode == USAGE
    assert "Did you mean" in completed.stderr


def test_reading_a_record_loads_neither_rich_nor_zeromq(tigerd, shared_directory, shared_store):
    shared_store.coupons.insert({"id": "A"})
    command = [sys.executable, "-X", "importtime", "-m", "tigerd", "get", "coupons", "A"]
    command += ["--dir", shared_directory, "--namespace", shared_store.current_namespace]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    loaded = {line.rpartition("|")[2].strip() for line in completed.stderr.splitlines()}
    assert "tiger.store" in loaded
    for module in ("rich", "zmq", "argparse", "logging", "tigerd.cli.transfer"):
        assert module not in loaded


def test_the_module_and_the_group_are_one_program() -> None:
    """`cli` may be called by another name, or by another's script."""
    command = [sys.executable, "-c", "import sys; from tigerd.cli import cli; cli()", "get"]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert completed.returncode == USAGE
    assert "Usage: tigerd get" in completed.stderr


def test_serve_is_among_the_commands() -> None:
    command = [sys.executable, "-c", "from tigerd.cli import cli; cli()", "serve", "--help"]
    completed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert completed.returncode == YES
    assert "--idle-exit" in completed.stdout


SECONDS = [
    (name, option)
    for name in COMMANDS
    for option in ("--timeout", "--wait", "--interval", "--idle-exit")
    if option in {text for parameter in command_named(name).params for text in parameter.opts}
]


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_seconds_that_do_not_end_are_wrong_usage(tigerd, directory: str, value: str) -> None:
    assert ("restart", "--idle-exit") in SECONDS
    assert ("status", "--timeout") in SECONDS
    for name, option in SECONDS:
        completed = tigerd(name, f"{option}={value}", directory=directory)
        assert completed.returncode == USAGE, (name, option)
        assert f"{value!r}: use 0 to" in completed.stderr
    assert os.listdir(directory) == []


# Streams


def run_shell(line: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of sh in which $T is the program and $1... are the arguments."""
    return subprocess.run(
        ["sh", "-c", f'T="{sys.executable} -m tigerd"; {line}', "sh", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("command", ["dump", "count", "namespaces", "where"])
@pytest.mark.usefixtures("shared_connection")
def test_streams_that_are_closed_are_no_fault(shared_directory, command: str) -> None:
    completed = run_shell(f"$T {command} --dir $1 >&-", shared_directory)
    assert completed.stderr == ""
    assert completed.returncode == YES


def test_a_full_device_is_one_line_and_exit_code_1(shared_directory) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    completed = run_shell("$T where --dir $1 >/dev/full", shared_directory)
    assert completed.stderr == "tigerd: No space left on device\n"
    assert completed.returncode == NO


def test_a_terminal_that_is_not_unicode_gets_json_all_the_same(
    tigerd, shared_directory, shared_store
) -> None:
    shared_store.coupons.insert({"id": "é", "text": "…"})
    completed = tigerd(
        *("get", "coupons", "é", "--json", "--namespace", shared_store.current_namespace),
        directory=shared_directory,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert completed.stdout == '{"id": "\\u00e9", "text": "\\u2026"}\n'


def test_an_interrupt_is_130_and_a_sigterm_143(start_tigerd, store, directory: str) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        watching: Any = start_tigerd("watch", directory=directory)
        first_line(watching, store)
        watching.send_signal(number)
        assert watching.wait(timeout=20) == code
        assert watching.log.read_text() == ""


def first_line(process: Any, store: Any) -> None:
    import select

    while not select.select([process.stdout], [], [], 0.01)[0]:
        store.coupons.insert({"id": "A"})


def test_a_fault_of_the_program_is_one_line() -> None:
    program = (
        "import tigerd.cli.records as records\n"
        "def fail(*_, **__): raise RuntimeError('so\\nso')\n"
        "records.connect = fail\n"
        "from tigerd.cli import cli\n"
        "cli(['get', 'coupons', 'A'])\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False
    )
    assert completed.returncode == NO
    assert completed.stderr.startswith("tigerd: a bug in tigerd")
    assert "RuntimeError: so so" in completed.stderr
    assert completed.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_asks_the_program(tigerd, shell: str) -> None:
    assert "_TIGERD_COMPLETE" in tigerd("completion", shell, directory=None).stdout


def test_commands_and_tables_are_completed(tigerd) -> None:
    def completed(words: str, place: str) -> list[str]:
        environment = {
            "_TIGERD_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": place,
        }
        return tigerd(directory=None, env=environment).stdout.split()

    assert completed("tigerd st", "1") == [
        "plain,start",
        "plain,stop",
        "plain,status",
        "plain,stripe",
    ]
    for command in ("ls", "count", "get"):
        assert completed(f"tigerd {command} coup", "2") == ["plain,coupons"]


def run_as_another(place: Path, *arguments: str, stdin: str = "") -> Any:
    """Run it with a directory that is closed to it, which nothing is to root."""
    place.parent.chmod(0o711)
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip("there is no setpriv")
    python = [*prefix, sys.executable]
    if subprocess.run([*python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"another user cannot run {sys.executable}")
    return subprocess.run(
        [*python, "-m", "tigerd", *arguments, "--dir", str(place)],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    "command", [("status",), ("stop",), ("start",), ("tables",), ("put", "coupons"), ("check",)]
)
def test_a_place_without_permission_cannot_be_reached(
    directory: str, command: tuple[str, ...]
) -> None:
    closed = Path(directory, "closed")
    closed.mkdir(mode=0)
    completed = run_as_another(closed / "shop", *command, stdin="{}")
    assert completed.returncode == UNREACHABLE
    assert "Permission denied" in completed.stderr
    assert "choose another directory" in completed.stderr
    closed.chmod(0o700)


def test_a_control_segment_without_permission_cannot_be_reached(directory: str, tigerd) -> None:
    place = Path(directory, "shop")
    assert tigerd("start", directory=str(place)).returncode == YES
    assert tigerd("stop", directory=str(place)).returncode == YES
    place.joinpath("control").chmod(0)
    if os.geteuid() == 0:
        for path in (place, *place.iterdir()):
            os.chown(path, 65534, 65534)
        os.chmod(directory, 0o711)
    for command in (("status",), ("count",), ("check",)):
        completed = run_as_another(place, *command)
        assert completed.returncode == UNREACHABLE
        assert "mode 0600" in completed.stderr


@pytest.mark.parametrize("line", ["--help", "--version", "get --help"])
def test_help_to_a_full_device_is_one_line(line: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    completed = run_shell(f"$T {line} >/dev/full")
    assert completed.stderr == "tigerd: No space left on device\n"
    assert completed.returncode == NO


PROGRAMS = Path(__file__).with_name("programs")


@pytest.mark.parametrize(
    ("module", "codes"), [("click", {-signal.SIGINT}), ("tigerd.cli.records", {130})]
)
def test_an_interrupt_of_an_import_shows_none(module: str, codes: set[int]) -> None:
    """A shell gives 130 for both."""
    completed = subprocess.run(
        [sys.executable, PROGRAMS / "interrupted_import.py", module],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert completed.stderr == ""
    assert completed.returncode in codes


@pytest.mark.parametrize("command", ["put coupons", "put coupons -", "load -"])
def test_a_stdin_that_is_closed_is_named(shared_directory, command: str) -> None:
    completed = run_shell(f"$T {command} --dir $1 <&-", shared_directory)
    assert completed.returncode == USAGE
    assert "stdin is closed: name a file" in completed.stderr


def test_the_demo_has_a_help() -> None:
    demo = PAGE.parents[1] / "scripts" / "demo.py"
    for argument, code, words in (("--help", YES, "processes"), ("none", USAGE, "use 1 or more")):
        completed = subprocess.run(
            [sys.executable, str(demo), argument],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert completed.returncode == code
        assert words in completed.stdout + completed.stderr
        assert "Traceback" not in completed.stderr
