"""Names what a measurement depends on, besides the code."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path

from msgpack import packb

from benchmarks import PROJECT, records
from tiger.__about__ import __version__
from tiger.format import speedups

LIBRARIES = (
    "msgpack", "pyzmq", "lmdb", "redis", "hiredis", "diskcache", "pytest", "pytest-xdist", "stripe",
    "localstripe",
)  # fmt: skip


def describe_machine() -> dict[str, str]:
    """Name the day, the machine, and the versions of all that is measured."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    sizes = {table: len(packb(records.make(table, 100)[-1])) for table in records.TABLES}
    versions = [f"{name} {library_version(name)}" for name in LIBRARIES]
    return {
        "date": datetime.date.today().isoformat(),
        "revision": git_revision(),
        "machine": f"{len(usable(0))} cores, {processor_name()}, "
        f"{platform.system()} {platform.release().split('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "tigerd": f"{__version__}, {'compiled' if speedups.are_used() else 'not compiled'}",
        "libraries": ", ".join([*versions, f"sqlite {sqlite3.sqlite_version}"]),
        "redis-server": redis_version(),
        "records": ", ".join(f"{table} of {size} bytes" for table, size in sizes.items()),
    }


def git_revision() -> str:
    try:
        revision = run_text("git", "rev-parse", "--short", "HEAD")
        return revision + (" and changes" if run_text("git", "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor_name() -> str:
    """Name the processor, or at least its family: each system tells it in its own way."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    try:
        return run_text("sysctl", "-n", "machdep.cpu.brand_string")
    except (OSError, subprocess.CalledProcessError):
        return platform.machine()


def redis_version() -> str:
    if shutil.which("redis-server") is None:
        return "not on PATH"
    return run_text("redis-server", "--version").split("v=")[1].split()[0]


def library_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def run_text(*command: str) -> str:
    return subprocess.check_output(
        command, cwd=PROJECT, text=True, stderr=subprocess.DEVNULL
    ).strip()
