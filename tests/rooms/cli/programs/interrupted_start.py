"""`tigerd run`, interrupted while its daemon starts: `interrupted_start.py SIGNAL`."""

import os
import subprocess
import sys
from typing import Any

begin = subprocess.Popen


def interrupted(command: list[str], **settings: Any) -> Any:
    process = begin(command, **settings)
    print(process.pid, command[command.index("--dir") + 1], flush=True)
    os.kill(os.getpid(), int(sys.argv[1]))  # before anybody here knows the process
    return process


setattr(subprocess, "Popen", interrupted)  # noqa: B010
from tigerd.cli import cli  # noqa: E402

cli(["run", "--", "sleep", "60"])
