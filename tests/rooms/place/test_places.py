"""Where an instance may be: which directory is meant, whose it is, and what is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tiger
from tests.rooms.place.programs import places as programs
from tiger.place import instance, private

IS_ROOT = os.geteuid() == 0


def test_a_home_in_a_path_is_found(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell has expanded it where it stands in an .env file, whose lines may end in CR LF."""
    monkeypatch.setenv("HOME", directory)
    assert instance.find_directory("~/shop") == Path(directory, "shop")
    monkeypatch.setenv("TIGERD_DIR", "~/shop\r")
    assert instance.find_directory() == Path(directory, "shop")


def test_a_runtime_directory_of_another_user_is_not_used(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sudo leaves it to root, whose directory would be in the way of its owner's."""
    monkeypatch.delenv("TIGERD_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
    assert instance.find_directory() == Path(directory, "tigerd")
    if os.geteuid() == 0:
        os.chown(directory, 12345, 12345)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/usr")
    assert str(instance.find_directory()).startswith(("/run/user/", "/tmp/tigerd-"))


# What is in it


@pytest.mark.parametrize("command", ["start", "serve"])
def test_a_directory_with_other_things_in_it_is_left_alone(
    tigerd, directory: str, command: str
) -> None:
    """A file of its name does not make it an instance: `debian/control` is one, too."""
    Path(directory, "control").write_text("Package: shop\n")
    Path(directory, "rules").touch()
    completed = tigerd(command, directory=directory)
    assert completed.returncode == 3
    assert "'rules' is in it" in completed.stderr
    assert sorted(os.listdir(directory)) == ["control", "rules"]


def test_an_instance_with_other_things_in_it_goes_on(directory: str, tigerd) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
    assert tigerd("stop", directory=directory).returncode == 0
    Path(directory, "notes").touch()
    with tiger.connect(directory) as store:
        assert store.coupons.get("A")["id"] == "A"


@pytest.mark.parametrize("command", ["start", "status", "stop"])
def test_a_place_of_everybody_is_not_to_be_changed(tigerd, command: str) -> None:
    for place in ("/dev/shm", "/tmp", "/"):
        completed = tigerd(command, directory=place)
        assert completed.returncode == 3
        assert "chmod" not in completed.stderr
        assert "--dir or TIGERD_DIR" in completed.stderr or "of your own" in completed.stderr


def test_a_home_directory_is_refused(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", directory)
    with pytest.raises(tiger.InstanceError, match="home directory"):
        tiger.connect("~")
    assert os.listdir(directory) == []


def test_a_directory_with_setgid_is_as_any_other(directory: str) -> None:
    """A parent that has it hands it on: volumes of Kubernetes do, by fsGroup."""
    volume = Path(directory, "volume")
    volume.mkdir()
    os.chmod(volume, 0o2777)
    os.chmod(directory, 0o2700)
    with tiger.connect(volume / "tigerd") as store:
        store.coupons.insert({"id": "A"})
    Path(directory, "own").mkdir()
    os.chmod(Path(directory, "own"), 0o2700)
    with tiger.connect(Path(directory, "own")) as store:
        store.coupons.insert({"id": "A"})


def test_a_directory_is_private_whatever_the_umask(directory: str) -> None:
    place = Path(directory, "between", "shop")
    before = os.umask(0o277)
    try:
        private.make_folders(place)
    finally:
        os.umask(before)
    assert place.stat().st_mode & 0o777 == place.parent.stat().st_mode & 0o777 == 0o700


# Whose it is, and no link is followed


@pytest.mark.parametrize("name", ["start.lock", "daemon.log"])
def test_no_link_is_followed_and_nothing_is_emptied(directory: str, name: str) -> None:
    target = Path(directory, "target")
    target.write_text("mine")
    place = Path(directory, "shop")
    place.mkdir(mode=0o700)
    place.joinpath(name).symlink_to(target)
    with pytest.raises(tiger.InstanceError, match=name):
        tiger.connect(place)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", ["start.lock", "daemon.log"])
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(directory: str, name: str) -> None:
    os.mkfifo(Path(directory, name))
    with pytest.raises(tiger.InstanceError, match=name):
        tiger.connect(directory)
    os.unlink(Path(directory, name))


def test_a_pipe_in_the_place_of_a_segment_keeps_no_reader_waiting(directory: str) -> None:
    os.mkfifo(Path(directory, "control"), 0o600)
    with pytest.raises(tiger.InstanceError, match="control is not a file"):
        tiger.connect(directory, autostart=False)


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_a_place_that_cannot_be_looked_at_is_named(directory: str, run_program) -> None:
    for told in run_program(programs.errors_as_nobody, directory):
        assert "Permission denied; choose another directory" in told


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc here")
def test_a_place_where_nothing_can_be_made_is_named() -> None:
    with pytest.raises(tiger.TigerError, match="/proc/none"):
        tiger.connect("/proc/none")


def test_a_place_in_a_link_that_leads_nowhere_is_named(directory: str) -> None:
    os.symlink(f"{directory}/nowhere/at/all", f"{directory}/link")
    with pytest.raises(tiger.TigerError, match="link/place"):
        tiger.connect(f"{directory}/link/place")


def test_opened_files_are_in_the_directory_that_was_checked(directory: str) -> None:
    """Another one has its name by then; the parent is one that others may write to."""
    place, other = Path(directory, "shop"), Path(directory, "other")
    other.mkdir(mode=0o700)
    folder = instance.open_or_make(place)
    try:
        place.rename(place.with_name("moved"))
        other.rename(place)
        os.close(private.open_file(folder, place / "start.lock", os.O_RDWR))
    finally:
        os.close(folder)
    assert os.listdir(place) == []
    assert Path(directory, "moved", "start.lock").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's")
def test_a_user_without_a_number_is_not_taken_for_the_owner(directory: str, run_program) -> None:
    """All users who have none in a user namespace look like one and the same there."""
    prefix = ["unshare", "--user"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("this kernel or container allows no user namespace of one's own")
    told = run_program(programs.error_of_connect, directory, prefix=prefix)
    assert "user namespace" in told
    assert os.listdir(directory) == []


def test_an_instance_is_repaired_wherever_it_may_be(directory: str, tigerd) -> None:
    """Its socket has the longest path that there is; what is built meanwhile has none."""
    place = Path(directory, "x" * (instance.SOCKET_PATH_MAX - len(f"{directory}//socket")))
    with tiger.connect(place) as store:
        store.coupons.insert({"id": "A"})
    assert tigerd("stop", directory=str(place)).returncode == 0
    place.joinpath("control").unlink()
    completed = tigerd("repair", "--yes", directory=str(place))
    assert completed.returncode == 0, completed.stderr
    with tiger.connect(place) as store:
        assert store.coupons.get("A")["id"] == "A"
